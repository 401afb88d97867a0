"""Reckoning with days, for the yardstick of the clocks: periods added, ends of months and years, working days."""

from __future__ import annotations

from datetime import date, timedelta

from muniment.api.periods import Period, add_period
from muniment.defaults.calendars import working_days_of

__all__ = ["add", "aligned"]


def aligned(day: date, to: str | None) -> date:
    """The last day of the month, quarter or year that a day lies in."""
    match to:
        case "month-end":
            return add_period(day.replace(day=1), Period(months=1)) - timedelta(days=1)
        case "quarter-end":
            return next(end for end in ends_of(day.year, [(3, 31), (6, 30), (9, 30), (12, 31)]) if end >= day)
        case "calendar-year-end":
            return date(day.year, 12, 31)
        case "financial-year-end":
            return next(end for end in ends_of(day.year, [(3, 31)]) if end >= day)
        case "tax-year-end":
            return next(end for end in ends_of(day.year, [(4, 5)]) if end >= day)
        case "academic-year-end":
            return next(end for end in ends_of(day.year, [(8, 31)]) if end >= day)
    return day


def ends_of(year: int, ends: list[tuple[int, int]]) -> list[date]:
    return [date(one, *end) for one in (year, year + 1) for end in ends]


def add(day: date, period: Period) -> date | None:
    """The day a period later, at the latest the last there is; None where working days leave the years that are
    known. The councils of these tests are in England."""
    try:
        moved = add_period(day, Period(period.months, period.days))
    except OverflowError:
        moved = date.max
    if not period.working_days:
        return moved
    calendar = working_days_of("england")
    if moved < calendar.first or moved > calendar.last:
        return None
    reached = add_period(moved, Period(working_days=period.working_days), calendar.days)
    return reached if reached <= calendar.last else None
