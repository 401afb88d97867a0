"""Dates, periods and lists in the language of a notice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

__all__ = ["as_sentence", "listed", "locale_of", "long_date", "number", "period_words"]

WORKING_DAYS = {"cy": "{} diwrnod gwaith"}
"""What no library of units has; English keeps what was written."""

ENDINGS = (".", "!", "?", ":", ";", "…")


def locale_of(language: str) -> Locale:
    """The locale of a language of a notice: `en`, `cy`, `en.young`. English is Britain's."""
    code = language.partition(".")[0]
    return Locale.parse("en_GB" if code == "en" else code)


def long_date(day: date, language: str) -> str:
    """`28 October 2024`."""
    return format_date(day, format="d MMMM y", locale=locale_of(language))


def period_words(period: str, language: str) -> str:
    """A length as written, in its own units: `24 months`, `1 year 6 months`, `2 years to 5 years`."""
    locale = locale_of(language)
    working_days = WORKING_DAYS.get(language.partition(".")[0])

    def unit(match: re.Match[str]) -> str:
        if match[2] == "working day":
            return working_days.format(match[1]) if working_days else match[0]
        name = f"duration-{match[2]}"
        words = format_unit(int(match[1]), name, locale=locale)
        # The long form of Welsh days and months is the short one; Babel gives the unit's own name instead.
        return format_unit(int(match[1]), name, length="short", locale=locale) if name in words else words

    return re.sub(r"(\d+) (hour|working day|day|week|month|year)s?", unit, period)


def number(value: int, language: str) -> str:
    """`50,000`."""
    return format_decimal(value, locale=locale_of(language))


def listed(items: Iterable[str], language: str) -> str:
    """`a, b and c`; with semicolons where an item has a comma of its own."""
    given = [item for item in items if item]
    if any("," in item or ";" in item for item in given):
        return "; ".join(item.rstrip(";") for item in given)
    return format_list(given, locale=locale_of(language)) if given else ""


def as_sentence(text: str) -> str:
    """The text with a full stop unless it ends in a mark of its own, or in an address that a full stop would spoil."""
    ends = text.rstrip()
    return ends if not ends or ends.endswith(ENDINGS) else f"{ends}."
