"""What is restricted is not disposed of (UK GDPR Art 18(2)): by a sweep, whenever it comes, nor after a restore."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from muniment.clients.limiting import Lifting, LimitDecision, NewLimit, decide_objection, lift_limit, place_limit
from muniment.clients.limits import Ground
from muniment.clock import FixedClock
from muniment.retention.approval.arming import preview
from muniment.retention.disposal.chunk import sweep_chunk
from muniment.retention.disposal.sweep import begin_run, want_run
from muniment.retention.evidence.keeping import put_back_keeping
from muniment.retention.explain import explain
from muniment.retention.subjects import RECORDS, REGISTERS, Subject
from muniment.retention.upkeep import _held_subjects
from muniment.wiring import wire
from tests.integration.retention.kit import SERVICE, House

LONG_AGO = date(2019, 3, 1)


@pytest.fixture
def ready(house: House) -> tuple[House, UUID]:
    """Two due files, and two due registers of which one names the first."""
    wire()
    house.adopt()
    first = house.file("case", milestones={"case-closed": LONG_AGO})
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.register(LONG_AGO, first)
    house.register(LONG_AGO)
    house.flush()
    house.arm("case", "attendance")
    return house, first


def place(house: House, file_id: UUID, ground: Ground = "18.1.a") -> UUID:
    with house.session() as session:
        return place_limit(session, house.caller, file_id, NewLimit(ground=ground))


def test_a_sweep_keeps_what_is_restricted_and_the_register_that_names_it(ready: tuple[House, UUID]) -> None:
    house, first = ready
    limit_id = place(house, first)
    (record_id,) = house.ids("select id from record where file_id = :id", id=first)
    with house.session() as session:
        assert first in _held_subjects(session), "what the audit log has of it stays too"
        said = explain(session, house.caller, record_id)
    words = "its file is restricted (UK GDPR Art 18(1)(a)): its accuracy is contested, and is being verified"
    assert words in said.blocks
    assert words in said.lines
    with house.session() as session:
        seen = [preview(session, house.caller, f"{SERVICE}/{name}") for name in ("case", "attendance")]
    assert [(one.due, one.kept) for one in seen] == [(2, 1), (2, 1)]
    run = house.sweep()
    assert (run.disposed, run.kept) == (2, 2)
    assert house.ids("select id from client_file") == [first]
    assert house.ids("select register_id from register_entry") == house.ids("select id from register")
    assert {tuple(row) for row in house.all("select holds, kept from certificate")} == {(1, 1)}
    with house.session() as session:
        today = house.clock.today()
        lift_limit(session, house.caller, limit_id, Lifting(told_on=today, reason="the facts are settled"))
    assert house.sweep().disposed == 2
    assert house.scalar("select count(*) from client_limit") == 0


@pytest.mark.parametrize(("outcome", "left"), [("upheld", 0), ("overridden", 0), (None, 1)])
def test_an_objection_keeps_until_it_is_decided(ready: tuple[House, UUID], outcome: Any, left: int) -> None:
    house, first = ready
    limit_id = place(house, first, "21.1")
    if outcome:
        decision = LimitDecision(
            outcome=outcome, told_on=house.clock.today(), because="compelling-grounds", reason="a court asks"
        )
        with house.session() as session:
            decide_objection(session, house.caller, limit_id, decision)
    house.sweep()
    assert house.scalar("select count(*) from client_file") == left


def run(house: House) -> UUID:
    with house.session() as session:
        run_id = want_run(session)
        begin_run(session)
    return run_id


def together(*works: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(60) for future in [pool.submit(work) for work in works]]


@pytest.mark.parametrize("subject", [RECORDS, REGISTERS], ids=lambda subject: subject.name)
def test_a_restriction_that_is_being_placed_wins_over_a_sweep(ready: tuple[House, UUID], subject: Subject) -> None:
    """The sweep has walked to the file and passes over it, locked; its next run sees what was committed."""
    house, first = ready
    run_id = run(house)
    placed, swept = threading.Event(), threading.Event()

    def officer() -> None:
        with house.session() as session:
            place_limit(session, house.caller, first, NewLimit(ground="18.1.b"))
            placed.set()
            assert swept.wait(30)

    def sweeper() -> int:
        assert placed.wait(30)
        try:
            with house.session() as session:
                chunk = sweep_chunk(session, subject, house.ledger, run_id=run_id, limit=100)
            return chunk.locked
        finally:
            swept.set()

    _, locked = together(officer, sweeper)
    assert locked == 1, "what somebody else has locked is passed over"
    house.sweep()
    assert house.ids("select id from client_file") == [first]
    assert house.scalar("select count(*) from register") == 1


@pytest.mark.parametrize("subject", [RECORDS, REGISTERS], ids=lambda subject: subject.name)
def test_a_restriction_waits_for_a_chunk_that_has_the_file_and_finds_it_gone(
    ready: tuple[House, UUID], subject: Subject
) -> None:
    """Never both: what is answered as restricted is there afterwards."""
    house, first = ready
    run_id = run(house)
    taken, asked = threading.Event(), threading.Event()

    def sweeper() -> int:
        with house.session() as session:
            disposed = sweep_chunk(session, subject, house.ledger, run_id=run_id, limit=100).disposed
            taken.set()
            asked.wait(0.3)
        return disposed

    def officer() -> bool:
        assert taken.wait(30)
        try:
            place(house, first)
        except Exception:
            return False
        return True

    disposed, restricted = together(sweeper, officer)
    assert disposed == 2
    assert restricted is (house.scalar("select count(*) from client_file where id = :id", id=first) == 1)
    assert restricted is (subject is REGISTERS)


def test_a_restriction_outlives_a_restore(ready: tuple[House, UUID], clock: FixedClock) -> None:
    """The ledger has what was placed, and what was lifted, as the rows say it."""
    house, first = ready
    limit_id = place(house, first)
    with house.session() as session:
        lift_limit(session, house.caller, limit_id, Lifting(told_on=clock.today(), reason="settled"))
    before = house.all("select * from client_limit")
    lines = [
        chunk.intent.evidence for chunk in house.ledger.chunks().values() if "client_limit" in chunk.intent.evidence
    ]
    with house.session() as session:
        session.connection().exec_driver_sql("delete from client_limit")
        assert put_back_keeping(session, lines[0]) == 1
    assert house.scalar("select state from client_limit") == "standing"
    with house.session() as session:
        assert put_back_keeping(session, lines[1]) == 1
        assert put_back_keeping(session, lines[1]) == 0
    assert house.all("select * from client_limit") == before
