"""The one place where keys are made.

Keys are UUIDs of version 7: they grow with time, so new rows land together in an index. What outlives the data it came
from (certificates, the erasure ledger) carries random keys instead, because the first 48 bits of a version 7 key tell
the millisecond a person was first recorded.
"""

from __future__ import annotations

import os
from uuid import UUID, uuid4

import uuid_utils
import uuid_utils.compat

from muniment.database.packed import Keys

__all__ = ["new_id", "new_keys", "random_id", "random_keys"]

VERSION_4 = bytes(byte & 0x0F | 0x40 for byte in range(256))
VARIANT = bytes(byte & 0x3F | 0x80 for byte in range(256))
"""What the bytes that hold version and variant of a random UUID become (RFC 9562, section 5.4)."""


def new_id() -> UUID:
    """A key that grows with time (UUID version 7), for rows."""
    return uuid_utils.compat.uuid7()


def new_keys(count: int) -> Keys:
    """So many keys as `new_id` makes them, in order, for rows by the thousand."""
    return Keys(b"".join([uuid_utils.uuid7().bytes for _ in range(count)]))


def random_keys(count: int) -> Keys:
    """So many keys as `random_id` makes them, for rows by the thousand."""
    drawn = bytearray(os.urandom(16 * count))
    drawn[6::16] = drawn[6::16].translate(VERSION_4)
    drawn[8::16] = drawn[8::16].translate(VARIANT)
    return Keys(bytes(drawn))


def random_id() -> UUID:
    """A key that tells nothing (UUID version 4), for what outlives the data it is about."""
    return uuid4()
