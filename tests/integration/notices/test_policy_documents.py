"""Appropriate policy documents: made of the policy, approved by another, in force or nothing rests on the condition."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from muniment.accounts.permissions import Caller, Permission, command_caller
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.clients.context import value_rules
from muniment.clock import FixedClock
from muniment.database.ids import new_id
from muniment.database.registry import kept_tables
from muniment.database.session import Actor, Database
from muniment.notices.documents_due import documents_due, note_ceased
from muniment.notices.policy_documents import (
    Approval,
    PolicyDocumentView,
    approve_document,
    policy_documents,
    prepare_document,
    read_document,
    reject_document,
    withdraw_document,
)
from muniment.notices.words import Words
from muniment.policy.compile import compile_policy
from muniment.policy.deciding import read_decisions
from muniment.policy.documents import DOCUMENT, documented
from muniment.policy.model import Policy
from muniment.policy.store import adopt, adopted
from muniment.retention.upkeep import dispose_some
from tests.policies import all_plugins
from tests.server import TODAY

SLUG, SERVICE, CONDITION = "milton-keynes", "employment-support", "support-with-health"
DECISIONS = Path(__file__).parents[3] / "deploy" / "demo" / "decisions" / f"{SLUG}.toml"
NEXT_YEAR = TODAY + timedelta(days=365)


def policy_of(**changed: Any) -> Policy:
    """Milton Keynes with the demonstration's decisions, without a document that the policy itself would state."""
    decisions = []
    for proposal in read_decisions(DECISIONS.read_bytes(), file=DECISIONS.name):
        made = proposal.made_on(TODAY)
        if isinstance(made.value, dict):
            made.value.pop("policy_document", None)
            if made.path.endswith(CONDITION):
                made.value.update(changed)
        decisions.append(made)
    return compile_policy(all_plugins().facade(SLUG), decisions, TODAY).sound()


class Hall:
    """One council with that policy, and those who act there."""

    def __init__(self, database: Database, council_id: UUID) -> None:
        self.database, self.id = database, council_id
        self.words = Words.of(all_plugins())
        self.maker = command_caller(council_id, "test", "records manager")
        self.owner = command_caller(council_id, "test", "information asset owner")

    def session(self) -> Any:
        return self.database.council(self.id, self.owner.actor)

    def adopt(self, policy: Policy) -> None:
        with self.session() as session:
            adopt(session, policy, session.clock, by="test")

    def prepare(self, caller: Caller | None = None, condition: str = CONDITION) -> PolicyDocumentView:
        with self.session() as session:
            return prepare_document(session, caller or self.maker, adopted(session), self.words, SERVICE, condition)

    def approve(self, document_id: UUID, caller: Caller | None = None, **days: Any) -> PolicyDocumentView:
        with self.session() as session:
            approval = Approval(**{"review_on": NEXT_YEAR, **days})
            return approve_document(session, caller or self.owner, document_id, approval)

    @property
    def documented(self) -> frozenset[str]:
        with self.session() as session:
            found = documented(session, adopted(session), SERVICE)
            rules = value_rules(session, adopted(session), SERVICE)
        problem = rules.bar(
            rules.classes["service-user-digital"], "sensitive-data.disabilities", "the-person", ["employment-support"]
        )
        code = "" if problem is None else problem.code
        assert code == ("" if CONDITION in found else "no-policy-document"), "recording and the list agree"
        return found

    def due(self) -> list[tuple[str, str]]:
        with self.session() as session:
            return [(one.condition, one.what) for one in documents_due(session, adopted(session), self.words)]


@pytest.fixture
def hall(database: Database, councils: tuple[UUID, UUID], clock: FixedClock) -> Hall:
    database.clock = clock
    made = Hall(database, councils[0])
    made.adopt(policy_of())
    return made


