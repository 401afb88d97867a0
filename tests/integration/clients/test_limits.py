"""Restriction and objection: found and not shown, read on four grounds alone, changed by nobody, ended after
telling."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, MunimentError, NotFound
from muniment.clients.attachments import add_attachment, attachments
from muniment.clients.events import NewEnrolment, NewMilestone, add_milestone, enrol
from muniment.clients.facts import FILE
from muniment.clients.files import change_stub, open_file
from muniment.clients.limiting import (
    Lifting,
    LimitDecision,
    NewLimit,
    all_limits,
    decide_objection,
    lift_limit,
    place_limit,
)
from muniment.clients.limits import Limits, LimitView, limits_on, stands
from muniment.clients.locks import change_file
from muniment.clients.people import join_persons
from muniment.clients.records import NewValue, add_record, change_values
from muniment.clients.registers import NewEntry, NewRegister, add_register, change_entries, open_register
from muniment.clients.search import Search, search
from muniment.clients.stub import Stub
from muniment.clock import FixedClock
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from tests.integration.clients.kit import SERVICE, House, case, row
from tests.server import TODAY

TOLD = Lifting(told_on=TODAY, reason="the facts are settled")


def place(house: House, file_id: UUID, ground: str = "18.1.a", *purposes: str) -> UUID:
    with house.session() as session:
        return place_limit(session, house.caller, file_id, NewLimit(ground=ground, purposes=purposes))  # type: ignore[arg-type]


def refused(house: House, act: Callable[[Any], object]) -> str:
    """The code by which an act is refused; empty if it is not."""
    with house.session() as session:
        try:
            act(session)
        except MunimentError as error:
            return error.code
        finally:
            session.rollback()
    return ""


def file_of(house: House, number: int = 1) -> UUID:
    found: UUID = house.scalar("select id from client_file where reference = :reference", reference=f"C-{number}")
    return found


def test_a_restricted_file_is_found_by_its_reference_and_shows_nothing_else(house: House) -> None:
    house.take_in([row(1), row(2)])
    file_id = file_of(house)
    place(house, file_id)
    with house.session() as session:
        found = search(session, house.caller, Search(family_name="Specimen")).items
        hidden, shown = sorted(found, key=lambda one: not one.restricted)
        view = open_file(session, house.caller, file_id)
    assert (hidden.id, hidden.restricted, hidden.reference) == (file_id, True, "C-1")
    assert (hidden.family_name, hidden.given_names, hidden.born_on, hidden.postcode) == (None,) * 4
    assert (shown.family_name, shown.restricted) == ("Specimen2", False)
    assert view.restricted
    assert view.reference == "C-1"
    assert view.withheld == 3
    assert {record.record_class for record in view.records} == {"advice/case", "advice/medical"}
    assert all(record.values == {} for record in view.records)
    said = str(view)
    assert not [word for word in ("anary", "pecimen", "1980", "ZZ1", "QQ12", "last-contact", "skills") if word in said]


def test_what_is_restricted_is_read_on_four_grounds_alone_and_that_is_an_event(house: House) -> None:
    house.take_in([row(1)])
    file_id = file_of(house)
    place(house, file_id)
    with house.session() as session:
        view = open_file(session, house.caller, file_id, "legal-claims")
    assert not view.restricted
    assert view.family_name == "Specimen1"
    assert [limit.ground for limit in view.limits] == ["18.1.a"]
    facts = house.all("select subject, facts from audit_event where event = 'clients.limit.passed'")
    assert facts == [(file_id, {"exception": "legal-claims"})]


def test_a_restriction_of_one_purpose_withholds_what_is_held_for_that_alone(house: House) -> None:
    file_id = house.register(record=case(note="for support"))
    both = {"personal.paid": NewValue("7.00", "client", ("support", "statistics"))}
    record_id = house.scalar("select id from record where file_id = :id", id=file_id)
    with house.session() as session:
        change_values(session, house.caller, house.context(session), file_id, record_id, both)
    place(house, file_id, "21.1", "support")
    with house.session() as session:
        view = open_file(session, house.caller, file_id)
        condition = {purpose: stands(FILE, purpose=purpose) for purpose in ("support", "statistics")}
        barred = {name: session.scalar(select(FILE.c.id).where(each)) for name, each in condition.items()}
        assert session.scalar(select(FILE.c.id).where(stands(FILE))) is None
    assert (view.restricted, view.withheld, view.family_name) == (False, 1, "Canary")
    assert view.records[0].values.keys() == {"personal.paid"}
    assert barred == {"support": file_id, "statistics": None}

    def change(**values: NewValue | None) -> str:
        named = {f"personal.{name}": value for name, value in values.items()}
        return refused(house, lambda s: change_values(s, house.caller, house.context(s), file_id, record_id, named))

    assert change(note=NewValue("other", "client", ("statistics",))) == "restricted"
    assert change(note=None) == "restricted"
    assert change(work=NewValue("out", "client", ("support",))) == "restricted"
    assert change(paid=NewValue("8.00", "client", ("statistics",))) == ""


def test_nothing_of_a_restricted_file_is_changed_and_what_serves_the_person_is(
    house: House, tmp_path: Any, keys: KeyRing
) -> None:
    house.take_in([row(1)])
    file_id, other = file_of(house), house.register()
    record_id = house.scalar("select id from record where file_id = :id limit 1", id=file_id)
    person, another = (
        house.scalar("select person_id from client_file where id = :id", id=key) for key in (file_id, other)
    )
    entries = (NewEntry(True, file_id),)
    register = NewRegister(
        service=SERVICE,
        record_class="attendance",
        title="Course",
        held_on=TODAY,
        entries=(*entries, NewEntry(True, other)),
    )
    with house.session() as session:
        register_id = add_register(session, house.caller, house.context(session), register)
    store, caller = FileStore(tmp_path, keys), house.caller
    contact = NewMilestone("last-contact", TODAY, "client", own_act=True)
    acts: dict[str, Callable[[Any], object]] = {
        "stub": lambda s: change_stub(s, caller, file_id, Stub(family_name="Other")),
        "record": lambda s: add_record(s, caller, house.context(s), file_id, case()),
        "values": lambda s: change_values(s, caller, house.context(s), file_id, record_id, {}),
        "milestone": lambda s: add_milestone(s, caller, house.context(s), file_id, contact),
        "enrolment": lambda s: enrol(s, caller, file_id, NewEnrolment("skills", TODAY)),
        "attachment": lambda s: add_attachment(s, caller, store, file_id, record_id, "a", "text/plain", [b"x"]),
        "attachments read": lambda s: attachments(s, caller, file_id),
        "a new register": lambda s: add_register(s, caller, house.context(s), register),
        "a register that names it": lambda s: change_entries(s, caller, register_id, [NewEntry(False, None, "Guest")]),
        "joining persons": lambda s: join_persons(s, caller, another, person),
    }
    assert {name: refused(house, act) for name, act in acts.items()} == dict.fromkeys(acts, "")
    limit_id = place(house, file_id)
    assert {name: refused(house, act) for name, act in acts.items()} == dict.fromkeys(acts, "restricted")
    assert refused(house, lambda s: attachments(s, caller, file_id, "consent")) == ""
    with house.session() as session:
        seen = open_register(session, caller, register_id)
    assert (seen.withheld, [entry.file_id for entry in seen.entries]) == (1, [other])
    with house.session() as session:
        lift_limit(session, caller, limit_id, TOLD)
    assert {name: refused(house, act) for name, act in acts.items()} == dict.fromkeys(acts, "")


def test_what_waited_for_a_restriction_to_be_placed_is_refused_by_it(house: House) -> None:
    house.take_in([row(1)])
    file_id = file_of(house)
    with ThreadPoolExecutor(1) as pool, house.session() as session:
        place_limit(session, house.caller, file_id, NewLimit(ground="18.1.a"))
        waits = pool.submit(refused, house, lambda other: change_file(other, house.caller, file_id))
        while not house.scalar("select exists (select from pg_locks where not granted)"):
            assert not waits.done(), "it did not wait"
        session.commit()
        assert waits.result(20) == "restricted"


def test_an_import_passes_over_a_restricted_file_and_says_so(house: House) -> None:
    house.take_in([row(1), row(2)])
    place(house, file_of(house, 1))
    place(house, file_of(house, 2), "18.1.a", "statistics")
    before = house.all("select * from client_file order by id")
    summary = house.take_in([row(1), row(2)])
    assert (summary.unchanged, summary.rejected) == (1, 1)
    assert [(reject.line, reject.code) for reject in summary.rejects] == [(2, "restricted")]
    changed = house.take_in([row(1, Postcode="ZZ9 9ZZ"), row(2, Postcode="ZZ9 9ZZ")])
    assert (changed.updated, changed.rejected) == (1, 1)
    assert house.all("select * from client_file where reference = 'C-1'") == before[:1]


def test_a_restriction_is_lifted_once_the_person_was_told(house: House, clock: FixedClock) -> None:
    file_id = house.register()
    limit_id = place(house, file_id)
    clock.advance(timedelta(days=3))
    today = clock.today()
    wrong = (
        (Lifting(told_on=today + timedelta(days=1), reason="settled"), "date-in-future"),
        (Lifting(told_on=TODAY - timedelta(days=1), reason="settled"), "date-too-early"),
        (Lifting(told_on=today, reason=" "), "no-reason"),
    )

    def lift(lifting: Lifting) -> str:
        return refused(house, lambda s: lift_limit(s, house.caller, limit_id, lifting))

    assert [lift(lifting) for lifting, _ in wrong] == [code for _, code in wrong]
    with house.session() as session:
        lift_limit(session, house.caller, limit_id, Lifting(told_on=today, reason="settled"))
        (ended,) = all_limits(session, house.caller, file_id)
        assert limits_on(session, [file_id]) == {}
    assert (ended.state, ended.told_on, ended.stands, ended.reason) == ("lifted", today, False, "settled")
    assert lift(TOLD) == "ended"
    events = house.all("select event from audit_event where event like 'clients.limit.%' order by at, id")
    assert [event for (event,) in events] == ["clients.limit.placed", "clients.limit.lifted"]


def test_an_objection_restricts_until_it_is_decided_on_grounds_of_the_case(house: House) -> None:
    file_id = house.register()
    limit_id = place(house, file_id, "21.1")

    def decide(**given: Any) -> str:
        decision = LimitDecision(told_on=TODAY, **given)
        return refused(house, lambda s: decide_objection(s, house.caller, limit_id, decision))

    assert decide(outcome="overridden", reason="the claim") == "no-grounds"
    assert decide(outcome="overridden", because="public-interest-task", reason="the claim") == "no-grounds"
    assert decide(outcome="overridden", because="legal-claims") == "no-reason"
    with house.session() as session:
        assert limits_on(session, [file_id])[file_id].standing[0].keeps
        decide_objection(session, house.caller, limit_id, LimitDecision(outcome="upheld", told_on=TODAY))
        limits = limits_on(session, [file_id])[file_id]
    assert limits.whole, "what was objected to stays barred"
    assert not limits.standing[0].keeps, "the restriction meanwhile is over"
    assert decide(outcome="upheld") == "decided"
    other = place(house, house.register(), "21.1", "support")
    compelling = LimitDecision(outcome="overridden", told_on=TODAY, because="compelling-grounds", reason="a court asks")
    with house.session() as session:
        decide_objection(session, house.caller, other, compelling)
    assert house.scalar("select ended_at is not null from client_limit where id = :id", id=other)


def test_an_objection_to_direct_marketing_is_upheld_at_once(house: House) -> None:
    file_id = house.register()
    assert refused(house, lambda s: place_limit(s, house.caller, file_id, NewLimit(ground="21.2"))) == "no-purpose"
    limit_id = place(house, file_id, "21.2", "statistics")
    decision = LimitDecision(outcome="overridden", told_on=TODAY, because="compelling-grounds", reason="sales")
    assert refused(house, lambda s: decide_objection(s, house.caller, limit_id, decision)) == "decided"
    with house.session() as session:
        (limit,) = limits_on(session, [file_id])[file_id].standing
    assert (limit.state, limit.keeps) == ("upheld", False)


def test_who_may_not_and_what_is_not_there(houses: tuple[House, House]) -> None:
    house, other = houses
    file_id = house.register()
    limit_id = place(house, file_id)
    reader = Caller(house.caller.actor, house.id, {Permission.READ_CLIENTS: None})
    elsewhere = Caller(house.caller.actor, house.id, {Permission.RESTRICT_CLIENTS: frozenset({"housing"})})
    new = NewLimit(ground="18.1.b")
    for caller, error in ((reader, Forbidden), (elsewhere, NotFound)):
        with house.session() as session, pytest.raises(error):
            place_limit(session, caller, file_id, new)
        with house.session() as session, pytest.raises(error):
            lift_limit(session, caller, limit_id, TOLD)
    with house.session() as session:
        assert len(all_limits(session, reader, file_id)) == 1
        with pytest.raises(NotFound):
            all_limits(session, elsewhere, file_id)
    with other.session() as session:
        assert limits_on(session, [file_id]) == {}
        with pytest.raises(NotFound):
            place_limit(session, other.caller, file_id, new)
        with pytest.raises(NotFound):
            lift_limit(session, other.caller, limit_id, TOLD)
    assert refused(house, lambda s: place_limit(s, house.caller, file_id, NewLimit(ground="18.1.a"))) == "stands"
    unknown = NewLimit(ground="18.1.a", purposes=("fishing",))
    with house.session() as session, pytest.raises(InvalidInput, match="it has: statistics, support"):
        place_limit(session, house.caller, file_id, unknown)


def test_a_file_takes_its_limits_with_it(house: House) -> None:
    file_id = house.register()
    place(house, file_id)
    with house.session() as session:
        session.execute(text("delete from record where file_id = :id"), {"id": file_id})
        session.execute(text("delete from client_file where id = :id"), {"id": file_id})
    assert house.scalar("select count(*) from client_limit") == 0


PURPOSES = st.frozensets(st.sampled_from(["support", "statistics", "marketing"]))


def limited(*purposes: str) -> LimitView:
    return LimitView(
        id=UUID(int=1), kind="restriction", ground="18.1.a", purposes=purposes, state="standing",
        placed_at=FixedClock(date(2026, 1, 1)).now(), decided_at=None, ended_at=None, told_on=None, because=None,
        reason=None,
    )  # fmt: skip


@given(standing=st.lists(PURPOSES, max_size=3), more=PURPOSES, held_for=PURPOSES, also=PURPOSES)
def test_more_limits_never_free_and_more_purposes_never_bar(
    standing: list[frozenset[str]], more: frozenset[str], held_for: frozenset[str], also: frozenset[str]
) -> None:
    limits = Limits(tuple(limited(*each) for each in standing))
    stricter = Limits((*limits.standing, limited(*more)))
    if limits.bars(held_for):
        assert stricter.bars(held_for)
    if held_for and not limits.bars(held_for):
        assert not limits.bars(held_for | also)
    if limits.bars(held_for):
        with pytest.raises(Conflict):
            limits.refuse(held_for)
