"""A forecast is what is stored, seen by month; what another policy would make of it is what adopting it makes."""

from __future__ import annotations

import copy
import random
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import DeclarationError, Forbidden, InvalidInput, NotFound
from muniment.policy.store import adopt
from muniment.retention.clocks.forecasting import Forecast, forecast, what_if
from muniment.retention.clocks.supposing import Supposed, Supposition, suppose
from muniment.retention.clocks.walking import reading_only
from tests.integration.retention.kit import RETENTION, SERVICE, House, hold, policy_of

TODAY = date(2026, 11, 20)
NO_DAY: dict[str, Any] = {"id": "open", "classes": ["attendance"], "clause": [{"id": "held", "in_words": "as needed"}]}

WHERE = """
select record_class, coalesce(action, ''), state, due_on from {0} where disposal is null
"""


def stored(house: House) -> Counter[tuple[str, str, str]]:
    """The forecast in plain Python, from the rows; without holds."""
    found: Counter[tuple[str, str, str]] = Counter()
    for table in ("record", "register"):
        for record_class, action, state, due_on in house.all(WHERE.format(table)):
            if state != "dated":
                when = state
            elif due_on < TODAY:
                when = "overdue"
            else:
                ahead = (due_on.year - TODAY.year) * 12 + due_on.month - TODAY.month
                when = due_on.strftime("%Y-%m") if ahead < 120 else "later"
            found[record_class, when, action] += 1
    return found


def counted(told: Forecast) -> Counter[tuple[str, str, str]]:
    return Counter({(line.record_class, line.when, line.action): line.records for line in told.counts})


def told(house: House, record_class: str | None = None) -> Forecast:
    with house.session() as session:
        return forecast(session, house.caller, record_class)


def ruled(case: str, letter: str, held: str) -> dict[str, Any]:
    made = copy.deepcopy(dict(RETENTION))
    for rule, keep in zip(made["rule"], (case, letter, held), strict=True):
        rule["clause"][0]["keep"] = keep
    return made


@pytest.fixture
def filled(house: House) -> House:
    """Sixty cases, some running, letters and registers, over thirty years, the edges of months among them."""
    house.adopt()
    draw = random.Random(11)
    days = [TODAY - timedelta(days=draw.randrange(-400, 10_000)) for _ in range(60)]
    days += [date(2016, 11, 30), date(2023, 11, 20), date(2023, 11, 19), date(2033, 10, 31), date(2033, 11, 1)]
    for number, day in enumerate(days):
        milestones = {} if number < 60 and number % 7 == 0 else {"case-closed": day}
        file_id = house.file("case", "letter", recorded_on=day, milestones=milestones)
        if number % 5 == 0:
            house.register(day, file_id)
    house.flush()
    return house


def test_a_forecast_counts_every_stored_row_once(filled: House) -> None:
    found = told(filled)
    assert counted(found) == stored(filled)
    assert (found.today, found.first_month, found.last_month) == (TODAY, "2026-11", "2036-10")
    places = {line.when for line in found.counts}
    assert {"overdue", "running", "2026-11", "2036-10", "later"} <= places


def test_one_class_alone(filled: House) -> None:
    case = f"{SERVICE}/case"
    assert counted(told(filled, case)) == Counter({k: n for k, n in stored(filled).items() if k[0] == case})
    for unknown in (f"{SERVICE}/nothing", "platform/audit-access"):
        with pytest.raises(NotFound):
            told(filled, unknown)


def test_what_a_hold_keeps_and_what_is_not_clocked_yet_stand_apart(filled: House) -> None:
    total = sum(counted(told(filled)).values())
    file_id = filled.scalar("select file_id from record where state = 'dated' order by due_on limit 1")
    hold(filled, "file", file_id)
    held = counted(told(filled))
    mine = filled.scalar("select count(*) from record where file_id = :id", id=file_id)
    named = filled.scalar("select count(*) from register_entry where file_id = :id", id=file_id)
    assert sum(n for (_, when, _), n in held.items() if when == "held") == mine + named
    assert sum(held.values()) == total
    with filled.session() as session:
        session.execute(text("update record set rule_hash = null where record_class = 'advice/letter'"))
    unset = counted(told(filled))
    assert sum(n for (_, when, _), n in unset.items() if when == "unset") == len(stored_letters(filled)) - 1
    assert sum(unset.values()) == total


def stored_letters(house: House) -> list[UUID]:
    return list(house.ids("select id from record where record_class = 'advice/letter'"))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keeps=st.tuples(*[st.sampled_from(["7 days", "6 months", "3 years", "15 years", "permanent"])] * 3),
    chunk=st.sampled_from([7, 1000]),
)
def test_what_would_be_is_what_adopting_makes(filled: House, keeps: tuple[str, str, str], chunk: int) -> None:
    supposed = policy_of(ruled(*keeps))
    before = told(filled)
    with filled.session() as session:
        found = what_if(session, filled.caller, supposed, chunk=chunk)
    assert counted(found.before) == counted(before)
    filled.adopt(ruled(*keeps))
    assert counted(found.after) == counted(told(filled)) == stored(filled)
    moved = {(line.record_class, line.when, line.action): (line.before, line.after) for line in found.differences}
    then, now = counted(found.before), counted(found.after)
    assert moved == {key: (then[key], now[key]) for key in then.keys() | now.keys() if then[key] != now[key]}


