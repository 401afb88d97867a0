"""What is so about one record: when a thing happened, and whether a condition holds, is false or is unknown.

A part of the yardstick in `reference.py`, whose rules ask it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from muniment.api.clients import Cohort
from muniment.api.periods import Period, parse_period
from muniment.api.retention import Anchor, RetentionDeclarations, When
from tests.integration.retention.reference_days import add, aligned

__all__ = ["Before", "Dating", "Facts", "History", "Line", "both", "either"]


@dataclass
class History:
    """Everything about one record that a clause can read. A milestone is its kind, day, whether it was the client's
    own act, and whose it is."""

    recorded_on: date
    medium: str = "digital"
    born_on: date | None = None
    milestones: list[tuple[str, date, bool, str]] = field(default_factory=list)
    enrolled: list[str] = field(default_factory=list)
    ended: dict[str, date] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    stage: int = 0
    reviewed_on: date | None = None
    extended: list[tuple[date, bool, bool]] = field(default_factory=list)
    """Extensions: until when, whether of the record alone, whether it was withdrawn."""


class Line(NamedTuple):
    """One clause as it stands. `anchor_on` and `period` are what it is dated from, where that can be computed."""

    stage: int
    state: str
    due_on: date | None
    action: str
    review_on: date | None
    dating: Dating | None = None


class Dating(NamedTuple):
    """From which day, how long, and how many days before that limit."""

    day: date
    period: Period
    margin: int


Before = dict[str, list[Line]]
"""The clauses of a rule that stand before another, each as it stands; empty where it comes to several."""


class Facts:
    """One record under one schedule: what is so about it."""

    def __init__(
        self, retention: RetentionDeclarations, class_id: str, history: History, cohorts: dict[str, Cohort]
    ) -> None:
        self.retention, self.class_id, self.history, self.cohorts = retention, class_id, history, cohorts
        self.defaults = retention.defaults

    @staticmethod
    def in_words(anchor: Anchor) -> bool:
        named = (anchor.event, anchor.milestone, anchor.on, anchor.stage)
        return not anchor.either and all(one is None for one in named)

    def anchored(self, anchor: Anchor, before: Before, programme: str | None = None) -> tuple[date | None, str]:
        """The day, or what its absence means. `programme` is whose end is meant where none is named."""
        if anchor.either:
            day, missing = self.one_of(anchor, before, programme)
        else:
            day, missing = self.event(anchor, before, anchor.programme or programme)
        if day is None:
            return None, missing
        for length in (Period(months=12 * (anchor.birthday or 0)), parse_period(anchor.plus) if anchor.plus else None):
            if day is not None and length is not None:
                day = add(day, length)
        return (None, "unclocked") if day is None else (aligned(day, anchor.align), "")

    def one_of(self, anchor: Anchor, before: Before, programme: str | None) -> tuple[date | None, str]:
        found = [self.anchored(inner, before, programme) for inner in anchor.either]
        there = [day for day, _ in found if day is not None]
        unknown = any(missing == "unclocked" for _, missing in found)
        if anchor.occurrence == "first" and there:
            return min(there), ""
        if there and not unknown:
            return max(there), ""
        return None, "unclocked" if unknown else "running"

    def event(self, anchor: Anchor, before: Before, programme: str | None) -> tuple[date | None, str]:
        history = self.history
        if anchor.on is not None:
            return anchor.on, ""
        if anchor.stage is not None:
            lines = before.get(anchor.stage, [])
            if len(lines) == 1 and lines[0].state == "dated":
                return lines[0].due_on, ""
            return None, "running" if len(lines) == 1 and lines[0].state == "running" else "unclocked"
        if self.in_words(anchor):
            return None, "unclocked"
        if anchor.event == "collection":
            return history.recorded_on, ""
        if anchor.event == "programme-end":
            names = [programme] if programme else history.enrolled
            ended = [history.ended[name] for name in names if name in history.ended]
            return (max(ended) if names and len(ended) == len(names) else None), "running"
        whose = "client" if anchor.whose == self.defaults.client else anchor.whose
        if anchor.event == "birth" and whose == "client":
            return history.born_on, "unclocked"
        days = self.days(anchor.event or anchor.milestone or "", whose)
        missing = "unclocked" if anchor.event == "birth" else "running"
        return ((max if anchor.occurrence == "latest" else min)(days) if days else None), missing

    def days(self, kind: str, whose: str = "client") -> list[date]:
        return [
            day
            for of, day, own, theirs in self.history.milestones
            if of == kind and theirs == whose and (own or kind != "last-contact")
        ]

    def belongs(self, cohort_id: str) -> bool | None:
        cohort = self.cohorts.get(cohort_id)
        told: list[bool | None] = []
        if cohort is not None and cohort.field is not None:
            told.append(self.value(cohort.field, cohort.equals))
        if cohort is not None and cohort.in_programme is not None:
            told.append(cohort.in_programme in self.history.enrolled)
        return either(told) if told else None

    def value(self, name: str, equals: tuple[str, ...]) -> bool | None:
        stored = self.history.values.get(name)
        return (None if stored is None else stored["v"] in equals) if equals else stored is not None

    def holds(self, when: When | None) -> bool | None:
        """Kleene's three values: None is unknown."""
        if when is None:
            return True
        history = self.history
        parts: list[bool | None] = []
        if when.in_words is not None:
            parts.append(None)
        if when.cohort is not None:
            parts.append(self.belongs(when.cohort))
        for kind, wanted in (
            (when.milestone, True),
            (when.no_milestone, False),
            ("request" if when.request else None, True),
        ):
            if kind is not None:
                parts.append(bool(self.days(kind)) is wanted)
        if when.in_programme is not None:
            inside = when.in_programme in history.enrolled
            parts.append(bool(history.enrolled) if when.in_programme == "any" else inside)
        if when.field is not None:
            parts.append(self.within(when) if self.limits(when) else self.value(when.field, when.equals))
        if when.medium is not None:
            parts.append(history.medium == when.medium)
        if when.form is not None:
            of_class = next(entry for entry in self.retention.classes if entry.id == self.class_id)
            parts.append(of_class.form == when.form)
        if when.purpose is not None:
            held = [when.purpose in value["p"] for value in history.values.values()]
            parts.append(any(held) if held else None)
        if when.anchor is not None:
            parts.append(self.compared(when))
        if when.either:
            parts.append(either([self.holds(inner) for inner in when.either]))
        if when.never is not None:
            answer = self.holds(when.never)
            parts.append(None if answer is None else not answer)
        return both(parts)

    @staticmethod
    def limits(when: When) -> list[tuple[int, Callable[[Any, int], bool]]]:
        given = [(when.more_than, operator.gt), (when.at_least, operator.ge), (when.less_than, operator.lt)]
        return [(limit, compare) for limit, compare in given if limit is not None]

    def within(self, when: When) -> bool | None:
        stored = self.history.values.get(when.field or "")
        amount = None if stored is None else number(stored["v"])
        return None if amount is None else all(compare(amount, limit) for limit, compare in self.limits(when))

    def compared(self, when: When) -> bool | None:
        assert when.anchor is not None
        day, missing = self.anchored(when.anchor, {})
        if day is None:
            return None if missing == "unclocked" else False
        answers: list[bool | None] = []
        for other, later in ((when.before, True), (when.after, False)):
            if other is not None:
                than, _ = self.anchored(other, {})
                answers.append(None if than is None else (day < than if later else day > than))
        return both(answers)


def either(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def both(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def number(stored: object) -> Decimal | None:
    try:
        return Decimal(str(stored))
    except InvalidOperation:
        return None
