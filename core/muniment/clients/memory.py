"""Which references of a source have been taken in: keyed digests that outlive the files.

An export that a council imports every month still names the people whose files have been disposed of. A digest that
nobody without the keys can compute is enough to leave them out, and tells nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert

from muniment.clients.importing.tables import ImportMemory
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing

__all__ = ["digest_of", "digests_of", "lock_references", "remember"]

CONTEXT = "import.reference"

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('references:' || cast(:space as text), 0))")


def lock_references(session: CouncilSession, service: str, issuer: str) -> None:
    """Be alone, until the transaction ends, in taking in references of an issuer: two imports of one file take turns,
    a chunk each, and neither finds a reference new that the other is about to store."""
    session.execute(_LOCK, {"space": f"{session.council_id}:{service}:{issuer}"})


def digest_of(keys: KeyRing, session: CouncilSession, service: str, issuer: str, key: str) -> bytes:
    """The digest to store for a reference in its looked-up form."""
    return keys.digest(CONTEXT, _named(session, service, issuer, key))


def digests_of(keys: KeyRing, session: CouncilSession, service: str, issuer: str, key: str) -> Sequence[bytes]:
    """Every digest under which the reference may be stored, the newest key's first."""
    return keys.digests(CONTEXT, _named(session, service, issuer, key))


def remember(session: CouncilSession, keys: KeyRing, service: str, issuer: str, key: str, file_id: UUID) -> None:
    """Note that a reference belongs to a file, in place of one that is gone."""
    older = digests_of(keys, session, service, issuer, key)[1:]
    session.execute(
        delete(ImportMemory).where(
            ImportMemory.council_id == session.council_id,
            ImportMemory.service == service,
            ImportMemory.issuer == issuer,
            ImportMemory.digest.in_(older),
        )
    )
    memory = insert(ImportMemory).values(
        council_id=session.council_id,
        service=service,
        issuer=issuer,
        digest=digest_of(keys, session, service, issuer, key),
        file_id=file_id,
        record_classes=[],
        seen_on=session.clock.today(),
    )
    session.execute(
        memory.on_conflict_do_update(
            index_elements=["council_id", "service", "issuer", "digest"],
            set_={"file_id": file_id, "record_classes": []},
        )
    )


def _named(session: CouncilSession, service: str, issuer: str, key: str) -> str:
    return "\0".join((str(session.council_id), service, issuer, key))
