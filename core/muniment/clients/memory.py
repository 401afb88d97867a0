"""Which references of a source have been taken in: keyed digests that outlive the files.

An export that a council imports every month still names the people whose files have been disposed of. A digest that
nobody without the keys can compute is enough to leave them out, and tells nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from muniment.clients.tables import ImportMemory
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing

__all__ = ["digest_of", "digests_of", "remember"]

CONTEXT = "import.reference"


def digest_of(keys: KeyRing, session: CouncilSession, service: str, source: str, key: str) -> bytes:
    """The digest to store for a reference in its looked-up form."""
    return keys.digest(CONTEXT, _named(session, service, source, key))


def digests_of(keys: KeyRing, session: CouncilSession, service: str, source: str, key: str) -> Sequence[bytes]:
    """Every digest under which the reference may be stored, the newest key's first."""
    return keys.digests(CONTEXT, _named(session, service, source, key))


def remember(session: CouncilSession, keys: KeyRing, service: str, source: str, key: str, file_id: UUID) -> None:
    """Note that a reference belongs to a file, in place of one that is gone."""
    older = digests_of(keys, session, service, source, key)[1:]
    session.execute(
        delete(ImportMemory).where(
            ImportMemory.council_id == session.council_id,
            ImportMemory.service == service,
            ImportMemory.source == source,
            ImportMemory.digest.in_(older),
        )
    )
    memory = insert(ImportMemory).values(
        council_id=session.council_id,
        service=service,
        source=source,
        digest=digest_of(keys, session, service, source, key),
        file_id=file_id,
        record_classes=[],
        remembered_on=session.clock.today(),
    )
    session.execute(
        memory.on_conflict_do_update(
            index_elements=["council_id", "service", "source", "digest"],
            set_={"file_id": file_id, "record_classes": []},
        )
    )


def _named(session: CouncilSession, service: str, source: str, key: str) -> str:
    return "\0".join((str(session.council_id), service, source, key))
