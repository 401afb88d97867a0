"""Whatever a hold is on, it keeps what it covers and nothing else, from the moment it is committed."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.retention.holds.placing import NewHold, holds, holds_to_review, place_hold, release_hold
from muniment.retention.holds.query import HoldQuery
from tests.integration.retention.kit import SERVICE, House, hold

LONG_AGO = date(2019, 3, 1)


@pytest.fixture
def ready(house: House) -> House:
    """Two due files, the first in a programme, and a due register that names the first."""
    house.adopt()
    first = house.file("case", milestones={"case-closed": LONG_AGO}, enrolled=[("bridge", LONG_AGO)])
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.register(LONG_AGO, first)
    house.register(LONG_AGO)
    house.flush()
    house.arm("case", "attendance")
    return house


@pytest.mark.parametrize("scope", ["file", "person", "programme"])
def test_a_hold_on_somebody_keeps_their_records_and_the_registers_that_name_them(ready: House, scope: str) -> None:
    (file_id,) = ready.ids("select file_id from enrolment")
    person = ready.scalar("select person_id from client_file where id = :id", id=file_id)
    placed = hold(ready, scope, {"file": file_id, "person": person, "programme": "bridge"}[scope])
    run = ready.sweep()
    assert (run.disposed, run.kept) == (2, 2)
    assert ready.ids("select id from client_file") == [file_id]
    assert ready.ids("select register_id from register_entry") == ready.ids("select id from register")
    with ready.session() as session:
        release_hold(session, ready.caller, placed.id, "the claim is settled")
    assert ready.sweep().disposed == 2


@pytest.mark.parametrize("table", ["record", "register"])
def test_a_hold_on_a_record_or_register_keeps_that_one(ready: House, table: str) -> None:
    one = ready.scalar(f"select id from {table} order by id limit 1")
    assert hold(ready, "record", one).records == 1
    assert ready.sweep().disposed == 3
    assert ready.ids(f"select id from {table}") == [one]


def test_a_hold_on_a_class_keeps_the_class(ready: House) -> None:
    assert hold(ready, "class", f"{SERVICE}/case").records == 2
    assert ready.sweep().disposed == 2
    assert ready.scalar("select count(*) from record") == 2
    assert ready.scalar("select holds from certificate limit 1") == 1


def test_several_holds_hold_until_the_last_is_released(ready: House) -> None:
    file_id = ready.scalar("select file_id from enrolment")
    first, second = hold(ready, "file", file_id), hold(ready, "class", f"{SERVICE}/case")
    for placed, left in ((second, 1), (first, 0)):
        with ready.session() as session:
            release_hold(session, ready.caller, placed.id, "no longer needed")
        ready.sweep()
        assert ready.scalar("select count(*) from record") == left
    with ready.session() as session:
        assert holds(session, ready.caller) == ()
        with pytest.raises(Conflict):
            release_hold(session, ready.caller, first.id, "again")


def test_what_is_gone_cannot_be_held(ready: House) -> None:
    file_id = ready.scalar("select file_id from enrolment")
    ready.sweep()
    with pytest.raises(NotFound):
        hold(ready, "file", file_id)


@pytest.mark.parametrize(("scope", "target"), [("file", "nonsense"), ("record", "7"), ("person", "")])
def test_a_target_that_is_no_key_is_refused(ready: House, scope: str, target: str) -> None:
    with pytest.raises(InvalidInput):
        hold(ready, scope, target)


@pytest.mark.parametrize("scope", ["file", "person", "record"])
def test_another_councils_object_is_not_found(ready: House, councils: tuple[UUID, UUID], scope: str) -> None:
    other = House(ready.database, councils[1], ready.ledger_dir)
    other.adopt()
    file_id = ready.scalar("select file_id from enrolment")
    person = ready.scalar("select person_id from client_file where id = :id", id=file_id)
    target = {"file": file_id, "person": person, "record": ready.scalar("select id from record limit 1")}[scope]
    with pytest.raises(NotFound):
        hold(other, scope, target)


def test_a_hold_needs_the_permission_for_the_service(ready: House) -> None:
    elsewhere = Caller(ready.caller.actor, ready.id, {Permission.HOLD_RECORDS: frozenset({"another"})})
    with pytest.raises(Forbidden):
        hold(ready, "file", ready.scalar("select file_id from enrolment"), elsewhere)
    with pytest.raises(NotFound), ready.session() as session:
        release_hold(session, ready.caller, uuid4(), "unknown")


@pytest.mark.parametrize("scope", ["file", "person", "record", "class", "programme", "query", "register"])
def test_a_hold_of_one_service_is_not_shown_to_another(ready: House, scope: str) -> None:
    file_id = ready.scalar("select file_id from enrolment")
    targets = {
        "file": file_id,
        "person": ready.scalar("select person_id from client_file where id = :id", id=file_id),
        "record": ready.scalar("select id from record where file_id = :id", id=file_id),
        "register": next(iter(ready.ids("select id from register"))),
        "class": f"{SERVICE}/case",
        "programme": "bridge",
    }
    if scope == "query":
        new = NewHold(
            scope="query", query=HoldQuery(service=SERVICE), ground="a claim", authoriser="solicitor",
            review_on=date(2030, 1, 31),
        )  # fmt: skip
        with ready.session() as session:
            placed = place_hold(session, ready.caller, new)
    else:
        placed = hold(ready, "record" if scope == "register" else scope, targets[scope])
    with ready.session() as session:
        session.execute(text("update hold set review_on = '2026-11-20'"))
    for service, seen in ((SERVICE, True), ("another", scope == "programme")):
        caller = Caller(ready.caller.actor, ready.id, {Permission.READ_RETENTION: frozenset({service})})
        with ready.session() as session:
            for listed in (holds(session, caller), holds_to_review(session, caller)):
                assert [one.id for one in listed] == [placed.id] * seen
