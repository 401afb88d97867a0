"""Reading single values by the type of their field: what is stored is one form, whatever was written.

Pure functions from what was sent or stood in a file to what is stored as JSON. Each raises `BadValue` with a code and
with what would have been allowed, never with the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from muniment.api.clients import Field, FieldType
from muniment.api.errors import InvalidInput

__all__ = [
    "EARLIEST",
    "LONG_TEXT",
    "SHORT_TEXT",
    "BadValue",
    "Stored",
    "check_day",
    "parse_date",
    "parse_field",
    "parse_text",
]

Stored = str | int | bool
"""A value as stored: dates in ISO form, money as pounds and pence (`12.50`), a choice by its id."""

SHORT_TEXT: Final = 500
LONG_TEXT: Final = 20_000
ISO: Final = "%Y-%m-%d"
EARLIEST: Final = date(1900, 1, 1)
"""No day that is recorded lies before: nobody born earlier is anybody's client, so it is a slip of the pen."""

LATEST: Final = date(2100, 12, 31)
"""No day that may lie ahead lies beyond: later ones are slips too, and no period added leaves the calendar."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_TURNS_DIRECTION = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\.]+(\.[^\s@<>,;:\"()\[\]\\.]+)+")
_PHONE = re.compile(r"\+?[0-9](?:[ ()./-]*[0-9]){6,14}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?")
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?) ?([0-9][A-Z]{2})")
_NI_NUMBER = re.compile(r"[A-Z]{2}[0-9]{6}[A-D]")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_MONEY = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?")
_TRUE: Final = frozenset({"yes", "y", "true", "1"})
_FALSE: Final = frozenset({"no", "n", "false", "0"})


class BadValue(ValueError):
    """A value that its type does not take: `code` is stable, the message says what it takes."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def parse_text(value: object, longest: int = SHORT_TEXT) -> str:
    """A line of text without control characters; `longest` counts characters.

    Embeddings, overrides and isolates of direction (Unicode Standard Annex 9) are refused: a name with one is read in
    another order than it is stored in. Joiners are taken, for some scripts write names with them.
    """
    text = _string(value).strip()
    if len(text) > longest:
        raise BadValue("too-long", f"takes at most {longest} characters")
    if _UNPRINTABLE.search(text) or (longest == SHORT_TEXT and "\n" in text):
        raise BadValue("control-character", "takes no control characters")
    if _TURNS_DIRECTION.search(text):
        raise BadValue("text-direction", "takes no hidden characters that turn the direction of the text")
    return text


def parse_date(value: object, date_format: str = ISO) -> date:
    """A date from 1900 on, in the form given (as of `strptime`)."""
    text = _string(value).strip()
    try:
        if date_format == ISO and _ISO_DATE.fullmatch(text):
            found = date.fromisoformat(text)  # ten times as fast, and most dates are written so
        else:
            found = datetime.strptime(text, date_format).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise BadValue("not-a-date", f"takes a date in the form {date_format}") from None
    if found < EARLIEST:
        raise BadValue("date-too-early", f"takes a date from {EARLIEST.year} on")
    return found


def check_day(day: date, where: str, today: date | None = None) -> date:
    """The day of something, if it can be one: not before 1900, and not after `today`; without it, not after 2100.

    Raises `InvalidInput` with the codes `date-too-early`, `date-in-future` and `date-too-late`.
    """
    if day < EARLIEST:
        raise InvalidInput(f"This day lies before {EARLIEST.isoformat()}.", where=where, code="date-too-early")
    if today is not None and day > today:
        raise InvalidInput("This day lies in the future.", where=where, code="date-in-future")
    if day > LATEST:
        raise InvalidInput(f"This day lies after {LATEST.isoformat()}.", where=where, code="date-too-late")
    return day


def parse_field(field: Field, value: object, date_format: str = ISO) -> Stored:
    """The value of a declared field as it is stored. Raises `BadValue`."""
    if field.type == "choice":
        chosen = _string(value).strip()
        if all(choice.id != chosen for choice in field.choices):
            raise BadValue("not-a-choice", f"takes one of: {', '.join(choice.id for choice in field.choices)}")
        return chosen
    if field.type == "date":
        return parse_date(value, date_format).isoformat()
    return _PARSERS[field.type](value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("not-text", "takes text")
    return value


def _matched(pattern: re.Pattern[str], text: str, code: str, message: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise BadValue(code, message)
    return found


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return int(_matched(_INTEGER, _string(value).strip(), "not-a-number", "takes a whole number").group())


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = _string(value).strip().casefold()
    if word not in _TRUE | _FALSE:
        raise BadValue("not-yes-or-no", "takes yes or no")
    return word in _TRUE


def _email(value: object) -> str:
    text = parse_text(value, 254)
    return _matched(_EMAIL, text, "not-an-email-address", "takes an email address").group()


def _phone(value: object) -> str:
    return _matched(_PHONE, parse_text(value), "not-a-phone-number", "takes a telephone number").group()


def _postcode(value: object) -> str:
    text = " ".join(parse_text(value).upper().split())
    found = _matched(_POSTCODE, text, "not-a-postcode", "takes a postcode such as ZZ1 1AA")
    return f"{found[1]} {found[2]}"


def _ni_number(value: object) -> str:
    text = "".join(parse_text(value).upper().split())
    message = "takes a National Insurance number: two letters, six digits, a letter from A to D"
    return _matched(_NI_NUMBER, text, "not-an-ni-number", message).group()


def _money(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = _string(value).strip().removeprefix("£").replace(",", "")
    text = _matched(_MONEY, text, "not-an-amount", "takes an amount in pounds with at most two decimals").group()
    return f"{Decimal(text):.2f}"


_PARSERS: Final[Mapping[FieldType, Callable[[object], Stored]]] = {
    "text": parse_text,
    "long-text": lambda value: parse_text(value, LONG_TEXT),
    "integer": _integer,
    "boolean": _boolean,
    "email": _email,
    "phone": _phone,
    "postcode": _postcode,
    "ni-number": _ni_number,
    "money": _money,
}
