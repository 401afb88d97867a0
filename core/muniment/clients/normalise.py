"""Names, references and postcodes as they are looked up: one form for all the ways of writing the same thing.

Under row-level security an index serves only plain comparisons of plain columns, so what is searched for is stored in
this form beside what was given. Pure functions; the same text always gives the same key, and a key is its own key.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

__all__ = ["END", "name_key", "name_prefix", "notice_due_on", "postcode_key", "reference_key"]

END = "\U0010ffff"
"""Sorts after every character (collation C): `key >= p and key < p + END` finds what begins with `p`."""

_OTHER_ASCII = re.compile(r"[^a-z0-9]+")


def name_key(family_name: str | None, given_names: str | None) -> str:
    """Family name, a blank, given names: letters and digits alone, without accents, marks or case.

    >>> name_key("O'Brien-Núñez", "Mary Ann")
    'obriennunez maryann'
    """
    return f"{_letters(family_name or '')} {_letters(given_names or '')}".strip()


def name_prefix(family_name: str | None, given_names: str | None) -> str:
    """What the `name_key` begins with for a search: the whole family name, then as much of the given names as is known.

    With a family name alone its beginning is enough: `Smi` finds Smith and Smithson.
    """
    return name_key(family_name, given_names)


def reference_key(reference: str) -> str:
    """A reference without case, blanks and punctuation: `C-00 12/a` and `c0012A` are one."""
    return _letters(reference)


def postcode_key(postcode: str) -> str:
    """A postcode without case and blanks."""
    return _letters(postcode)


def notice_due_on(obtained_on: date) -> date:
    """The last day, inclusive, for telling a person whose data came from somebody else (UK GDPR Art 14(3)(a)).

    One month from the day of obtaining: the same day of the next month or, where there is none, that month's last.
    Unlike the time limits for answers it is not moved past a weekend or holiday, since the period is the longest
    allowed.

    >>> notice_due_on(date(2026, 1, 31))
    datetime.date(2026, 2, 28)
    """
    first_of_next = (obtained_on.replace(day=1) + timedelta(days=32)).replace(day=1)
    last_of_next = (first_of_next + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return min(first_of_next + timedelta(days=obtained_on.day - 1), last_of_next)


def _letters(text: str) -> str:
    if text.isascii():  # most are; the same answer, sooner
        return _OTHER_ASCII.sub("", text.lower())
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in folded if character.isalnum()).casefold()
