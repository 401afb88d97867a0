"""One clause as SQL: whether its condition holds, the day it counts from, the day it comes to.

SQL's own three-valued logic is the logic of conditions: true, false, and null for what is not known.

Adding a period: months, then days, always to the anchor. PostgreSQL shortens a month that lacks the day (31 January
and a month is 28 February); ours is the day after that, the first of the next month, because for destruction the later
day is the safe one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnClause,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Interval,
    Text,
    all_,
    and_,
    case,
    cast,
    column,
    extract,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy import not_ as negate

from muniment.api.periods import Period, parse_period
from muniment.api.retention import Anchor, When
from muniment.defaults.calendars import Calendar
from muniment.retention.rules.compile import ClauseClock, Clock
from muniment.retention.rules.row_facts import Day, Facts, Truth
from muniment.retention.subjects import Subject

__all__ = ["WITHDRAWN", "ClauseCompiler", "Dated", "added"]

LAST_DAY = date(9999, 12, 31)

WITHDRAWN = "consent-withdrawn"
"""A day that the consent ledger knows, beside an officer's milestone."""


class Dated(NamedTuple):
    """A day, null where there is none; `unknown` says where that means that it cannot be computed, and not that it is
    still to come."""

    day: Day
    unknown: Truth


def added(day: Day, period: Period, calendar: Calendar | None = None) -> Day:
    """`day` plus a period, by the rule above; never beyond the year 9999.

    Working days need the `calendar`; where it does not reach, the day is null.
    """
    moved = day
    if period.months:
        shortened = cast(day + func.make_interval(0, period.months, type_=Interval), Date)
        lacking = cast(extract("day", shortened) != extract("day", day), Integer)
        moved = _plus_days(shortened, lacking)
    if period.days:
        moved = _plus_days(moved, literal(period.days, Integer))
    if period.months or period.days:
        moved = case((moved > LAST_DAY, literal(LAST_DAY, Date)), else_=moved)
    if period.working_days:
        moved = _once(moved, lambda first: _working_days_after(first, period.working_days, calendar))
    return moved


def _plus_days(day: Day, days: ColumnElement[Any]) -> Day:
    return day.op("+", return_type=Date())(days)


def _once(day: Day, then: Callable[[Day], Day]) -> Day:
    """What comes of a day that takes long to tell, told once however often `then` reads it: `offset 0` is a fence."""
    told = select(day.label("day")).offset(0).subquery()
    return select(then(told.c.day)).select_from(told).scalar_subquery()


def _working_days_after(day: Day, count: int, calendar: Calendar | None) -> Day:
    """The `count`th working day after `day`; null where the calendar does not reach."""
    if calendar is None:
        return cast(null(), Date)
    # Any stretch twice as long and a fortnight more holds that many, whatever the holidays.
    ahead = func.generate_series(1, 2 * count + 14).column_valued("ahead")
    then = _plus_days(day, ahead)
    counted = select(then).where(
        extract("isodow", then) < 6,
        then != all_(literal(list(calendar.days), ARRAY(Date))),
        day >= calendar.first,
        then <= calendar.last,
    )
    return counted.order_by(ahead).offset(count - 1).limit(1).scalar_subquery()


YEARS_END = {"calendar-year-end": (12, 31), "financial-year-end": (3, 31), "tax-year-end": (4, 5),
             "academic-year-end": (8, 31)}  # fmt: skip
SPANS = {"month-end": ("month", 1), "quarter-end": ("quarter", 3)}


def _aligned(day: Day, to: str) -> Day:
    """The end of the month, quarter or year that `day` lies in."""
    if to in SPANS:
        span, months = SPANS[to]
        next_one = func.date_trunc(span, day) + func.make_interval(0, months, type_=Interval)
        return _plus_days(cast(next_one, Date), literal(-1, Integer))
    year = cast(extract("year", day), Integer)
    ends = func.make_date(year, *YEARS_END[to], type_=Date)
    return func.make_date(year + cast(day > ends, Integer), *YEARS_END[to], type_=Date)


