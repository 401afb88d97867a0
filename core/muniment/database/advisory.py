"""A council's advisory locks, by name: shared among those who may work side by side, or taken alone.

They end with the transaction. What each is for stands with the domain that names it.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import text

from muniment.database.session import CouncilSession

__all__ = ["take_alone", "take_shared"]

SHARED = text("select pg_advisory_xact_lock_shared(cast(:key as bigint))")
ALONE = text("select pg_advisory_xact_lock(cast(:key as bigint))")


def take_shared(session: CouncilSession, name: str) -> None:
    """Take the council's lock of that name along with others."""
    session.execute(SHARED, {"key": _key(session, name)})


def take_alone(session: CouncilSession, name: str) -> None:
    """Take the council's lock of that name alone: waits for all who share it, and holds off the next."""
    session.execute(ALONE, {"key": _key(session, name)})


def _key(session: CouncilSession, name: str) -> int:
    digest = hashlib.sha256(name.encode() + session.council_id.bytes).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
