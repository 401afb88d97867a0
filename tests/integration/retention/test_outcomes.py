"""What was to be destroyed on paper and was not: looked for and not found, or still needed. Nothing goes in silence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.connectors import Erasure, ErasureRequest
from muniment.api.errors import Conflict, Forbidden, InvalidInput, MunimentError, NotFound
from muniment.audit.sealing import seal_council
from muniment.database.session import Actor
from muniment.jobs.actors import Deployment
from muniment.retention.disposal.outcomes import Searched
from muniment.retention.disposal.restore import recover
from muniment.retention.evidence.certificates import certificates
from muniment.retention.evidence.proving import certificate_document
from muniment.retention.evidence.reading import reading
from muniment.retention.explain import explain
from muniment.retention.holds.placing import release_hold
from tests.integration.retention.kit import House, hold
from tests.integration.retention.outcomes import (
    LOOKED_ON,
    accepted,
    destroyed,
    gauge,
    keys_of,
    lines,
    looked,
    needed,
    officer,
    on_the_list,
    outstanding,
)
from tests.integration.retention.systems import System
from tests.integration.retention.systems import gauge as system_gauge


def test_what_is_not_found_stays_outstanding_until_a_second_person_has_looked(emptied: House) -> None:
    one, other = officer(emptied, 1), officer(emptied, 2)
    first, second, third, *_ = keys_of(emptied)
    assert looked(emptied, one, first, second) == Searched(2, 0)
    assert (outstanding(emptied)[first].searched_on, gauge(emptied, "not_found")) == (LOOKED_ON, 2)
    assert "looked for on 2026-11-19" in outstanding(emptied)[first].line
    assert first in on_the_list(emptied), "whoever takes the list along looks again"
    assert looked(emptied, one, first, on=emptied.clock.today()) == Searched(1, 0), "the same person again is no second"
    assert first in outstanding(emptied)
    assert looked(emptied, other, first, third) == Searched(2, 1)
    assert set(outstanding(emptied)) == set(keys_of(emptied)) == {*keys_of(emptied)} - {first}
    assert emptied.ids("select id from record where id = :id", id=first) == []
    assert ("lost", 1, LOOKED_ON) in lines(emptied)
    assert gauge(emptied, "not_found") == 2
    assert destroyed(emptied, second) == 1, "found at the second look"


def test_a_program_is_none_of_the_two_who_looked(emptied: House) -> None:
    one, other = officer(emptied, 1), officer(emptied, 2)
    program = Caller(Actor("token", UUID(int=3), "api"), emptied.id, one.grants)
    second = Caller(Actor("token", UUID(int=4), "api"), emptied.id, one.grants)
    same = Caller(Actor("staff", UUID(int=1), "api"), emptied.id, one.grants)
    first, alone, seen, *_ = keys_of(emptied)
    for who in (program, second, one, program, same):
        assert looked(emptied, who, first) == Searched(1, 0)
    assert [row[:2] for row in lines(emptied)] == [("not-found", 1)] * 5, "what each of them said is on the certificate"
    assert looked(emptied, other, first) == Searched(1, 1), "and a program's word took the place of nobody's"
    looked(emptied, one, seen)
    looked(emptied, program, alone)
    for who, key in ((program, seen), (second, alone), (same, seen)):
        with pytest.raises(Forbidden):
            accepted(emptied, who, key)
    assert accepted(emptied, other, seen, alone) == 2


def test_a_reviewer_who_did_not_look_accepts_a_loss_with_a_reason(emptied: House) -> None:
    one, reviewer = officer(emptied, 1), officer(emptied, 2, Permission.REVIEW_DISPOSAL)
    first, second, *_ = keys_of(emptied)
    refusals: list[tuple[Callable[[], Any], type[MunimentError]]] = [
        (lambda: accepted(emptied, reviewer, first), Conflict),
        (lambda: accepted(emptied, one, second), Forbidden),
        (lambda: accepted(emptied, officer(emptied, 3, Permission.SWEEP_RETENTION), second), Forbidden),
        (lambda: accepted(emptied, reviewer, second, reason=" "), InvalidInput),
        (lambda: accepted(emptied, reviewer, second, reason="x" * 2001), InvalidInput),
        (lambda: accepted(emptied, reviewer, UUID(int=5)), NotFound),
        (lambda: accepted(emptied, reviewer), InvalidInput),
        (lambda: looked(emptied, reviewer, first), Forbidden),
        (lambda: looked(emptied, one, first, on=date(2026, 11, 21)), InvalidInput),
        (lambda: looked(emptied, one, first, UUID(int=5)), NotFound),
    ]
    looked(emptied, one, second)
    before = lines(emptied)
    for refused, error in refusals:
        with pytest.raises(error):
            refused()
    assert (lines(emptied), len(keys_of(emptied))) == (before, 5)
    assert accepted(emptied, reviewer, second) == 1
    assert second not in outstanding(emptied)
    [row] = emptied.all("select method, confirmed_kind, confirmed_by from confirmation where outcome = 'lost'")
    assert tuple(row) == ("the cellar was flooded", "staff", UUID(int=2))


def test_what_is_still_needed_is_held_and_comes_back_when_the_hold_ends(emptied: House) -> None:
    one = officer(emptied, 1)
    first, second, *_ = keys_of(emptied)
    looked(emptied, officer(emptied, 2), first)
    with pytest.raises(Forbidden):
        needed(emptied, officer(emptied, 3, Permission.SWEEP_RETENTION), first)
    for wrong in ({"ground": " "}, {"authoriser": ""}, {"basis": "whim"}, {"review_on": date(2020, 1, 1)}):
        with pytest.raises(InvalidInput):
            needed(emptied, one, first, **wrong)
    (hold_id,) = needed(emptied, one, first)
    shown = outstanding(emptied)[first]
    assert (shown.held, shown.searched_on) == (True, None), "it has been found"
    assert on_the_list(emptied) == set(keys_of(emptied)) - {first}
    with pytest.raises(Conflict, match="A hold stands on"):
        destroyed(emptied, first, second)
    looked(emptied, one, first)
    for settle in (accepted, looked):
        with pytest.raises(Conflict, match="A hold stands on"):
            settle(emptied, officer(emptied, 2), first)
    assert len(keys_of(emptied)) == 5, "all or none"
    with emptied.session() as session:
        told = explain(session, emptied.caller, first)
    assert "a claim was brought" in told.next
    assert ("still-needed", 1, emptied.clock.today()) in lines(emptied)
    with emptied.session() as session:
        release_hold(session, emptied.caller, hold_id, "the claim was settled")
    assert first in on_the_list(emptied)
    assert destroyed(emptied, first) == 1


def test_a_hold_on_the_class_keeps_the_paper_that_is_not_destroyed_yet(emptied: House) -> None:
    hold(emptied, "class", "advice/letter")
    assert on_the_list(emptied) == set()
    with pytest.raises(Conflict):
        destroyed(emptied, keys_of(emptied)[0])


def test_whoever_confirms_and_whoever_keeps_the_same_thing_at_once_do_not_both_succeed(emptied: House) -> None:
    keys, ready = keys_of(emptied), threading.Barrier(2)

    def tried(act: Callable[..., Any], key: UUID) -> str:
        ready.wait()
        try:
            act(key)
        except MunimentError as error:
            return type(error).__name__
        return "done"

    one = officer(emptied, 1)
    with ThreadPoolExecutor(2) as pool:
        for key in keys:
            acts = (partial(destroyed, emptied), partial(needed, emptied, one))
            confirmed, kept = pool.map(tried, acts, (key, key))
            there, holds = key in outstanding(emptied), emptied.ids("select target_id from hold")
            assert (confirmed, kept, there, key in holds) in (
                ("done", "NotFound", False, False), ("Conflict", "done", True, True),
            )  # fmt: skip


def test_no_system_is_asked_to_erase_what_is_held(house: House) -> None:
    system = System(house)
    record_id, _ = system.due("K-1", "K-2")
    system.sweep()
    (hold_id,) = needed(house, house.caller, record_id)
    system.deliver()
    assert system.fake.asked == ["K-2"], "a hold on one keeps no other"
    assert set(outstanding(house)) == {record_id}
    house.clock.move_to(date(2026, 12, 20))
    assert system_gauge(house, "delivery_oldest_seconds") == 0.0, "no alarm about what is not to be erased"
    assert system_gauge(house, "deliveries") == {("waiting",): 0.0, ("refused",): 0.0, ("kept",): 1.0}
    with house.session() as session:
        release_hold(session, house.caller, hold_id, "settled")
    assert system_gauge(house, "delivery_oldest_seconds") == 30 * 24 * 3600.0
    system.deliver()
    assert (system.fake.asked, system.owed()) == (["K-2", "K-1"], [])


def test_no_hold_is_promised_on_what_a_system_is_just_erasing(house: House) -> None:
    system = System(house)
    (record_id,) = system.due("K-1")
    system.sweep()

    def put_off(request: ErasureRequest) -> list[Erasure]:
        with pytest.raises(Conflict) as refusal:
            needed(house, house.caller, record_id)
        assert refusal.value.code == "under-way"
        return [Erasure(item.key, "failed", reason="busy") for item in request.items]

    system.fake.answer = put_off
    system.deliver()
    assert (len(system.fake.calls), lines(house)) == (1, [])
    system.fake.answer = None
    with house.session() as session:  # the machine of these tests is a minute ahead
        session.execute(text("update connected_system set leased_until = leased_until - interval '2 minutes'"))
    assert len(needed(house, house.caller, record_id)) == 1, "asked and not erased: it can be held again"


def test_nothing_is_lost_that_a_system_is_known_to_hold(house: House) -> None:
    system, one, other = System(house), officer(house, 1), officer(house, 2)
    (record_id,) = system.due("K-1")
    system.sweep()
    for refused in (lambda: looked(house, one, record_id), lambda: accepted(house, other, record_id)):
        with pytest.raises(Conflict) as refusal:
            refused()
        assert refusal.value.code == "in-system"
        assert "K-1" not in str(refusal.value)
    system.deliver()
    assert (system.fake.held, outstanding(house)) == (set(), {})


def test_what_a_system_has_erased_still_lies_on_paper(house: House) -> None:
    system, one, other = System(house), officer(house, 1), officer(house, 2)
    record_id, lost = system.due("K-1", "K-2")
    with house.session() as session:
        session.execute(text("update record set medium = 'paper', location = 'shelf 3'"))
    system.sweep()
    system.deliver()
    assert (system.fake.held, system.owed(), lines(house)) == (set(), [], []), "nothing is confirmed yet"
    assert on_the_list(house) == {record_id, lost}
    assert {(view.location, view.system) for view in outstanding(house).values()} == {("shelf 3", None)}
    assert house.scalar("select count(*) from audit_event where event = 'retention.delivery.done'") == 2
    assert destroyed(house, record_id) == 1
    assert looked(house, one, lost) == Searched(1, 0)
    assert looked(house, other, lost) == Searched(1, 1)
    with house.session() as session:
        (view,) = certificates(session, house.caller)
    assert (view.awaited, view.confirmed, view.lost, view.complete) == (2, 1, 1, True)


def test_the_certificate_says_what_became_of_each(emptied: House, deployment: Deployment) -> None:
    one, other = officer(emptied, 1), officer(emptied, 2)
    first, second, third, fourth, _ = keys_of(emptied)
    destroyed(emptied, first)
    looked(emptied, one, second, third)
    looked(emptied, other, second)
    needed(emptied, one, fourth)
    with emptied.session() as session:
        (view,) = certificates(session, emptied.caller)
    assert (view.awaited, view.confirmed, view.lost, view.complete) == (5, 1, 1, False)
    seal_council(deployment, emptied.id)
    with emptied.session() as session:
        document = certificate_document(session, emptied.caller, view.id)
    assert (document.confirmed, document.lost, document.complete) == (1, 1, False)
    assert all(entry.proof for entry in document.confirmations)
    told = reading(document)
    assert {row[:2] for row in told.confirmations} == {
        ("1", "destroyed"), ("2", "not found; outstanding"), ("1", "not found; settled"),
        ("1", "still needed; held, outstanding"),
    }  # fmt: skip
    assert "1 of them were looked for and not found" in " ".join(told.lead)
    assert "3 records still await destruction" in " ".join(told.lead)


def test_a_restore_loses_no_outcome(emptied: House) -> None:
    one, other = officer(emptied, 1), officer(emptied, 2)
    first, second, third, *_ = keys_of(emptied)
    looked(emptied, one, first, second)
    looked(emptied, other, first)
    (hold_id,) = needed(emptied, one, third)
    before = lines(emptied)
    with emptied.session() as session:  # what a backup of before the list would look like
        session.execute(text("delete from hold"))
        session.execute(text("update awaiting set searched_on = null, searched_kind = null, searched_role = null,"
                             " searched_by = null"))  # fmt: skip
        session.execute(text("delete from disposal where kind in ('confirmation', 'keeping')"))
        session.execute(
            text("insert into record (council_id, id, record_class, medium, recorded_on, values, disposal)"
                 " values (:council, :id, 'advice/letter', 'paper', '2026-11-20', '{}', 'awaiting')"),
            {"council": emptied.id, "id": first},
        )  # fmt: skip
    with emptied.session() as session:
        recover(session, emptied.ledger)
    assert (lines(emptied), emptied.ids("select id from record where id = :id", id=first)) == (before, [])
    assert emptied.ids("select id from hold") == [hold_id]
    assert third not in on_the_list(emptied)
