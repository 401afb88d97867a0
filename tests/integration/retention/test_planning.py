"""Planning a policy tells which due dates it would move, as adopting it then does, and writes nothing."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from muniment.policy.plan import Moved, Waiting
from muniment.retention.approval import arming
from muniment.retention.clocks.planning import foresee
from tests.integration.retention.kit import RETENTION, House, policy_of

CLOSED = (date(2024, 1, 31), date(2024, 2, 29), date(2025, 2, 1))
DECLARED: dict[str, Any] = dict(RETENTION)
STORED = "select id, state, due_on, action, stage, rule_hash from record order by id"


def changed(*rules: Mapping[str, Any]) -> dict[str, Any]:
    """The declarations with the first clause of some rules changed, in their order."""
    made = copy.deepcopy(DECLARED)
    for rule, change in zip(made["rule"], rules, strict=False):
        rule["clause"][0] |= change
    return made


@pytest.fixture
def filled(house: House) -> House:
    house.adopt()
    for day in CLOSED:
        house.file("case", "letter", medium="digital", recorded_on=day, milestones={"case-closed": day})
    house.register(date(2025, 5, 5))
    house.file("case")
    house.flush()
    return house


def planned(house: House, retention: Mapping[str, Any], chunk: int = 20_000) -> tuple[Moved, ...]:
    with house.session() as session:
        return foresee(session, policy_of(retention), chunk).moved


@pytest.mark.parametrize("chunk", [1, 2, 4, 100])
def test_a_longer_period_moves_days_by_class_and_month_in_any_chunks(filled: House, chunk: int) -> None:
    before = filled.all(STORED)
    longer = changed({"keep": "4 years"}, {}, {"keep": "18 months"})
    moved = planned(filled, longer, chunk)
    assert moved == (
        Moved("advice/attendance", "2026-05", "2026-11", 1, 0),
        Moved("advice/case", "2027-01", "2028-01", 1, 0),
        Moved("advice/case", "2027-03", "2028-02", 1, 0),
        Moved("advice/case", "2028-02", "2029-02", 1, 0),
    )
    assert filled.all(STORED) == before


def test_what_would_have_no_day_any_more_falls_away(filled: House) -> None:
    assert planned(filled, changed({"from": {"in_words": "when it is over"}})) == (
        Moved("advice/case", "2027-01", "", 1, 0),
        Moved("advice/case", "2027-03", "", 1, 0),
        Moved("advice/case", "2028-02", "", 1, 0),
    )
    without = {key: [entry for entry in entries if entry["id"] != "letter"] for key, entries in DECLARED.items()}
    assert sum(line.records for line in planned(filled, without) if not line.month) == 3


def test_what_would_be_due_at_once_is_counted_and_what_is_due_already_is_not(filled: House) -> None:
    shorter = changed({"keep": "1 year"}, {"keep": "6 months"})
    lines = planned(filled, shorter)
    assert [line for line in lines if line.record_class == "advice/case"] == [
        Moved("advice/case", "2027-01", "2025-01", 1, 1),
        Moved("advice/case", "2027-03", "2025-03", 1, 1),
        Moved("advice/case", "2028-02", "2026-02", 1, 1),
    ]
    assert sum(line.newly_due for line in lines if line.record_class == "advice/letter") == 0


def test_what_waits_to_be_clocked_is_said_and_not_counted_as_moved(filled: House) -> None:
    filled.adopt_only(policy_of(changed({"keep": "4 years"})))
    with filled.session() as session:
        found = foresee(session, policy_of(changed({"keep": "5 years"})))
    assert (found.moved, found.waiting) == ((), (Waiting("advice/case", 4),))


def test_approvals_that_would_end_are_named_and_end(filled: House) -> None:
    filled.arm("case", "letter")
    longer = policy_of(changed({"keep": "4 years"}))
    with filled.session() as session:
        assert foresee(session, longer).disarmed == ("advice/case",)
    filled.adopt_only(longer)
    ended = "select record_class, ended_because from arming where ended_at is not null"
    assert [tuple(row) for row in filled.all(ended)] == [("advice/case", "policy")]
    filled.adopt(RETENTION)  # the rule that had been approved is back, and not armed
    with filled.session() as session:
        assert arming.preview(session, filled.caller, "advice/case").armed is None


def test_nothing_moves_under_the_same_rules(filled: House) -> None:
    renamed = copy.deepcopy(DECLARED)
    renamed["class"][0]["title"] = "Closed cases"
    assert planned(filled, renamed) == planned(filled, RETENTION) == ()


def test_adopting_comes_to_what_was_planned(filled: House) -> None:
    longer = changed({"keep": "50 months"})
    moved = planned(filled, longer)
    filled.adopt(longer)
    months = filled.all(
        "select to_char(due_on, 'YYYY-MM'), count(*) from record where record_class = 'advice/case'"
        " and due_on is not null group by 1 order by 1"
    )
    came = Counter[str]()
    for entry in moved:
        came[entry.month] += entry.records
    assert came == {row[0]: row[1] for row in months}


def test_another_councils_records_are_not_counted(filled: House, councils: tuple[UUID, UUID]) -> None:
    other = House(filled.database, councils[1], filled.ledger_dir)
    other.adopt()
    assert planned(other, changed({"keep": "4 years"})) == ()
