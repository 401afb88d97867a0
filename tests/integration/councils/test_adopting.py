"""Deciding and adopting as a council's acts."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from muniment.accounts.permissions import command_caller
from muniment.api.clients import Cohort
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.clock import FixedClock
from muniment.councils.adopting import adopt_policy, decide_policy, lapse_decisions, plan_policy, withdraw_decision
from muniment.database.session import CouncilSession, Database
from muniment.plugins.facade import CouncilFacade
from muniment.plugins.manager import Plugins
from muniment.policy.deciding import Proposal
from muniment.policy.model import Policy
from muniment.policy.plan import Consequences, Plan
from muniment.policy.store import adopted, decisions_of
from muniment.retention.approval import arming
from muniment.retention.clocks.planning import foresee
from muniment.testing.doubles import StatedPlugin, load_doubles, stated_council
from muniment.wiring import wire
from tests.unit.policy.made import HOUSING

PATH = "housing.rule.tenancies.clause.usual.from"


def proposal(path: str = PATH, value: Any = None, **more: Any) -> Proposal:
    value = {"event": "case-closed"} if value is None else value
    return Proposal(path=path, value=value, ground="generated", decided_by="information asset owner", **more)


def events(session: CouncilSession) -> list[str]:
    return list(session.scalars(text("select event from audit_event order by id")))


def test_a_decision_takes_effect_when_it_is_adopted(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins, clock: FixedClock
) -> None:
    facade = plugins.facade("alpha")
    with database.council(councils[0]) as session:
        before = adopt_policy(session, facade, by="owner")
        assert before.changed
    with database.council(councils[0]) as session:
        (made,) = decide_policy(session, facade, [proposal()])
        assert made.decided_on == clock.today()
        assert adopted(session).hash == before.after
    with database.council(councils[0]) as session:
        after = adopt_policy(session, facade, by="owner")
        assert after.before == before.after
    with database.council(councils[0]) as session:
        assert [decision.path for decision in adopted(session).decisions] == [PATH]
        assert not adopt_policy(session, facade, by="owner").changed
        assert events(session) == ["policy.policy.adopted", "policy.decision.made", "policy.policy.adopted"]
        assert session.scalars(text("select slug from service")).all() == ["housing"]
    with database.council(councils[1]) as session:
        assert session.policy_hash is None
        assert events(session) == []


def test_a_decision_made_twice_is_noted_once(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins, clock: FixedClock
) -> None:
    facade = plugins.facade("alpha")
    with database.council(councils[0]) as session:
        assert len(decide_policy(session, facade, [proposal()])) == 1
    clock.move_to(date(2026, 12, 24))
    with database.council(councils[0]) as session:
        assert decide_policy(session, facade, [proposal()]) == []
        assert len(decide_policy(session, facade, [proposal(value={"event": "expiry"})])) == 1


def test_of_many_decisions_one_refused_refuses_all(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins
) -> None:
    wrong = proposal("housing.rule.tenancies.clause.usual.keep", "1 day")
    with pytest.raises(InvalidInput, match="is declared"), database.council(councils[0]) as session:
        decide_policy(session, plugins.facade("alpha"), [proposal(), wrong])
    with database.council(councils[0]) as session:
        assert decisions_of(session) == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("housing.recipient.landlords.categories", ["secrets"]),
        ("housing.basis.new", {"article": "6.1.e", "purposes": ["secrets"]}),
        (PATH, {"event": "death", "birthday": 18}),
    ],
)
def test_a_value_that_names_nothing_or_contradicts_itself_is_refused(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins, path: str, value: Any
) -> None:
    with pytest.raises(InvalidInput, match="cannot be decided so"), database.council(councils[0]) as session:
        decide_policy(session, plugins.facade("alpha"), [proposal(path, value)])


def test_days_that_cannot_be_are_refused(database: Database, councils: tuple[UUID, UUID], plugins: Plugins) -> None:
    refused = (proposal(decided_on=date(2026, 11, 21)), proposal(review_on=date(2026, 11, 19)))
    with database.council(councils[0]) as session:
        for proposed in refused:
            with pytest.raises(InvalidInput):
                decide_policy(session, plugins.facade("alpha"), [proposed])


def test_a_withdrawn_decision_is_gone_at_the_next_adoption(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins
) -> None:
    facade = plugins.facade("alpha")
    with database.council(councils[0]) as session:
        decide_policy(session, facade, [proposal()])
        adopt_policy(session, facade, by="owner")
    with database.council(councils[0]) as session:
        withdraw_decision(session, PATH, by="owner", ground="a mistake")
        adopt_policy(session, facade, by="owner")
    with database.council(councils[0]) as session:
        assert adopted(session).decisions == ()
        with pytest.raises(NotFound):
            withdraw_decision(session, PATH, by="owner", ground="again")


def test_a_policy_with_errors_is_not_adopted(database: Database, councils: tuple[UUID, UUID]) -> None:
    twice = msgspec.structs.replace(
        HOUSING, clients=msgspec.structs.replace(HOUSING.clients, cohorts=HOUSING.clients.cohorts * 2)
    )
    plugins = load_doubles({"own": StatedPlugin(stated_council("alpha", "housing"), {"housing": twice})})
    with pytest.raises(Conflict, match="declared 2 times"), database.council(councils[0]) as session:
        adopt_policy(session, plugins.facade("alpha"), by="owner")


def test_a_decision_that_nobody_reviewed_lapses_and_nothing_else_changes(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins, clock: FixedClock
) -> None:
    facade = plugins.facade("alpha")
    other = proposal("housing.rule.tenancies.clause.usual.action", "destroy")
    with database.council(councils[0]) as session:
        decide_policy(session, facade, [proposal(review_on=date(2027, 1, 1)), other])
        before = adopt_policy(session, facade, by="owner")
    for day in (date(2027, 1, 2), date(2027, 1, 31)):
        clock.move_to(day)
        with database.council(councils[0]) as session:
            assert lapse_decisions(session) is None
    clock.move_to(date(2027, 2, 1))
    with database.council(councils[0]) as session:
        lapsed = lapse_decisions(session)
        assert lapsed is not None
        assert lapsed.before == before.after
    with database.council(councils[0]) as session:
        policy = adopted(session)
        assert [decision.path for decision in policy.decisions] == [other.path]
        assert policy.services["housing"].retention.rules[0].clauses[0].anchor is None
        assert lapse_decisions(session) is None


def planned(session: CouncilSession, facade: CouncilFacade) -> Plan:
    return plan_policy(session, facade, foresee)


def otherwise() -> Plugins:
    """The council's plugin, declaring something else."""
    renamed = msgspec.structs.replace(
        HOUSING, clients=msgspec.structs.replace(HOUSING.clients, cohorts=(Cohort(id="tenants", title="Our tenants"),))
    )
    return load_doubles(
        {slug: StatedPlugin(stated_council(slug, "housing"), {"housing": renamed}) for slug in ("alpha", "beta")}
    )


