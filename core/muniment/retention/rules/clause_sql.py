"""One clause as SQL: whether its condition holds, the day it counts from, the day it comes to.

SQL's own three-valued logic is the logic of conditions: true, false, and null for what is not known.

Adding a period: months, then days, always to the anchor. PostgreSQL shortens a month that lacks the day (31 January
and a month is 28 February); ours is the day after that, the first of the next month, because for destruction the later
day is the safe one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Interval,
    Text,
    and_,
    case,
    cast,
    column,
    extract,
    func,
    literal,
    null,
    or_,
    true,
)
from sqlalchemy import not_ as negate

from muniment.api.periods import Period, parse_period
from muniment.api.retention import Anchor, When
from muniment.retention.rules.compile import ClauseClock, Clock
from muniment.retention.rules.row_facts import Day, Facts, Truth
from muniment.retention.subjects import Subject

__all__ = ["ClauseCompiler", "added"]

LAST_DAY = date(9999, 12, 31)


def added(day: Day, period: Period) -> Day:
    """`day` plus a period, by the rule above; never beyond the year 9999."""
    moved = day
    if period.months:
        shortened = cast(day + func.make_interval(0, period.months, type_=Interval), Date)
        lacking = cast(extract("day", shortened) != extract("day", day), Integer)
        moved = _plus_days(shortened, lacking)
    if period.days:
        moved = _plus_days(moved, literal(period.days, Integer))
    return case((moved > LAST_DAY, literal(LAST_DAY, Date)), else_=moved) if period != Period() else day


def _plus_days(day: Day, days: ColumnElement[Any]) -> Day:
    return day.op("+", return_type=Date())(days)


def _aligned(day: Day, to: str) -> Day:
    """The end of the month, or of the year that ends on 31 December, 31 March or 31 August, that `day` lies in."""
    if to == "month-end":
        next_month = func.date_trunc("month", day) + func.make_interval(0, 1, type_=Interval)
        return _plus_days(cast(next_month, Date), literal(-1, Integer))
    month = {"calendar-year-end": 12, "financial-year-end": 3, "academic-year-end": 8}[to]
    year = cast(extract("year", day), Integer) + cast(extract("month", day) > month, Integer)
    return func.make_date(year, month, 31, type_=Date)


class ClauseCompiler:
    """Turns the clauses of one clock into expressions over the columns that `Facts` fetches."""

    def __init__(self, clock: Clock, subject: Subject, row: FromClause) -> None:
        self._clock = clock
        self._history = subject.has_history
        self.facts = Facts(subject, row, {})

    def clause(self, entry: ClauseClock) -> tuple[Truth, Day, Day, str]:
        """Condition, anchor's day, day due, and the state while the anchor is missing."""
        holds = self._all(
            [
                *map(self._when, entry.conditions),
                *([self._enrolled(entry.enrolled)] if entry.enrolled else []),
                *([self._enrolled(entry.enrolled_beside, True)] if entry.enrolled_beside is not None else []),
            ]
        )
        if entry.fixed is not None or entry.anchor is None:
            return holds, null(), null(), entry.fixed or "unclocked"
        day, missing = self._anchor(entry.anchor)
        due = (
            _plus_days(added(day, entry.period), literal(-entry.margin, Integer))
            if entry.margin
            else added(day, entry.period)
        )
        return holds, day, due, missing

    def review(self, entry: ClauseClock) -> Day:
        """The day of the clause's next review: counted from the last one, or from where the clause counts from."""
        if entry.clause.review is None:
            return null()
        first = self._anchor(entry.anchor)[0] if entry.anchor is not None else cast(null(), Date)
        since = func.coalesce(first, column("collected", Date()), type_=Date)
        # `greatest` passes over nulls, and here that is meant: a record that was never reviewed.
        return added(
            func.greatest(since, column("reviewed", Date()), type_=Date), parse_period(entry.clause.review.every)
        )

    def _anchor(self, anchor: Anchor) -> tuple[Day, str]:
        """The anchor's day, and what its absence means: it can still come, or it cannot be computed."""
        day, missing = self._event(anchor)
        if anchor.birthday is not None:
            day = added(day, Period(months=12 * anchor.birthday))
        if anchor.plus is not None:
            day = added(day, parse_period(anchor.plus))
        if anchor.align is not None:
            day = _aligned(day, anchor.align)
        return day, missing

    def _event(self, anchor: Anchor) -> tuple[Day, str]:
        if anchor.on is not None:
            return literal(anchor.on, Date), "unclocked"
        if anchor.event == "collection":
            return column("collected", Date()), "unclocked"
        if anchor.event == "programme-end" and (self._history or anchor.programme is not None):
            return self.facts.programme_end(anchor.programme), "running"
        kind = anchor.event or anchor.milestone
        if kind is None or not self._history:
            return cast(null(), Date), "unclocked"
        if kind == "birth" and anchor.whose == "client":
            return self.facts.born_on(), "unclocked"
        return self.facts.milestone(
            kind, anchor.occurrence, anchor.whose
        ), "unclocked" if kind == "birth" else "running"

    def _when(self, when: When) -> Truth:
        parts: list[Truth] = []
        if when.in_words is not None:
            parts.append(_unknown())
        if when.cohort is not None:
            parts.append(self._belongs(when.cohort))
        if when.milestone is not None:
            parts.append(self._happened(when.milestone))
        if when.no_milestone is not None:
            parts.append(negate(self._happened(when.no_milestone)))
        if when.request:
            parts.append(self._happened("request"))
        if when.in_programme == "any":
            parts.append(self._enrolled((), True))
        elif when.in_programme is not None:
            parts.append(self._enrolled((when.in_programme,)))
        if when.field is not None:
            parts.append(self.facts.value(when.field, when.equals) if self._history else _unknown())
        if when.medium is not None:
            parts.append(column("medium", Text()) == when.medium)
        if when.purpose is not None:
            parts.append(self.facts.purpose(when.purpose) if self._history else _unknown())
        if when.form is not None:
            record_class = self._clock.record_class
            parts.append(literal(record_class.form == when.form, Boolean) if record_class else _unknown())
        if when.anchor is not None:
            parts.append(self._compared(when.anchor, when.before, when.after))
        if when.either:
            parts.append(or_(*(self._when(inner) for inner in when.either)))
        if when.never is not None:
            parts.append(negate(self._when(when.never)))
        return self._all(parts)

    def _belongs(self, cohort: str) -> Truth:
        """Whether the client belongs to a cohort, by what its declaration says that this is known from."""
        known = self._clock.cohorts.get(cohort)
        told: list[Truth] = []
        if known is not None and self._history:
            told += [self.facts.value(known.field, known.equals)] if known.field is not None else []
            told += [self._enrolled((known.in_programme,))] if known.in_programme is not None else []
        return or_(*told) if told else _unknown()

    def _happened(self, kind: str) -> Truth:
        return self.facts.milestone(kind, "latest").is_not(None) if self._history else _unknown()

    def _enrolled(self, programmes: tuple[str, ...], beside: bool = False) -> Truth:
        return self.facts.enrolled(programmes, beside=beside) if self._history else _unknown()

    def _compared(self, anchor: Anchor, before: Anchor | None, after: Anchor | None) -> Truth:
        """One day against another. What has not happened is before nothing; what is not known is unknown."""
        day, missing = self._anchor(anchor)
        parts: list[Truth] = [day < self._anchor(before)[0]] if before else []
        if after:
            parts.append(day > self._anchor(after)[0])
        happened = day.is_not(None) if missing == "running" else case((day.is_not(None), True), else_=_unknown())
        return self._all([happened, *parts])

    @staticmethod
    def _all(parts: Sequence[Truth]) -> Truth:
        return and_(*parts) if len(parts) > 1 else parts[0] if parts else true()


def _unknown() -> Truth:
    return cast(null(), Boolean)
