"""Pages of long lists, by keyset: a cursor says after which row the next page begins.

A cursor stands in an address and so in logs and histories. It may therefore hold keys, days and counts, and nothing
about a person: lists that people read by name are searched by POST instead.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import date
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from muniment.api.errors import InvalidInput

__all__ = ["MAX_LIMIT", "SHOWN", "Listing", "decode_cursor", "encode_cursor", "page_of"]

MAX_LIMIT = 200
SHOWN = 50
"""Lines on one page of the console, and in one answer unless `limit` says otherwise."""

Item = TypeVar("Item")
Position = TypeVar("Position", bound=tuple[Any, ...])


class Listing(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list. `next` is the cursor of the page after it, or null at the end."""

    items: list[Item]
    next: str | None = None


def encode_cursor(position: Sequence[UUID | date | int | None]) -> str:
    """The cursor for `position`, the sort key of the last row shown."""
    return base64.urlsafe_b64encode(msgspec.json.encode(tuple(position))).decode().rstrip("=")


def decode_cursor(cursor: str, kind: type[Position]) -> Position:
    """The position a cursor stands for, checked against `kind` (such as `tuple[date, UUID]`).

    Raises `InvalidInput` for anything that `encode_cursor` did not make for this list.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position: Position = msgspec.json.decode(raw, type=kind)
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError):
        message = "This is not a cursor of this list. Take it from `next` of the page before, or leave it out."
        raise InvalidInput(message, where="after", code="invalid-cursor") from None
    return position


def page_of(rows: Sequence[Item], limit: int, position: Any) -> Listing[Item]:
    """A page of `rows`, of which one more than `limit` was asked for; `position` gives a row's sort key."""
    shown = list(rows[:limit])
    return Listing(shown, encode_cursor(position(shown[-1])) if len(rows) > limit else None)
