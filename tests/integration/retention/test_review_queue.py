"""Where a rule asks for a review the sweep proposes and destroys nothing; what a reviewer approves goes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.database.session import Actor
from muniment.retention.approval.deciding import (
    APPROVAL_COUNTS,
    Decision,
    ProposalView,
    decide,
    decide_one,
    queue,
    queue_counts,
)
from muniment.retention.approval.proposing import NewProposals, propose
from muniment.retention.evidence.certificates import certificates
from muniment.wiring import wire
from tests.integration.retention.kit import RETENTION, House, hold

LONG_AGO = date(2019, 3, 1)
APPROVE = Decision(outcome="approve")


def reviewed(*classes: str) -> dict[str, Any]:
    """The usual rules, which ask for a review of these classes."""
    rules = [
        {**rule, "clause": [{**clause, "action": "review"} for clause in rule["clause"]]}
        if rule["id"] in classes
        else rule
        for rule in RETENTION["rule"]
    ]
    return {**RETENTION, "rule": rules}


def officer(house: House, *permissions: Permission, services: frozenset[str] | None = EVERY_SERVICE) -> Caller:
    """Somebody on the staff, another each time."""
    return Caller(Actor("staff", uuid4()), house.id, dict.fromkeys(permissions, services))


def reviewer(house: House, services: frozenset[str] | None = EVERY_SERVICE) -> Caller:
    return officer(house, Permission.REVIEW_DISPOSAL, Permission.READ_RETENTION, services=services)


@pytest.fixture
def ready(house: House) -> House:
    """Three cases that are due for a review, and a letter that is due to go, all armed."""
    wire()
    house.adopt(reviewed("case", "attendance"))
    for number in range(3):
        house.file("case", milestones={"case-closed": LONG_AGO + timedelta(days=number)}, values={"a.b": {"v": "x"}})
    house.file("letter", recorded_on=LONG_AGO)
    house.flush()
    house.arm("case", "letter", "attendance")
    return house


def lines(house: House, state: Any = "open") -> list[ProposalView]:
    with house.session() as session:
        return list(queue(session, house.caller, state=state))


def decided(house: House, who: Caller, proposal: UUID, decision: Decision = APPROVE) -> None:
    with house.database.council(house.id, who.actor) as session:
        decide_one(session, who, proposal, decision)


def events(house: House, name: str) -> int:
    return int(house.scalar("select count(*) from audit_event where event = :name", name=f"retention.disposal.{name}"))


def test_a_sweep_proposes_what_is_due_once_and_destroys_nothing_of_it(ready: House) -> None:
    run = ready.sweep()
    assert (run.disposed, run.proposed) == (1, 3), "the letter alone goes"
    assert [line.record_class for line in lines(ready)] == ["advice/case"] * 3
    assert {line.proposed_kind for line in lines(ready)} == {"system"}
    assert (ready.sweep().proposed, len(lines(ready)), events(ready, "proposed")) == (0, 3, 3)
    with ready.session() as session:
        [seen] = queue_counts(session, ready.caller)
    assert (seen.record_class, seen.states) == ("advice/case", {"open": 3})


def test_what_is_approved_goes_with_the_next_sweep_under_the_approvers_name_and_nothing_else(ready: House) -> None:
    ready.sweep()
    first, *others = lines(ready)
    who = reviewer(ready)
    decided(ready, who, first.id)
    run = ready.sweep()
    assert (run.disposed, run.proposed) == (1, 0)
    assert {line.record_id for line in lines(ready)} == {line.record_id for line in others}
    assert set(ready.ids("select id from record")) == {line.record_id for line in others}
    with ready.session() as session:
        [found] = certificates(session, ready.caller, run_id=run.id)
    assert (found.approved_kind, found.approved_by, found.armed_kind) == ("staff", who.actor.id, "command")
    assert found.disposed == 1
    assert lines(ready, "approved") == [], "the line goes with its record"
    assert ready.sweep().disposed == 0


def test_what_two_approved_has_a_certificate_each(ready: House) -> None:
    ready.sweep()
    first, second, third = lines(ready)
    one, other = reviewer(ready), reviewer(ready)
    decided(ready, one, first.id)
    with ready.database.council(ready.id, other.actor) as session:
        assert [answer.decided for answer in decide(session, other, [second.id, third.id], APPROVE)] == [True, True]
    run = ready.sweep()
    with ready.session() as session:
        issued = certificates(session, ready.caller, run_id=run.id)
    assert {(found.approved_by, found.disposed) for found in issued} == {(one.actor.id, 1), (other.actor.id, 2)}


def test_a_register_is_reviewed_as_one(ready: House) -> None:
    register = ready.register(LONG_AGO, ready.file("case"))
    ready.flush()
    ready.sweep()
    [line] = [line for line in lines(ready) if line.record_class == "advice/attendance"]
    assert (line.record_id, line.file_id) == (register, None)
    decided(ready, reviewer(ready), line.id)
    assert ready.sweep().disposed == 1
    assert ready.scalar("select count(*) from register") == 0


def test_paper_that_was_approved_is_emptied_and_awaits_destruction(ready: House) -> None:
    ready.adopt(reviewed("letter"))
    ready.file("letter", medium="paper", recorded_on=LONG_AGO)
    ready.flush()
    ready.arm("letter")
    ready.sweep()
    for line in lines(ready):
        if line.record_class == "advice/letter":
            decided(ready, reviewer(ready), line.id)
    run = ready.sweep()
    assert (run.disposed, run.awaited) == (1, 1)
    assert ready.scalar("select count(*) from proposal where record_class = 'advice/letter'") == 0


def test_whoever_proposed_does_not_decide(ready: House) -> None:
    both = officer(ready, Permission.PROPOSE_DISPOSAL, Permission.REVIEW_DISPOSAL, Permission.READ_RETENTION)
    [record_id, *_] = ready.ids("select id from record where record_class = 'advice/case'")
    with ready.database.council(ready.id, both.actor) as session:
        assert propose(session, both, NewProposals(records=(record_id,))).records == (record_id,)
    [line] = lines(ready)
    with pytest.raises(Forbidden, match="Whoever proposed"):
        decided(ready, both, line.id)
    decided(ready, reviewer(ready), line.id)


def test_a_program_decides_about_nothing_that_a_person_or_another_program_proposed(ready: House) -> None:
    ready.adopt(reviewed("case", "attendance"))
    rights = (Permission.PROPOSE_DISPOSAL, Permission.REVIEW_DISPOSAL, Permission.READ_RETENTION)
    person, signed_in = officer(ready, *rights), officer(ready, *rights)
    with_token = Caller(Actor("staff", signed_in.actor.id, "api"), ready.id, signed_in.grants)
    program, other = (Caller(Actor("token", uuid4(), "api"), ready.id, person.grants) for _ in range(2))
    keys = list(ready.ids("select id from record where record_class = 'advice/case' order by id"))
    for proposer, key in zip((person, program, signed_in), keys, strict=True):
        with ready.database.council(ready.id, proposer.actor) as session:
            assert propose(session, proposer, NewProposals(records=(key,))).records == (key,)
    of_person, of_program, of_signed_in = sorted(lines(ready), key=lambda line: keys.index(line.record_id))
    for refused, line, why in (
        (program, of_person, "program"), (other, of_program, "program"), (program, of_program, "own"),
        (with_token, of_signed_in, "own"),
    ):  # fmt: skip
        with ready.database.council(ready.id, refused.actor) as session:
            [answer] = decide(session, refused, [line.id], APPROVE)
        assert (answer.decided, answer.problem) == (False, why)
        with pytest.raises(Forbidden):
            decided(ready, refused, line.id)
    decided(ready, with_token, of_program.id)
    decided(ready, person, of_signed_in.id)
    assert len(lines(ready, "approved")) == 2


def test_a_program_may_decide_about_what_the_sweep_proposed(ready: House) -> None:
    ready.sweep()
    program = Caller(Actor("token", uuid4(), "api"), ready.id, reviewer(ready).grants)
    decided(ready, program, lines(ready)[0].id)


def test_officers_propose_ahead_in_bulk_and_nothing_goes_before_its_day(ready: House) -> None:
    closed_on = ready.clock.today() - timedelta(days=3 * 365 - 20)
    ready.file("case", milestones={"case-closed": closed_on})
    ready.flush()
    who = officer(ready, Permission.PROPOSE_DISPOSAL, services=frozenset({"advice"}))
    until = ready.clock.today() + timedelta(days=60)
    letter = next(iter(ready.ids("select id from record where record_class = 'advice/letter'")))
    with ready.database.council(ready.id, who.actor) as session:
        made = propose(session, who, NewProposals(record_class="advice/case", due_until=until))
        again = propose(session, who, NewProposals(record_class="advice/case", due_until=until))
        other = propose(session, who, NewProposals(records=(letter,)))
    assert (len(made.records), again.records) == (4, ())
    assert (other.records, other.left_out) == ((), (letter,)), "its rule asks for no review"
    future = lines(ready)[-1]
    decided(ready, reviewer(ready), future.id)
    ready.sweep()
    assert future.record_id in set(ready.ids("select id from record"))
    ready.clock.move_to(future.due_on + timedelta(days=1))
    ready.sweep()
    assert future.record_id not in set(ready.ids("select id from record"))


def test_of_two_who_decide_the_second_is_told(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    decided(ready, reviewer(ready), line.id)
    with pytest.raises(Conflict) as told:
        decided(ready, reviewer(ready), line.id, Decision(outcome="reject", reason="still needed"))
    assert told.value.code == "proposal-decided"
    assert events(ready, "rejected") == 0


def test_a_record_changed_before_the_decision_cannot_be_decided_about(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    change(ready, line.record_id)
    with pytest.raises(Conflict) as told:
        decided(ready, reviewer(ready), line.id)
    assert told.value.code == "proposal-changed"
    ready.sweep()
    [anew] = [seen for seen in lines(ready) if seen.record_id == line.record_id]
    assert (anew.again, anew.id == line.id) == ("changed", False)


def test_a_record_changed_after_approval_is_not_destroyed_and_is_proposed_anew(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    decided(ready, reviewer(ready), line.id)
    change(ready, line.record_id)
    run = ready.sweep()
    assert (run.disposed, run.proposed) == (0, 1)
    [anew] = [seen for seen in lines(ready) if seen.record_id == line.record_id]
    assert (anew.again, anew.decided_by) == ("changed", None)
    with pytest.raises(NotFound):
        decided(ready, reviewer(ready), line.id)


def change(house: House, record_id: UUID) -> None:
    with house.session() as session:
        session.execute(text('update record set values = \'{"a.b": {"v": "y"}}\' where id = :id'), {"id": record_id})


def test_another_rule_ends_an_approval(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    decided(ready, reviewer(ready), line.id)
    stricter = reviewed("case", "attendance")
    stricter["rule"][0] = {**stricter["rule"][0], "clause": [{**stricter["rule"][0]["clause"][0], "keep": "4 years"}]}
    ready.adopt(stricter)
    ready.arm("case")
    run = ready.sweep()
    assert (run.disposed, run.proposed) == (0, 3)


def test_a_hold_placed_after_approval_wins(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    decided(ready, reviewer(ready), line.id)
    hold(ready, "record", line.record_id)
    run = ready.sweep()
    assert (run.disposed, run.kept) == (0, 1)


def test_a_rule_that_is_disarmed_disposes_of_nothing_that_was_approved(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    decided(ready, reviewer(ready), line.id)
    ready.adopt(reviewed("case"))
    with ready.session() as session:
        session.execute(text("update arming set ended_at = now(), ended_because = 'withdrawn'"))
    assert ready.sweep().disposed == 0


def test_what_is_deferred_comes_back_on_its_day_and_what_is_rejected_stays(ready: House) -> None:
    ready.sweep()
    first, second, _ = lines(ready)
    until = ready.clock.today() + timedelta(days=10)
    decided(ready, reviewer(ready), first.id, Decision(outcome="defer", until=until, reason="an appeal"))
    decided(ready, reviewer(ready), second.id, Decision(outcome="reject", reason="of lasting interest"))
    ready.clock.move_to(until - timedelta(days=1))
    assert ready.sweep().proposed == 0
    ready.clock.move_to(until)
    assert ready.sweep().proposed == 1
    [back] = [line for line in lines(ready) if line.again]
    assert (back.record_id, back.again, back.reason) == (first.record_id, "deferred", None)
    assert [line.record_id for line in lines(ready, "rejected")] == [second.record_id]
    change(ready, second.record_id)
    assert ready.sweep().proposed == 1


def test_an_approval_that_is_not_carried_out_in_time_lapses(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    decided(ready, reviewer(ready), line.id)
    ready.clock.move_to(ready.clock.today() + APPROVAL_COUNTS + timedelta(days=1))
    run = ready.sweep()
    assert (run.disposed, run.proposed) == (0, 1)
    assert "lapsed" in {seen.again for seen in lines(ready)}


@pytest.mark.parametrize(
    "decision",
    [
        Decision(outcome="defer", reason="an appeal"),
        Decision(outcome="defer", reason="an appeal", until=date(2026, 11, 20)),
        Decision(outcome="reject"),
        Decision(outcome="approve", until=date(2030, 1, 1)),
    ],
)
def test_a_decision_that_says_too_little_is_refused(ready: House, decision: Decision) -> None:
    with ready.session() as session, pytest.raises(InvalidInput):
        decide(session, reviewer(ready), [uuid4()], decision)


def test_a_thousand_are_decided_at_once_with_an_answer_each(ready: House) -> None:
    ready.sweep()
    first, second, third = lines(ready)
    decided(ready, reviewer(ready), first.id)
    change(ready, second.record_id)
    unknown, who = uuid4(), reviewer(ready)
    with ready.database.council(ready.id, who.actor) as session:
        answers = decide(session, who, [first.id, second.id, third.id, unknown], APPROVE)
        with pytest.raises(InvalidInput):
            decide(session, who, [uuid4() for _ in range(1001)], APPROVE)
    assert [answer.problem for answer in answers] == ["decided", "changed", None, "not-found"]


def test_a_reviewer_of_another_service_sees_nothing_and_decides_nothing(ready: House) -> None:
    ready.sweep()
    [line, *_] = lines(ready)
    other = reviewer(ready, frozenset({"housing"}))
    with ready.session() as session:
        assert queue(session, other) == ()
        assert queue_counts(session, other) == ()
    with pytest.raises(NotFound):
        decided(ready, other, line.id)
    reader = officer(ready, Permission.READ_RETENTION)
    with ready.session() as session, pytest.raises(Forbidden):
        decide(session, reader, [line.id], APPROVE)
