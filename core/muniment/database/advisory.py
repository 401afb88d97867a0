"""A council's advisory locks, by name: shared among those who may work side by side, or taken alone.

They end with the transaction. What each is for stands with the domain that names it. What must be asked with a lock in
hand goes out with it, and is answered when it is held.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import text

from muniment.database.exchange import Asked
from muniment.database.session import CouncilSession

__all__ = ["take_alone", "take_shared"]

SHARED = text("select pg_advisory_xact_lock_shared(cast(:key as bigint))")
ALONE = text("select pg_advisory_xact_lock(cast(:key as bigint))")


def take_shared(session: CouncilSession, name: str, *then: Asked) -> list[list[Any]]:
    """Take the council's lock of that name along with others; the rows of each statement that is asked `then`."""
    return session.ask_together((SHARED, {"key": _key(session, name)}), *then)[1:]


def take_alone(session: CouncilSession, name: str, *then: Asked) -> list[list[Any]]:
    """Take the council's lock of that name alone: waits for all who share it, and holds off the next. As `take_shared`
    otherwise."""
    return session.ask_together((ALONE, {"key": _key(session, name)}), *then)[1:]


def _key(session: CouncilSession, name: str) -> int:
    digest = hashlib.sha256(name.encode() + session.council_id.bytes).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