def test_a_rule_that_comes_to_the_same_makes_no_difference(filled: House) -> None:
    """Its hash is another, so all of it is computed anew: what would be must then be what is stored."""
    renamed = copy.deepcopy(dict(RETENTION))
    for rule in renamed["rule"]:
        rule["id"] = f"{rule['id']}-renamed"
    with filled.session() as session:
        found = what_if(session, filled.caller, policy_of(renamed), chunk=13)
    assert len(found.classes) == 3
    assert found.differences == ()
    assert found.after.counts == found.before.counts
    with filled.session() as session:
        same = what_if(session, filled.caller, policy_of(RETENTION))
    assert (same.classes, same.differences) == ((), ())


def test_a_rule_is_supposed_as_it_is_written(filled: House) -> None:
    rules = """
    [[rule]]
    id = "longer"
    classes = ["case", "letter"]
    [[rule.clause]]
    id = "closed"
    keep = "6 years"
    from = { event = "collection" }
    """
    with filled.session() as session:
        policy = suppose(session, Supposition(service=SERVICE, rules=rules))
        found = what_if(session, filled.caller, policy)
    assert [rule.id for rule in policy.services[SERVICE].retention.rules] == ["attendance", "longer"]
    assert found.classes == ("advice/case", "advice/letter")
    with filled.session() as session:
        adopt(session, policy, filled.clock, by="test")
    filled.clock_all()
    assert counted(told(filled)) == counted(found.after)


def test_a_decision_is_supposed_and_an_earlier_one_gives_way(house: House) -> None:
    declared = copy.deepcopy(dict(RETENTION))
    declared["rule"][0]["clause"][0].pop("from")
    house.adopt(declared)
    house.file("case", recorded_on=date(2024, 3, 5), milestones={"case-closed": date(2025, 1, 31)})
    house.flush()
    path = f"{SERVICE}.rule.case.clause.closed.from"
    for event, month in (("case-closed", "2028-01"), ("collection", "2027-03")):
        with house.session() as session:
            policy = suppose(session, Supposition(decisions=(Supposed(path, {"event": event}),)))
            found = what_if(session, house.caller, policy)
        assert [(line.when, line.before, line.after) for line in found.differences] == [
            (month, 0, 1), (("unclocked" if event == "case-closed" else "2028-01"), 1, 0)
        ]  # fmt: skip
        with house.session() as session:
            adopt(session, policy, house.clock, by="test", declared=policy_of(declared))
        house.clock_all()


@pytest.mark.parametrize(
    ("supposition", "error"),
    [
        (Supposition(), InvalidInput),
        (Supposition(decisions=(Supposed("advice.rule.case.clause.closed.keep", "5 years"),)), InvalidInput),
        (Supposition(decisions=(Supposed("nowhere.rule.case", 1),)), InvalidInput),
        (Supposition(rules="[[rule]]\nid = 'x'\nclasses = ['case']"), InvalidInput),
        (Supposition(service="advice", rules="[[rule]]\nid = 'x'\nclasses = ['case']"), InvalidInput),
        (Supposition(service="advice", rules="[[rule]]\nid = 'x'\nclasses = ['nothing']"), InvalidInput),
        (Supposition(service="advice", rules="[[rule"), DeclarationError),
        (Supposition(service="elsewhere", rules="[[rule]]\nid = 'x'\nclasses = ['case']"), NotFound),
    ],
)
def test_what_could_not_be_decided_cannot_be_supposed(
    house: House, supposition: Supposition, error: type[Exception]
) -> None:
    house.adopt()
    with house.session() as session, pytest.raises(error):
        suppose(session, supposition)


def test_a_floor_set_by_law_cannot_be_supposed_away(house: House) -> None:
    declared = copy.deepcopy(dict(RETENTION))
    declared["rule"][0]["floor"] = True
    house.adopt(declared)
    clause = 'keep = "{0}"\nfrom = {{ event = "case-closed" }}'
    rule = "[[rule]]\nid = 'case'\nclasses = ['case']\n[[rule.clause]]\nid = 'closed'\n"
    with house.session() as session:
        longer = suppose(session, Supposition(service=SERVICE, rules=rule + clause.format("4 years")))
        assert longer.services[SERVICE].retention.rules
        with pytest.raises(InvalidInput, match="floor"):
            suppose(session, Supposition(service=SERVICE, rules=rule + clause.format("2 years")))


def test_only_what_the_caller_may_see_is_counted(filled: House, councils: tuple[UUID, UUID]) -> None:
    elsewhere = Caller(filled.caller.actor, filled.id, {Permission.READ_RETENTION: frozenset({"another"})})
    nobody = Caller(filled.caller.actor, filled.id, {})
    with filled.session() as session:
        assert forecast(session, elsewhere).counts == ()
        found = what_if(session, elsewhere, policy_of(ruled("7 days", "7 days", "7 days")))
        assert (found.classes, found.differences, found.after.counts) == ((), (), ())
        for caller in (elsewhere, nobody):
            with pytest.raises(Forbidden):
                forecast(session, caller, f"{SERVICE}/case")
    other = House(filled.database, councils[1], filled.ledger_dir)
    other.adopt()
    assert told(other).counts == ()


def test_the_database_refuses_to_write_while_a_forecast_is_read(house: House) -> None:
    with house.session() as session:
        with pytest.raises(InternalError, match="25006"), reading_only(session):
            session.execute(text("update record set due_on = null"))
        session.execute(text("update record set due_on = null"))  # afterwards the transaction is as it was