def test_a_plan_is_a_promise_and_says_what_broke_it(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins
) -> None:
    facade, alpha = plugins.facade("alpha"), councils[0]
    with database.council(alpha) as session:
        plan = planned(session, facade)
        assert plan == planned(session, facade)
    with database.council(alpha) as session:
        decide_policy(session, facade, [proposal()])
    refused(database, alpha, facade, plan, "Nothing was adopted: the decisions have changed since the plan. Look again")
    with database.council(alpha) as session:
        plan = planned(session, facade)
    refused(database, alpha, otherwise().facade("alpha"), plan, "what the plugins declare have changed")
    with database.council(alpha) as session:
        withdraw_decision(session, PATH, by="owner", ground="a mistake")
        adopt_policy(session, facade, by="owner")
    refused(database, alpha, facade, plan, "the adopted policy and the decisions have changed")
    with database.council(alpha) as session:
        decide_policy(session, facade, [proposal()])
        plan = planned(session, facade)
    with database.council(alpha) as session:
        adopted_now = adopt_policy(session, facade, by="owner", plan=plan.hash, foresee=foresee)
        assert (adopted_now.before, adopted_now.after) == (plan.before, plan.after)


def test_nothing_is_adopted_over_a_policy_that_came_between_counting_and_adopting(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins
) -> None:
    facade, alpha = plugins.facade("alpha"), councils[0]

    def meanwhile(session: CouncilSession, policy: Policy) -> Consequences:
        """Somebody else adopts while this plan's records are counted."""
        with database.council(alpha) as another:
            adopt_policy(another, otherwise().facade("alpha"), by="owner")
        return foresee(session, policy)

    with database.council(alpha) as session:
        plan = planned(session, facade)
    with database.council(alpha) as session, pytest.raises(Conflict, match="the adopted policy has changed"):
        adopt_policy(session, facade, by="owner", plan=plan.hash, foresee=meanwhile)


def refused(database: Database, council_id: UUID, facade: CouncilFacade, plan: Plan, why: str) -> None:
    with database.council(council_id) as session:
        with pytest.raises(Conflict, match=why) as told:
            adopt_policy(session, facade, by="owner", plan=plan.hash, foresee=foresee)
        assert "muniment policy plan alpha" in str(told.value)
        assert session.policy_hash == plan.before or "adopted policy" in why


def test_a_decision_that_changes_a_rule_ends_its_approval_when_it_is_adopted(
    database: Database, councils: tuple[UUID, UUID], plugins: Plugins
) -> None:
    """What the other decision makes due nobody has seen; that of another class's rule stays approved."""
    wire()
    facade, alpha = plugins.facade("alpha"), councils[0]
    caller = command_caller(alpha, "test")
    with database.council(alpha, caller.actor) as session:
        decide_policy(session, facade, [proposal()])
        adopt_policy(session, facade, by="owner")
    with database.council(alpha, caller.actor) as session:
        seen = arming.preview(session, caller, "housing/tenancy")
        arming.arm(session, caller, "housing/tenancy", seen.rule_hash)
    with database.council(alpha, caller.actor) as session:
        decide_policy(session, facade, [proposal(value={"event": "collection"})])
        assert planned(session, facade).disarmed == ("housing/tenancy",)
        adopt_policy(session, facade, by="owner")
    with database.council(alpha, caller.actor) as session:
        assert arming.preview(session, caller, "housing/tenancy").armed is None
        assert session.scalars(text("select ended_because from arming")).all() == ["policy"]
