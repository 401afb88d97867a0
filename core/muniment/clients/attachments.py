"""Files that belong to records: adding, reading and removing them, and letting go of them when their record has gone.

Each belongs to exactly one record and is kept as long as it. Its bytes lie in the file store, encrypted under a key of
their own: with the row its key goes, in the same transaction, and an actor removes what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import delete, insert, select, text

from muniment.accounts.permissions import Caller
from muniment.api.errors import Conflict, InvalidInput, NotFound, TooLarge
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import ATTACHMENT, RECORD
from muniment.clients.files import open_file
from muniment.clients.limits import RESTRICTED, Exception18
from muniment.clients.locks import change_file
from muniment.clients.parsing import BadValue, parse_text
from muniment.clients.use import in_use
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.database.signals import Erased
from muniment.files.store import FileStore, remove_files

__all__ = [
    "LARGEST",
    "MEDIA_TYPES",
    "AttachmentView",
    "add_attachment",
    "attachments",
    "let_go",
    "of_records",
    "on_erased",
    "read_attachment",
    "remove_attachment",
]

LARGEST = 20 * 1024 * 1024
"""Bytes of one file."""

MOST = 100
"""Files of one record."""

LONGEST_NAME = 200

_LOOSE = text("delete from attachment where council_id = :council_id and record_id is null returning stored_id")

MEDIA_TYPES = frozenset(
    {
        "application/pdf",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "text/plain",
    }
)
"""What may be stored. Nothing that a browser would run; each is handed out as a download all the same."""

NONE = "This client file has no such attachment."


class AttachmentView(msgspec.Struct, frozen=True):
    """A file of a record: its name, type and size in bytes, and the day it was added."""

    id: UUID
    record_id: UUID
    name: str
    media_type: str
    size: int
    added_on: date


def add_attachment(
    session: CouncilSession,
    caller: Caller,
    store: FileStore,
    file_id: UUID,
    record_id: UUID,
    name: str,
    media_type: str,
    content: Iterable[bytes],
) -> UUID:
    """Store a file with a record; returns its key.

    Raises `NotFound`, `Forbidden`, `InvalidInput`, `TooLarge`, and `Conflict` for a record that awaits destruction or
    is kept out of use, or a file that is restricted.
    """
    file = change_file(session, caller, file_id)
    found = session.execute(
        select(RECORD.c.disposal, RECORD.c.restricted_on).where(
            RECORD.c.council_id == session.council_id, RECORD.c.id == record_id, RECORD.c.file_id == file.id
        )
    ).one_or_none()
    if found is None:
        raise NotFound("This client file has no such record.")
    if found.disposal is not None:
        raise Conflict("This record awaits destruction; nothing can be added to it.", code="awaiting-destruction")
    if found.restricted_on is not None:
        raise Conflict("This record is kept out of use; nothing can be added to it.", code="out-of-use")
    if media_type not in MEDIA_TYPES:
        allowed = ", ".join(sorted(MEDIA_TYPES))
        raise InvalidInput(f"Files of this type are not taken. Allowed: {allowed}.", where="Content-Type", code="type")
    try:
        named = parse_text(name, LONGEST_NAME)
    except BadValue as error:
        raise InvalidInput(f"The name {error}.", where="name", code=error.code) from None
    if not named:
        raise InvalidInput("Give the file a name.", where="name", code="no-name")
    if len(of_records(session, [record_id])) >= MOST:
        raise InvalidInput(f"A record has at most {MOST} files.", where="record", code="too-many")
    stored_id, attachment_id = store.store(session, _measured(content), media_type), new_id()
    session.execute(
        insert(ATTACHMENT).values(
            council_id=session.council_id,
            id=attachment_id,
            record_id=record_id,
            stored_id=stored_id,
            name=named,
            added_on=session.clock.today(),
        )
    )
    record(session, AuditEvent.OBJECT_STORED, file.id, record=record_id, attachment=attachment_id)
    return attachment_id


def attachments(
    session: CouncilSession, caller: Caller, file_id: UUID, exception: Exception18 | None = None
) -> tuple[AttachmentView, ...]:
    """The files of all records of a client file. Reading it is an audit event.

    Raises `NotFound`, and `Conflict` where every use is barred and no `exception` is named (`open_file`).
    """
    view = open_file(session, caller, file_id, exception)
    if view.restricted:
        raise Conflict(RESTRICTED, code="restricted")
    return of_records(session, [entry.id for entry in view.records])


def read_attachment(
    session: CouncilSession,
    caller: Caller,
    store: FileStore,
    file_id: UUID,
    attachment_id: UUID,
    exception: Exception18 | None = None,
) -> tuple[AttachmentView, Iterator[bytes]]:
    """A file and its bytes, verified chunk by chunk. Reading it is an audit event.

    Raises `NotFound`, `FileDamaged`, and `Conflict` as `attachments` does.
    """
    of_file = attachments(session, caller, file_id, exception)
    found = next((entry for entry in of_file if entry.id == attachment_id), None)
    if found is None:
        raise NotFound(NONE)
    one = ATTACHMENT.c.council_id == session.council_id, ATTACHMENT.c.id == attachment_id
    stored_id = session.scalars(select(ATTACHMENT.c.stored_id).where(*one)).one()
    record(session, AuditEvent.OBJECT_READ, file_id, record=found.record_id, attachment=attachment_id)
    return found, store.read(session, stored_id)


def remove_attachment(session: CouncilSession, caller: Caller, file_id: UUID, attachment_id: UUID) -> None:
    """Remove a file from its record for good. Raises `NotFound`, `Forbidden`, `Conflict` where it is restricted."""
    file = change_file(session, caller, file_id)
    here = ATTACHMENT.c.council_id == session.council_id
    of_file = select(RECORD.c.id).where(RECORD.c.council_id == ATTACHMENT.c.council_id, RECORD.c.file_id == file.id)
    of_file = of_file.where(in_use(RECORD))
    gone = session.scalars(
        delete(ATTACHMENT)
        .where(here, ATTACHMENT.c.id == attachment_id, ATTACHMENT.c.record_id.in_(of_file))
        .returning(ATTACHMENT.c.stored_id)
    ).all()
    if not gone:
        raise NotFound(NONE)
    remove_files(session, gone)
    record(session, AuditEvent.OBJECT_REMOVED, file.id, attachment=attachment_id)


def let_go(session: CouncilSession) -> int:
    """Remove the files whose record has gone or was emptied in this transaction; returns how many."""
    gone = [row.stored_id for row in session.ask(_LOOSE, {"council_id": session.council_id})]
    remove_files(session, gone)
    return len(gone)


def on_erased(session: CouncilSession, erased: Erased) -> None:
    """Let go of what belonged to records that were disposed of."""
    if erased.table == RECORD.name:
        let_go(session)


def of_records(session: CouncilSession, record_ids: list[UUID]) -> tuple[AttachmentView, ...]:
    """The files of records that the caller was shown already, in the order in which they were added."""
    rows = session.execute(
        text(
            "select a.id, a.record_id, a.name, f.media_type, f.size, a.added_on from attachment a"
            " join stored_file f on (f.council_id, f.id) = (a.council_id, a.stored_id)"
            " where a.council_id = :council_id and a.record_id = any(:ids) order by a.id"
        ),
        {"council_id": session.council_id, "ids": record_ids},
    )
    return tuple(AttachmentView(**row._mapping) for row in rows)


def _measured(content: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for block in content:
        size += len(block)
        if size > LARGEST:
            raise TooLarge(f"An attachment may have {LARGEST // (1024 * 1024)} MiB at most.")
        yield block
    if not size:
        raise InvalidInput("The body is empty: send the file as the body.", where="body", code="empty")
