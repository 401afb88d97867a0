"""Which days are no working days, as data: the bank holidays of each part of the United Kingdom.

Periods in working days count Monday to Friday without these. Only published years are known; a period that reaches
beyond them has no day yet, and nothing is computed from a guess.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from muniment.api.decoding import decode_toml

__all__ = ["Calendar", "Nation", "working_days_of"]

Nation = Literal["england", "wales", "scotland", "northern-ireland"]


class Calendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The bank holidays of a region. `first` and `last` bound what is known, both inclusive."""

    region: Literal["england-and-wales", "scotland", "northern-ireland"]
    first: date
    last: date
    days: tuple[date, ...]


class _Calendars(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calendars: tuple[Calendar, ...] = msgspec.field(name="calendar")


@cache
def working_days_of(nation: Nation) -> Calendar:
    """The calendar by which working days are counted where a council is. England and Wales share one."""
    content = resources.files("muniment.defaults").joinpath("bank_holidays.toml").read_bytes()
    found = decode_toml(content, _Calendars, file="muniment.defaults/bank_holidays.toml")
    region = "england-and-wales" if nation in ("england", "wales") else nation
    return next(calendar for calendar in found.calendars if calendar.region == region)
