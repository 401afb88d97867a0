"""Adopting and deciding against a real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.exc import DBAPIError

from muniment.api.council import Council, Party
from muniment.api.errors import InvalidInput, NotFound, NotReady
from muniment.clock import FixedClock
from muniment.database.session import CouncilSession, Database
from muniment.database.signals import PolicyAdopted, policy_adopted
from muniment.policy.model import Decision, Policy
from muniment.policy.store import adopt, adopted, decide, decisions_of, policy_of_hash, withdraw
from muniment.policy.tables import AdoptedPolicy, DecisionEvent


def policy(name: str) -> Policy:
    parties = (Party(id="the-council", name=name),)
    return Policy(council=Council(slug="alpha", name=name, nation="england", own_party="the-council", parties=parties))


def decision(path: str = "housing.rule.tenancies.clause.all.from", **changes: object) -> Decision:
    made = Decision(
        path=path,
        value={"event": "case-closed"},
        ground="the records manager's note of 1 November",
        decided_by="information asset owner",
        decided_on=date(2026, 11, 1),
        review_on=date(2027, 11, 1),
    )
    return msgspec.structs.replace(made, **changes)


@contextmanager
def listening(to_signal: object) -> Iterator[list[PolicyAdopted]]:
    heard: list[PolicyAdopted] = []

    def listener(_session: CouncilSession, payload: PolicyAdopted) -> None:
        heard.append(payload)

    policy_adopted.subscribe(listener)
    try:
        yield heard
    finally:
        policy_adopted._listeners.remove(listener)


def test_nothing_is_adopted_at_first(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.council(councils[0]) as session, pytest.raises(NotReady, match="muniment policy adopt"):
        adopted(session)


def test_what_was_adopted_is_read_back(database: Database, councils: tuple[UUID, UUID], clock: FixedClock) -> None:
    wanted = policy("First")
    with database.council(councils[0]) as session, listening(policy_adopted) as heard:
        assert adopt(session, wanted, clock, by="information asset owner")
    assert heard == [PolicyAdopted(before=None, after=wanted.hash)]
    with database.council(councils[0]) as session:
        assert adopted(session) == wanted
        assert adopted(session) is adopted(session)
        assert not adopt(session, wanted, clock, by="information asset owner")
    with database.council(councils[1]) as session, pytest.raises(NotReady):
        adopted(session)


def test_an_earlier_policy_stays_readable_for_its_council_alone(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock
) -> None:
    first, second = policy("First"), policy("Second")
    for wanted in (first, second):
        with database.council(councils[0]) as session:
            adopt(session, wanted, clock, by="information asset owner")
    with database.council(councils[0]) as session:
        assert adopted(session) == second
        assert policy_of_hash(session, first.hash) == first
    with database.council(councils[1]) as session, pytest.raises(NotFound):
        policy_of_hash(session, first.hash)


def test_an_adoption_that_a_listener_refuses_leaves_nothing(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock
) -> None:
    def refuse(_session: CouncilSession, _payload: PolicyAdopted) -> None:
        raise InvalidInput("no")

    policy_adopted.subscribe(refuse)
    try:
        with pytest.raises(InvalidInput), database.council(councils[0]) as session:
            adopt(session, policy("First"), clock, by="information asset owner")
    finally:
        policy_adopted._listeners.remove(refuse)
    with database.council(councils[0]) as session:
        assert session.policy_hash is None
        assert session.query(AdoptedPolicy).count() == 0


def test_the_last_decision_for_a_path_stands(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock
) -> None:
    later = decision(value={"event": "last-contact"}, decided_on=date(2026, 11, 2))
    with database.council(councils[0]) as session:
        decide(session, decision(), clock)
        decide(session, later, clock)
        decide(session, decision("housing.rule.tenancies.clause.all.action", value="destroy"), clock)
    with database.council(councils[0]) as session:
        assert decisions_of(session) == (
            decision("housing.rule.tenancies.clause.all.action", value="destroy"),
            later,
        )
    with database.council(councils[1]) as session:
        assert decisions_of(session) == ()


def test_a_withdrawn_decision_stands_no_more_and_can_be_made_again(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock
) -> None:
    path = decision().path
    with database.council(councils[0]) as session:
        decide(session, decision(), clock)
        withdraw(session, path, by="information asset owner", ground="it was about another class", clock=clock)
        assert decisions_of(session) == ()
        with pytest.raises(NotFound):
            withdraw(session, path, by="information asset owner", ground="again", clock=clock)
        decide(session, decision(), clock)
        assert decisions_of(session) == (decision(),)


@pytest.mark.parametrize(
    "who", ["data protection officer", "Data Protection Officer ", "DPO", "data_protection_officer"]
)
def test_the_data_protection_officer_decides_nothing(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock, who: str
) -> None:
    with database.council(councils[0]) as session:
        with pytest.raises(InvalidInput, match="advises"):
            decide(session, decision(decided_by=who), clock)
        with pytest.raises(InvalidInput, match="ground"):
            decide(session, decision(ground=" "), clock)


def test_what_was_adopted_or_decided_cannot_be_changed(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock
) -> None:
    with database.council(councils[0]) as session:
        adopt(session, policy("First"), clock, by="information asset owner")
        decide(session, decision(), clock)
    for model in (AdoptedPolicy, DecisionEvent):
        with pytest.raises(DBAPIError, match="42501"), database.council(councils[0]) as session:
            session.query(model).delete()
