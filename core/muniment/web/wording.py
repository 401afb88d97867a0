"""How pages write days, moments and numbers, so that all of them write alike: filters of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from muniment.clock import LONDON

__all__ = ["FILTERS", "day", "moment", "number"]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def day(written: date) -> str:
    """A day in words: `31 March 2030`."""
    return f"{written.day} {MONTHS[written.month - 1]} {written.year}"


def moment(instant: datetime) -> str:
    """An aware instant as clocks in London showed it, to the minute: `31 March 2030, 14:05`."""
    local = instant.astimezone(LONDON)
    return f"{day(local)}, {local:%H:%M}"


def number(count: int) -> str:
    """A number with its thousands apart: `12,345`."""
    return f"{count:,}"


FILTERS: Mapping[str, Callable[[Any], str]] = {"day": day, "moment": moment, "number": number}
