"""The lock between what works through a council's records in chunks and what must see none of them half done.

Chunks (of a sweep, of recomputing) share it; a hold by class or programme, the end of a programme and the settling of
the erasure ledger take it alone, and so wait for the chunks under way and hold off the next. It ends with the
transaction.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from sqlalchemy import func, select

from muniment.database.session import CouncilSession

__all__ = ["alone", "one_at_a_time", "shared"]


def shared(session: CouncilSession) -> None:
    """Take the council's lock along with others."""
    session.execute(select(func.pg_advisory_xact_lock_shared(_key(session.council_id))))


def alone(session: CouncilSession) -> None:
    """Take the council's lock alone."""
    session.execute(select(func.pg_advisory_xact_lock(_key(session.council_id))))


def one_at_a_time(session: CouncilSession, what: str) -> None:
    """Wait until no other transaction of the council does `what`; taken last, when the rows are locked already."""
    session.execute(select(func.pg_advisory_xact_lock(_key(session.council_id, what))))


def _key(council_id: UUID, what: str = "") -> int:
    digest = hashlib.sha256(b"muniment.retention" + council_id.bytes + what.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
