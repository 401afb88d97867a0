"""Imports that meet each other, an officer, a disposal, or their own sudden end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.clients.importing import run as run_module
from muniment.clients.importing.run import Order, Summary
from tests.integration.clients.kit import HEADER, PURPOSES, SERVICE, House, blocks, csv_of, row

ORDER = Order(SERVICE, "export", generated=True)


class Killed(BaseException):
    """Stands for a process that is killed: nothing of ours may catch it."""


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "CHUNK", 7)


def together(*works: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(60) for future in [pool.submit(work) for work in works]]


@pytest.mark.usefixtures("small_chunks")
def test_two_imports_of_one_file_at_once_take_it_in_once(house: House) -> None:
    content = csv_of([row(number) for number in range(60)])
    barrier = threading.Barrier(2)

    def go() -> Summary:
        barrier.wait()
        return house.importer().run(ORDER, blocks(content))

    first, second = together(go, go)
    assert first.new + second.new == 60
    assert first.unchanged + second.unchanged == 60
    assert house.scalar("select count(*) from client_file") == 60
    assert house.scalar("select count(*) from person") == 60
    assert house.scalar("select count(*) from record") == 120


@pytest.mark.usefixtures("small_chunks")
def test_a_policy_adopted_meanwhile_judges_the_rows_that_are_left(house: House) -> None:
    """What is remembered of cells from one chunk to the next ends with the policy that judged them."""

    def adopt(summary: Summary) -> None:
        if summary.rows == 7:
            house.adopt(purposes={**PURPOSES, "condition": []})

    content = csv_of([row(number) for number in range(10)])
    summary = house.importer().run(ORDER, blocks(content), progress=adopt)
    assert (summary.new, summary.rejected) == (7, 3)
    assert {(reject.column, reject.code) for reject in summary.rejects} == {("Condition", "no-condition")}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_import_run_again_ends_in_the_same_state(houses: tuple[House, House], after: int) -> None:
    killed, whole = houses
    content = csv_of([row(number) for number in range(40)])

    def kill(summary: Summary) -> None:
        if summary.rows >= after * 7:
            raise Killed

    with pytest.raises(Killed):
        killed.importer().run(ORDER, blocks(content), progress=kill)
    assert killed.scalar("select count(*) from client_file") == after * 7
    assert killed.scalar("select state from import_run") == "running"
    again = killed.importer().run(ORDER, blocks(content))
    whole.importer().run(ORDER, blocks(content))
    assert (again.new, again.unchanged) == (40 - after * 7, after * 7)
    columns = "reference, name_key, postcode_key, born_on, opened_on, issuer"
    assert killed.all(f"select {columns} from client_file order by 1") == whole.all(
        f"select {columns} from client_file order by 1"
    )
    for table in ("person", "record", "milestone", "enrolment", "import_memory"):
        assert killed.scalar(f"select count(*) from {table}") == whole.scalar(f"select count(*) from {table}")


@pytest.mark.usefixtures("small_chunks")
def test_a_kill_inside_a_chunk_leaves_no_half_row(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    content = csv_of([row(number) for number in range(20)])
    told = 0

    def die(*_: object) -> Iterator[Any]:
        nonlocal told
        told += 1
        if told == 2:
            raise Killed
        return iter(())

    with monkeypatch.context() as patched:
        patched.setattr("muniment.clients.importing.chunk.tell", die)
        with pytest.raises(Killed):
            house.importer().run(ORDER, blocks(content))
    assert house.scalar("select count(*) from client_file") == 7
    assert house.scalar("select count(*) from person") == 7
    assert house.scalar("select rows_done from import_run") == 7
    assert house.importer().run(ORDER, blocks(content)).new == 13


def test_an_import_waits_for_an_officer_and_sees_what_they_did(house: House) -> None:
    house.take_in([row(1)])
    locked, done = threading.Event(), threading.Event()

    def officer() -> None:
        with house.session() as session:
            session.connection().exec_driver_sql("select id from client_file for no key update")
            locked.set()
            done.wait(0.5)
            session.connection().exec_driver_sql("update client_file set postcode = 'ZZ7 7ZZ', postcode_key = 'zz77zz'")

    def importer() -> Summary:
        locked.wait()
        return house.take_in([row(1, Postcode="ZZ7 7ZZ")])

    _, summary = together(officer, importer)
    assert (summary.unchanged, summary.updated) == (1, 0), "what was read before the lock would have been changed again"


def test_a_file_disposed_of_while_the_import_waits_stays_gone(house: House) -> None:
    house.take_in([row(1), row(2)])
    locked = threading.Event()

    def sweep() -> None:
        with house.session() as session:
            run = session.connection().exec_driver_sql
            run("select id from client_file where reference = 'C-1' for no key update")
            locked.set()
            threading.Event().wait(0.5)
            run("delete from record where file_id = (select id from client_file where reference = 'C-1')")
            run("delete from client_file where reference = 'C-1'")

    def importer() -> Summary:
        locked.wait()
        return house.take_in([row(1, Postcode="ZZ7 7ZZ"), row(2)])

    _, summary = together(sweep, importer)
    assert (summary.suppressed, summary.unchanged, summary.new) == (1, 1, 0)
    assert house.all("select reference from client_file") == [("C-2",)]


def test_an_officer_and_an_import_cannot_both_take_a_reference(house: House) -> None:
    barrier = threading.Barrier(2)
    refused: list[str] = []

    def officer() -> None:
        barrier.wait()
        try:
            house.register(reference="C-1", issuer="export", family_name="Specimen1", given_names="Canary Ann")
        except Exception as error:
            refused.append(getattr(error, "code", repr(error)))

    def importer() -> Summary:
        barrier.wait()
        return house.take_in([row(1)])

    together(officer, importer)
    assert house.scalar("select count(*) from client_file") == 1
    assert refused in ([], ["reference-in-use"])


CELLS = st.lists(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8),
    min_size=len(HEADER),
    max_size=len(HEADER),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(CELLS, max_size=4), rest=st.binary(max_size=200))
def test_garbage_gives_rejects_and_nothing_else(house: House, rows: list[list[str]], rest: bytes) -> None:
    made = [dict(zip(HEADER, cells, strict=True)) for cells in rows]
    summary = house.take_in(csv_of([row(0, Ref=""), *made]) + rest, dry_run=True)
    assert summary.rejected >= 1