def test_nothing_rests_on_a_condition_until_somebody_else_has_approved_its_document(
    hall: Hall, clock: FixedClock
) -> None:
    assert hall.documented == frozenset()
    conditions = ("elected-representatives", "equality-of-opportunity", CONDITION, "unlawful-acts")
    assert sorted(hall.due()) == [(name, "missing") for name in conditions]
    view = hall.prepare()
    assert (view.number, view.state, view.in_force, view.schedule_1) == (1, "prepared", False, "2.6")
    assert hall.documented == frozenset()
    with pytest.raises(Forbidden, match="somebody else"):
        hall.approve(view.id, hall.maker)
    with pytest.raises(Forbidden, match="advises"):
        hall.approve(view.id, command_caller(hall.id, "test", "data protection officer"))
    wrong: tuple[dict[str, Any], ...] = (
        {"in_force_from": TODAY - timedelta(days=1)},
        {"review_on": TODAY},
        {"in_force_until": TODAY},
    )
    for days in wrong:
        with pytest.raises(InvalidInput):
            hall.approve(view.id, **days)
    approved = hall.approve(view.id, in_force_from=TODAY + timedelta(days=2))
    assert not approved.in_force
    assert hall.documented == frozenset()
    clock.advance(timedelta(days=2))
    assert hall.documented == {CONDITION}
    with pytest.raises(Conflict, match="does not wait"):
        hall.approve(view.id)
    with hall.session() as session:
        found = session.scalars(
            text("select event from audit_event where event like 'notices.policy-doc%' order by id")
        )
        assert list(found) == ["notices.policy-document.prepared", "notices.policy-document.approved"]


def test_the_document_says_the_principles_and_the_real_periods(hall: Hall) -> None:
    view = hall.prepare()
    with hall.session() as session:
        _, rendered = read_document(session, hall.owner, view.id)
    document = json.loads(rendered.json)
    said = {one["id"] for section in document["sections"] for one in section["statements"]}
    principles = {"lawfulness", "purpose-limitation", "minimisation", "accuracy", "storage-limitation", "security",
                  "accountability"}  # fmt: skip
    assert {f"principles.{name}" for name in principles} <= said, "para 39(a)"
    assert "retention.erasure" in said, "para 39(b)"
    words = " ".join(rendered.text.split())
    for expected in (
        "Schedule 1, Part 2, paragraph 6", "Disabilities", "Medical conditions", "Localism Act 2011",
        "Service user information on paper: 3 years from the day your case is closed", "Council servers",
    ):  # fmt: skip
        assert expected in words
    assert "Religion" not in words, "that is for another condition"
    assert "None" not in words
    assert "{" not in words


def test_a_new_version_takes_the_place_of_the_one_before(hall: Hall, clock: FixedClock) -> None:
    first = hall.prepare()
    hall.approve(first.id)
    with pytest.raises(Conflict, match="says the same"):
        hall.prepare()
    hall.adopt(policy_of(in_words="Advice that takes a disability into account."))
    assert (CONDITION, "differs") in hall.due()
    second = hall.prepare()
    assert second.number == 2
    assert (CONDITION, "prepared") in hall.due()
    starts = TODAY + timedelta(days=10)
    hall.approve(second.id, in_force_from=starts, review_on=NEXT_YEAR)
    with hall.session() as session:
        newest, before, *_ = policy_documents(session, hall.owner)
        assert (newest.number, before.in_force_until) == (2, starts - timedelta(days=1))
    for days in range(12):
        clock.move_to(TODAY + timedelta(days=days))
        assert hall.documented == {CONDITION}, "there is no day between them"


def test_a_condition_that_the_policy_comes_to_cite_otherwise_needs_another_document(hall: Hall) -> None:
    hall.approve(hall.prepare().id)
    assert hall.documented == {CONDITION}
    hall.adopt(policy_of(schedule_1="2.8"))
    assert hall.documented == frozenset()