class ClauseCompiler:
    """Turns the clauses of one clock into expressions over the columns that `Facts` fetches."""

    def __init__(self, clock: Clock, subject: Subject, row: FromClause) -> None:
        self._clock = clock
        self._history = subject.has_history
        self.facts = Facts(subject, row, {})

    def clause(self, entry: ClauseClock) -> tuple[Truth, Dated, Dated]:
        """Condition, anchor's day, day due. Both days are null where the clause's state is fixed."""
        holds = self._all(
            [
                *map(self._when, entry.conditions),
                *([self._enrolled(entry.enrolled)] if entry.enrolled else []),
                *([self._enrolled(entry.enrolled_beside, True)] if entry.enrolled_beside is not None else []),
            ]
        )
        if entry.fixed is not None or entry.anchor is None:
            nothing = Dated(cast(null(), Date), true())
            return holds, nothing, nothing
        first = self._first_day(entry, entry.anchor)
        due = self._later(first, entry.period)
        if entry.margin:
            due = due._replace(day=_plus_days(due.day, literal(-entry.margin, Integer)))
        return holds, first, due

    def review(self, entry: ClauseClock) -> Day:
        """The day of the clause's next review: counted from the last one, or from where the clause counts from."""
        if entry.clause.review is None:
            return null()
        first = self._first_day(entry, entry.anchor).day if entry.anchor is not None else cast(null(), Date)
        since = func.coalesce(first, column("collected", Date()), type_=Date)
        # `greatest` passes over nulls, and here that is meant: a record that was never reviewed.
        latest = func.greatest(since, column("reviewed", Date()), type_=Date)
        return added(latest, parse_period(entry.clause.review.every), self._clock.calendar)

    def _first_day(self, entry: ClauseClock, anchor: Anchor) -> Dated:
        """The day that a clause counts from: an event, or the day that an earlier clause comes to."""
        if entry.after is None:
            return self._anchor(anchor)
        holds, _, due = self.clause(entry.after)
        # Not `holds is not true`: SQLAlchemy writes no brackets about a `not` there, and it would bind the wrong way.
        out = case((holds, false()), else_=true())
        return self._shifted(anchor, Dated(case((holds, due.day)), or_(due.unknown, out)))

    def _anchor(self, anchor: Anchor) -> Dated:
        """The anchor's day."""
        return self._shifted(anchor, self._one_of(anchor) if anchor.either else self._event(anchor))

    def _shifted(self, anchor: Anchor, found: Dated) -> Dated:
        """The day moved as the anchor says: to a birthday, by a period, to the end of its year."""
        if anchor.birthday is not None:
            found = self._later(found, Period(months=12 * anchor.birthday))
        if anchor.plus is not None:
            found = self._later(found, parse_period(anchor.plus))
        if anchor.align is None:
            return found
        to = anchor.align
        return found._replace(day=_once(found.day, lambda day: _aligned(day, to)))

    def _later(self, found: Dated, period: Period) -> Dated:
        if period == Period():
            return found
        if not isinstance(found.day, ColumnClause):
            moved = _once(found.day, lambda day: added(day, period, self._clock.calendar))
        else:
            moved = added(found.day, period, self._clock.calendar)
        if not period.working_days:
            return Dated(moved, found.unknown)
        return Dated(moved, or_(found.unknown, found.day.is_not(None)))  # the calendar does not reach so far

    def _one_of(self, anchor: Anchor) -> Dated:
        """The first or the latest of several days. `greatest` and `least` pass over nulls, and here that is meant: what
        has not come is passed over. What is not known could be the latest, so then the latest is not known."""
        each = [self._anchor(inner) for inner in anchor.either]
        unknown = or_(*(and_(one.day.is_(None), one.unknown) for one in each))
        days = [one.day for one in each]
        if anchor.occurrence == "first":
            return Dated(func.least(*days, type_=Date), unknown)
        return Dated(case((negate(unknown), func.greatest(*days, type_=Date))), unknown)

    def _event(self, anchor: Anchor) -> Dated:
        if anchor.on is not None:
            return Dated(literal(anchor.on, Date), true())
        if anchor.event == "collection":
            return Dated(column("collected", Date()), true())
        if anchor.event == "programme-end" and (self._history or anchor.programme is not None):
            return Dated(self.facts.programme_end(anchor.programme), false())
        kind = anchor.event or anchor.milestone
        if kind is None or not self._history:
            return Dated(cast(null(), Date), true())
        if kind == "birth" and anchor.whose == "client":
            return Dated(self.facts.born_on(), true())
        if kind == WITHDRAWN and anchor.whose == "client":
            return Dated(self.facts.withdrawal(anchor.occurrence, anchor.purpose), false())
        of_kind = self.facts.milestone(kind, anchor.occurrence, anchor.whose)
        return Dated(of_kind, true() if kind == "birth" else false())

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
            parts.append(self._value(when.field, when) if self._history else _unknown())
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

    def _value(self, field: str, when: When) -> Truth:
        """Whether a value is stored, and is what the condition says."""
        limits = {
            name: limit for name in ("more_than", "at_least", "less_than") if (limit := getattr(when, name)) is not None
        }
        return self.facts.number(field, limits) if limits else self.facts.value(field, when.equals)

    def _belongs(self, cohort: str) -> Truth:
        """Whether the client belongs to a cohort, by what its declaration says that this is known from."""
        known = self._clock.cohorts.get(cohort)
        told: list[Truth] = []
        if known is not None and self._history:
            told += [self.facts.value(known.field, known.equals)] if known.field is not None else []
            told += [self._enrolled((known.in_programme,))] if known.in_programme is not None else []
        return or_(*told) if told else _unknown()

    def _happened(self, kind: str) -> Truth:
        if not self._history:
            return _unknown()
        day = self.facts.withdrawal("latest", None) if kind == WITHDRAWN else self.facts.milestone(kind, "latest")
        return day.is_not(None)

    def _enrolled(self, programmes: tuple[str, ...], beside: bool = False) -> Truth:
        return self.facts.enrolled(programmes, beside=beside) if self._history else _unknown()

    def _compared(self, anchor: Anchor, before: Anchor | None, after: Anchor | None) -> Truth:
        """One day against another. What has not happened is before nothing; what is not known is unknown."""
        day, unknown = self._anchor(anchor)
        parts: list[Truth] = [day < self._anchor(before).day] if before else []
        if after:
            parts.append(day > self._anchor(after).day)
        happened = case((day.is_not(None), True), (unknown, _unknown()), else_=literal(False, Boolean))
        return self._all([happened, *parts])

    @staticmethod
    def _all(parts: Sequence[Truth]) -> Truth:
        return and_(*parts) if len(parts) > 1 else parts[0] if parts else true()


def _unknown() -> Truth:
    return cast(null(), Boolean)
