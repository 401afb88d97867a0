"""Keys by the ten thousand: a chunk of a sweep or of recomputing knows its rows by nothing else.

A `UUID` costs Python more to make, to send and to read than PostgreSQL takes to delete its row. So the server strings
keys together, 16 bytes each, they are handled as one run of bytes, and a `UUID` is made of those alone that somebody
looks at. As a parameter of a statement, `Keys` are a `uuid[]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import pack
from typing import Any, Final, overload
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import ColumnElement, LargeBinary, func, literal
from sqlalchemy.types import UserDefinedType

__all__ = ["KEY_ARRAY", "Keys", "any_of", "packed"]

SIZE = 16
KEY = psycopg.adapters.types["uuid"]


class Keys(Sequence[UUID]):
    """Keys in a given order. `packed` holds 16 bytes for each."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes = b"") -> None:
        if len(packed) % SIZE:
            raise ValueError("keys are 16 bytes each")
        self.packed = packed

    @classmethod
    def of(cls, keys: Iterable[UUID]) -> Keys:
        """Keys of any kind, packed."""
        return keys if isinstance(keys, Keys) else cls(b"".join([key.bytes for key in keys]))

    @property
    def raw(self) -> list[bytes]:
        """The 16 bytes of each key."""
        packed = self.packed
        return [packed[at : at + SIZE] for at in range(0, len(packed), SIZE)]

    @property
    def hex(self) -> list[str]:
        """Each key in 32 hexadecimal digits, which PostgreSQL reads as a `uuid`."""
        return self.packed.hex(",", SIZE).split(",") if self.packed else []

    @property
    def array(self) -> bytes:
        """All of them as PostgreSQL sends and takes a `uuid[]`: what array it is, then the length and bytes of each."""
        count, packed = len(self), self.packed
        if not count:
            return pack("!3I", 0, 0, KEY.oid)
        lengths_and_keys = bytearray((SIZE.to_bytes(4) + bytes(SIZE)) * count)
        for place in range(SIZE):
            lengths_and_keys[4 + place :: 4 + SIZE] = packed[place::SIZE]
        return pack("!5I", 1, 0, KEY.oid, count, 1) + lengths_and_keys

    @classmethod
    def joined(cls, parts: Iterable[Keys]) -> Keys:
        """The keys of all, one after the other."""
        return cls(b"".join([part.packed for part in parts]))

    def distinct(self) -> Keys:
        """Each key once, where it stands first."""
        return Keys(b"".join(dict.fromkeys(self.raw)))

    def without(self, others: Iterable[Keys]) -> Keys:
        """Those keys that are not among the others."""
        left_out = {key for keys in others for key in keys.raw}
        return Keys(b"".join([key for key in self.raw if key not in left_out])) if left_out else self

    def __len__(self) -> int:
        return len(self.packed) // SIZE

    def __iter__(self) -> Iterator[UUID]:
        return (UUID(bytes=key) for key in self.raw)

    @overload
    def __getitem__(self, at: int) -> UUID: ...
    @overload
    def __getitem__(self, at: slice) -> Keys: ...
    def __getitem__(self, at: int | slice) -> UUID | Keys:
        if isinstance(at, slice):
            return Keys(b"".join(self.raw[at]))
        return UUID(bytes=self.raw[at])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keys) and self.packed == other.packed

    def __hash__(self) -> int:
        return hash(self.packed)

    def __repr__(self) -> str:
        return f"<{len(self)} keys>"


class _KeyArray(UserDefinedType[Keys]):
    """`uuid[]`, which takes `Keys`."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "UUID[]"


class _KeysDumper(Dumper):
    """How the driver sends `Keys`: bytes become an array without a step for each key, here or there."""

    format = Format.BINARY
    oid = KEY.array_oid

    def dump(self, obj: Keys) -> bytes:
        return obj.array


psycopg.adapters.register_dumper(Keys, _KeysDumper)

KEY_ARRAY: Final = _KeyArray()
"""The type of a parameter that is many keys."""


def any_of(column: ColumnElement[UUID], keys: Iterable[UUID]) -> ColumnElement[bool]:
    """Whether a column holds one of the keys; they are sent as one value, however many there are."""
    return column == func.any(literal(Keys.of(keys), KEY_ARRAY))


def packed(column: ColumnElement[UUID]) -> ColumnElement[bytes]:
    """The aggregate that strings a column's keys together, in no order, for `Keys`; empty over no rows."""
    nothing = literal(b"", LargeBinary)
    return func.coalesce(func.string_agg(func.uuid_send(column), nothing), nothing)
