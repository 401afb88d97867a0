"""Planning a policy tells which due dates it would move, as adopting it then does, and writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from muniment.policy.plan import Moved
from muniment.retention.clocks.planning import due_dates_moved
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
        return due_dates_moved(session, policy_of(retention), chunk)


@pytest.mark.parametrize("chunk", [1, 2, 4, 100])
def test_a_longer_period_moves_days_by_class_and_month_in_any_chunks(filled: House, chunk: int) -> None:
    before = filled.all(STORED)
    longer = changed({"keep": "4 years"}, {}, {"keep": "18 months"})
    moved = planned(filled, longer, chunk)
    assert moved == (
        Moved("advice/case", "2028-01", 1),
        Moved("advice/case", "2028-02", 1),
        Moved("advice/case", "2029-02", 1),
        Moved("advice/attendance", "2026-11", 1),
    )
    assert filled.all(STORED) == before


def test_what_would_have_no_day_any_more_falls_away(filled: House) -> None:
    assert planned(filled, changed({"from": {"in_words": "when it is over"}})) == (Moved("advice/case", "", 3),)
    without = {key: [entry for entry in entries if entry["id"] != "letter"] for key, entries in DECLARED.items()}
    assert planned(filled, without) == (Moved("advice/letter", "", 3),)


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
    assert [(entry.month, entry.records) for entry in moved] == [tuple(row) for row in months]


def test_another_councils_records_are_not_counted(filled: House, councils: tuple[UUID, UUID]) -> None:
    other = House(filled.database, councils[1], filled.ledger_dir)
    other.adopt()
    assert planned(other, changed({"keep": "4 years"})) == ()
