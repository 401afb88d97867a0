"""A floor set by law: a council may keep longer, and each way of keeping shorter is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from muniment.api.retention import RetentionRule, ScheduleDefaults
from muniment.policy.floors import shortened

FLOOR: dict[str, Any] = {"id": "law", "keep": "6 years", "from": {"event": "case-closed"}}
NONE = ScheduleDefaults()


def rule(*clauses: dict[str, Any], **more: Any) -> RetentionRule:
    return msgspec.convert({"id": "r", "classes": ["case", "note"], "clause": clauses, **more}, RetentionRule)


def ways(own: RetentionRule, floor: dict[str, Any] = FLOOR, own_under: ScheduleDefaults = NONE) -> list[str]:
    return list(shortened(rule(floor, floor=True), NONE, own, own_under, "case"))


LONGER = [
    {},
    {"keep": "7 years"},
    {"keep": "72 months"},
    {"keep": "permanent"},
    {"keep": "6 years to 9 years"},
    {"bound": "at-least"},
    {"from": {"event": "case-closed", "plus": "1 month"}},
    {"from": {"event": "case-closed", "align": "financial-year-end"}},
]


@pytest.mark.parametrize("change", LONGER)
def test_what_cannot_end_sooner_stands(change: dict[str, Any]) -> None:
    assert ways(rule(FLOOR | change)) == []
    further = {"id": "also", "keep": "1 year", "from": {"event": "payment"}}
    assert ways(rule(FLOOR | change, further)) == []


SHORTER = [
    ({"keep": "5 years"}, "shorter"),
    ({"keep": "71 months"}, "shorter"),
    ({"keep": "2 years to 9 years"}, "shorter"),
    ({"keep": "variable"}, "left open"),
    ({"keep": "none"}, "shorter"),
    ({"from": {"event": "collection"}}, "another day"),
    ({"from": {"event": "case-closed", "occurrence": "first"}}, "first of several"),
    ({"from": {"event": "case-closed", "whose": "parent"}}, "another day"),
    ({"bound": "at-most"}, "upper bound"),
    ({"bound": "about"}, "approximate"),
    ({"when": {"milestone": "payment"}}, "condition"),
    ({"classes": ["note"]}, "no clause of it is about the class"),
    ({"holder": "a contractor"}, "another holder"),
]


@pytest.mark.parametrize(("change", "way"), SHORTER)
def test_each_way_of_keeping_shorter_is_told(change: dict[str, Any], way: str) -> None:
    [told] = ways(rule(FLOOR | change))
    assert way in told


def test_the_first_of_several_clauses_and_stages_could_end_sooner() -> None:
    further = {"id": "also", "keep": "1 year", "from": {"event": "payment"}}
    assert any("the first of its clauses" in way for way in ways(rule(FLOOR, further, combine="earliest")))
    assert any("stages" in way for way in ways(rule(FLOOR, further, combine="sequence")))


def test_a_schedules_own_defaults_are_read() -> None:
    upper = msgspec.convert({"bound": "at-most"}, ScheduleDefaults)
    assert ways(rule(FLOOR), own_under=upper)
    anchored = msgspec.convert({"from": {"event": "collection"}}, ScheduleDefaults)
    without = {key: value for key, value in FLOOR.items() if key != "from"}
    assert ways(rule(without), own_under=anchored)


def test_birthdays_years_and_plus_may_only_move_on() -> None:
    born = {"event": "birth", "birthday": 25, "plus": "1 year", "align": "academic-year-end"}
    floor = FLOOR | {"from": born}
    assert ways(rule(FLOOR | {"from": born | {"birthday": 26}}), floor) == []
    for change in ({"birthday": 24}, {"plus": "6 months"}, {"align": "month-end"}):
        assert ways(rule(FLOOR | {"from": born | change}), floor), change
