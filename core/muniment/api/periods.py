"""Calendar periods as councils write them, and the one rule for adding them to a date.

A period keeps its unit: 56 days are not 8 weeks on paper, and 24 months are not 2 years in a sentence. Adding is
defined once, here and identically in the SQL of `muniment.retention`: months first, then days, always to the anchor;
a day that does not exist becomes the first of the next month, since for destruction the later date is the safe one
(29 Feb 2024 + 1 year = 1 Mar 2025; 31 Jan + 1 month = 1 Mar). Working days, Monday to Friday without bank holidays,
come last. What is dated to the day cannot be kept by the hour: hours are rounded up to whole days, 72 to 3, 36 to 2.
"""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import date, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from muniment.api.errors import InvalidInput

__all__ = ["Keep", "Length", "Period", "Span", "add_period", "parse_keep", "parse_period"]

_UNIT = r"hour|working day|day|week|month|year"
_AMOUNT = rf"[1-9][0-9]{{0,3}} (?:{_UNIT})s?"
_PERIOD = rf"{_AMOUNT}(?: {_AMOUNT}){{0,2}}"

Length = Annotated[str, Meta(pattern=rf"^{_PERIOD}$", examples=["24 months", "1 year 6 months", "20 working days"])]
"""A period as text: `3 years`, `56 days`, `1 year 6 months`, `20 working days`, `72 hours`."""

Keep = Annotated[
    str,
    Meta(
        pattern=rf"^(?:permanent|none|variable|{_PERIOD}(?: to {_PERIOD})?)$",
        examples=["3 years", "permanent", "none", "variable", "2 years to 5 years"],
    ),
]
"""How long: a period, a range, `permanent`, `none` (until the anchor and no longer) or `variable`."""


class Period(msgspec.Struct, frozen=True, order=True):
    """A calendar period. Weeks count as seven days once added; `words` keeps what was written."""

    months: int = 0
    days: int = 0
    working_days: int = 0
    words: str = ""

    def __add__(self, other: Period) -> Period:
        """Both, one after the other: still months first, then days, then working days."""
        words = " and ".join(part for part in (self.words, other.words) if part)
        working_days = self.working_days + other.working_days
        return Period(self.months + other.months, self.days + other.days, working_days, words)


class Span(msgspec.Struct, frozen=True):
    """What `Keep` says. For a range `longest` is set too; nothing is computed from a range until it is decided."""

    kind: Literal["period", "range", "permanent", "none", "variable"]
    shortest: Period = Period()
    longest: Period = Period()


def parse_period(words: str) -> Period:
    """Read `1 year 6 months`. Raises `InvalidInput` with the form that is allowed."""
    if not re.fullmatch(_PERIOD, words):
        raise InvalidInput(f"{words!r} is not a period: write a number and a unit, such as '24 months' or '56 days'")
    months = days = working_days = hours = 0
    for number, unit in re.findall(rf"(\d+) ({_UNIT})", words):
        match unit:
            case "year":
                months += 12 * int(number)
            case "month":
                months += int(number)
            case "week":
                days += 7 * int(number)
            case "working day":
                working_days += int(number)
            case "hour":
                hours += int(number)
            case _:
                days += int(number)
    return Period(months, days - (-hours // 24), working_days, words)


def parse_keep(words: str) -> Span:
    """Read a `Keep`. Raises `InvalidInput`."""
    if words == "permanent":
        return Span("permanent")
    if words == "none":
        return Span("none")
    if words == "variable":
        return Span("variable")
    first, _, last = words.partition(" to ")
    if last:
        return Span("range", parse_period(first), parse_period(last))
    return Span("period", parse_period(first))


def add_period(anchor: date, period: Period, holidays: Container[date] = ()) -> date:
    """`anchor` plus months, then days, then working days: Monday to Friday, and none of `holidays`. Raises
    `OverflowError` beyond year 9999.

    The result is the last day of the period, inclusive: a record kept three years from 2 May 2024 is due on 2 May 2027
    and disposed of by the first sweep after that day.
    """
    year, month0 = divmod(anchor.year * 12 + anchor.month - 1 + period.months, 12)
    if year > 9999:
        raise OverflowError("the date lies beyond the year 9999")
    try:
        moved = date(year, month0 + 1, anchor.day)
    except ValueError:  # no such day in that month: the first of the next one
        moved = date(year + (month0 + 1) // 12, (month0 + 1) % 12 + 1, 1)
    moved += timedelta(days=period.days)
    for _ in range(period.working_days):
        moved += timedelta(days=1)
        while moved.weekday() >= 5 or moved in holidays:
            moved += timedelta(days=1)
    return moved
