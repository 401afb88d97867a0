"""What people hand in with an act: a scan, a recording's transcript, the fields of a form.

It is stored encrypted, like any file, and goes with the client file; its hash stands in the event for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import insert, select

from muniment.api.errors import InvalidInput, NotFound, TooLarge
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.attachments import MEDIA_TYPES
from muniment.clients.files import open_file
from muniment.clients.locks import LockedFile
from muniment.clients.parsing import BadValue, parse_text
from muniment.consent.asking import NewAnswer, NewEvidence, form_of
from muniment.consent.facts import CONSENT_EVIDENCE
from muniment.database.ids import random_id
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.web.callers import Caller

__all__ = [
    "LARGEST", "LARGEST_BODY", "EvidenceView", "evidence_of", "handed_in", "hashes", "read_evidence", "store_evidence",
]  # fmt: skip

LARGEST: Final = 5 * 1024 * 1024
"""Bytes of one piece."""

LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes of a request with pieces of evidence in it, which are a third longer there than they are."""

MOST: Final = 5
LONGEST_NAME: Final = 200
FORM: Final = "form.json"
JSON: Final = "application/json"


class EvidenceView(msgspec.Struct, frozen=True):
    """A piece of evidence of an event. `name` is null, and there is nothing to read, once the client file has gone."""

    id: UUID
    event_id: UUID
    proves: str
    name: str | None
    sha256: str


def handed_in(new: NewAnswer) -> tuple[NewEvidence, ...]:
    """The pieces that came with an answer, each fit to be stored. Raises `InvalidInput`, `TooLarge`."""
    form = form_of(new)
    pieces = new.files if form is None else (*new.files, NewEvidence(FORM, JSON, form))
    if len(pieces) > MOST:
        raise InvalidInput(f"Hand in at most {MOST} pieces, the form among them.", where="files", code="too-many")
    for piece in new.files:
        if piece.media_type not in MEDIA_TYPES:
            allowed = ", ".join(sorted(MEDIA_TYPES))
            raise InvalidInput(f"Files of this type are not taken. Allowed: {allowed}.", where="files", code="type")
        try:
            named = parse_text(piece.name, LONGEST_NAME)
        except BadValue as error:
            raise InvalidInput(f"The name {error}.", where="files", code=error.code) from None
        if not named or not piece.content:
            raise InvalidInput("A file has a name and is not empty.", where="files", code="empty")
    if any(len(piece.content) > LARGEST for piece in pieces):
        raise TooLarge(f"A piece of evidence may have {LARGEST // (1024 * 1024)} MiB at most.")
    return pieces


def hashes(pieces: Sequence[NewEvidence]) -> tuple[str, ...]:
    """Sha256 of each, in hexadecimal."""
    return tuple(hashlib.sha256(piece.content).hexdigest() for piece in pieces)


def store_evidence(
    session: CouncilSession, store: FileStore, file: LockedFile, event_id: UUID, pieces: Sequence[NewEvidence]
) -> None:
    """Store what was handed in for an event of a file that the caller has locked."""
    if pieces:
        session.send_waiting()  # the event, below which it hangs
    for piece, sha256 in zip(pieces, hashes(pieces), strict=True):
        row = {
            "council_id": session.council_id,
            "id": random_id(),
            "event_id": event_id,
            "file_id": file.id,
            "stored_id": store.store(session, piece.content, piece.media_type),
            "proves": piece.proves,
            "name": piece.name.strip(),
            "sha256": sha256,
        }
        session.execute(insert(CONSENT_EVIDENCE).values(row))
        record(session, AuditEvent.OBJECT_STORED, file.id, entry=event_id, evidence=row["id"])


def evidence_of(session: CouncilSession, event_ids: Sequence[UUID]) -> dict[UUID, list[EvidenceView]]:
    """The evidence of events, by event."""
    table, found = CONSENT_EVIDENCE, dict[UUID, list[EvidenceView]]()
    columns = [table.c[name] for name in EvidenceView.__struct_fields__]
    mine = select(*columns).where(table.c.council_id == session.council_id, table.c.event_id.in_(event_ids))
    for row in session.execute(mine.order_by(table.c.event_id, table.c.id)):
        found.setdefault(row.event_id, []).append(EvidenceView(*row))
    return found


def read_evidence(
    session: CouncilSession, caller: Caller, store: FileStore, file_id: UUID, evidence_id: UUID
) -> tuple[str, Iterator[bytes]]:
    """The name and the bytes of a piece of evidence. Reading it is an audit event. Raises `NotFound`, `FileDamaged`."""
    open_file(session, caller, file_id)
    table = CONSENT_EVIDENCE
    found = session.execute(
        select(table.c.name, table.c.stored_id).where(
            table.c.council_id == session.council_id, table.c.id == evidence_id, table.c.file_id == file_id
        )
    ).one_or_none()
    if found is None or found.stored_id is None:
        raise NotFound("This client file has no such evidence.")
    record(session, AuditEvent.OBJECT_READ, file_id, evidence=evidence_id)
    return found.name, store.read(session, found.stored_id)