def test_what_ends_or_is_to_be_reviewed_is_said_early_and_stops_by_its_day(hall: Hall, clock: FixedClock) -> None:
    last = TODAY + timedelta(days=200)
    hall.approve(hall.prepare().id, in_force_until=last, review_on=TODAY + timedelta(days=150))
    mine = [(CONDITION, what) for what in ("ends", "review")]
    assert not set(mine) & set(hall.due())
    clock.move_to(TODAY + timedelta(days=90))
    assert [one for one in hall.due() if one in mine] == [(CONDITION, "review")]
    clock.move_to(last)
    assert [one for one in hall.due() if one in mine] == mine
    assert hall.documented == {CONDITION}
    clock.move_to(last + timedelta(days=1))
    assert hall.documented == frozenset()


def test_a_document_is_kept_until_six_months_after_its_condition_was_relied_on(hall: Hall, clock: FixedClock) -> None:
    kept = next(entry for entry in kept_tables() if entry.table is DOCUMENT)
    first = hall.prepare()
    hall.approve(first.id)
    hall.adopt(policy_of(in_words="Advice that takes a disability into account."))
    second = hall.prepare()
    hall.approve(second.id, in_force_from=TODAY + timedelta(days=1))

    def left() -> int:
        with hall.session() as session:
            note_ceased(session, adopted(session))
            dispose_some(session, kept)
        with hall.session() as session:
            return len(policy_documents(session, hall.owner))

    for day in (date(2028, 1, 10), date(2030, 1, 10)):
        clock.move_to(day)
        assert left() == 2, "an earlier version stays as long as a later one is relied on"
    with hall.session() as session:
        with pytest.raises(InvalidInput):
            withdraw_document(session, hall.owner, adopted(session), second.id, " ")
        withdraw_document(session, hall.owner, adopted(session), second.id, "the service has ended")
    assert hall.documented == frozenset()
    clock.move_to(date(2030, 7, 10))
    assert left() == 2
    clock.move_to(date(2030, 7, 11))
    assert left() == 0


def test_who_may_not_and_what_is_not_there(hall: Hall, councils: tuple[UUID, UUID]) -> None:
    view = hall.prepare()
    other = Hall(hall.database, councils[1])
    other.adopt(policy_of())
    reader = Caller(hall.owner.actor, hall.id, {Permission.READ_POLICY: None})
    elsewhere = {
        right: frozenset({"housing"}) for right in (Permission.PREPARE_DOCUMENTS, Permission.APPROVE_DOCUMENTS)
    }
    for caller in (reader, Caller(hall.owner.actor, hall.id, elsewhere)):
        with pytest.raises(Forbidden):
            hall.prepare(caller)
        with pytest.raises(Forbidden):
            hall.approve(view.id, caller)
    with pytest.raises(NotFound):
        other.approve(view.id)
    assert other.documented == frozenset()
    with pytest.raises(NotFound):
        hall.prepare(condition="nothing")
    with other.session() as session, pytest.raises(NotFound):
        reject_document(session, other.owner, view.id, "unclear")
    with hall.session() as session:
        assert reject_document(session, hall.owner, view.id, "unclear").state == "rejected"
    again = hall.prepare()
    assert again.number == 2, "what was rejected keeps nobody from preparing it again"


def test_a_program_reviews_no_document_and_may_prepare_one(hall: Hall) -> None:
    program, other = (Caller(Actor("token", new_id(), "api"), hall.id, hall.owner.grants) for _ in range(2))
    view = hall.prepare(program)
    for refused in (program, other):
        with pytest.raises(Forbidden):
            hall.approve(view.id, refused)
        with hall.session() as session, pytest.raises(Forbidden):
            reject_document(session, refused, view.id, "unclear")
    assert hall.approve(view.id).state == "approved"


def test_two_people_it_is_even_past_the_program(hall: Hall) -> None:
    """One and the same member of staff can never stand on both sides of a row."""
    somebody = Caller(Actor("staff", new_id()), hall.id, hall.owner.grants)
    view = hall.prepare(somebody)
    same = text(
        "update policy_document set state = 'approved', reviewed_at = now(), reviewed_by = prepared_by where id = :id"
    )
    with hall.session() as session:
        with pytest.raises(IntegrityError, match="by_another"):
            session.execute(same, {"id": view.id})
        session.rollback()
