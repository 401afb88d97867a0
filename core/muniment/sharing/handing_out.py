"""Handing out the file that was made for a recipient, once.

What happens after it was made destroys it at once (`muniment.sharing.withholding`). That days pass is no event:
a consent runs out, an agreement has had its last day, somebody's time in a programme is over. So on a later day the
gate is asked again, with the files locked as for a disclosure, before anything is handed out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import and_, bindparam, select, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.sharing.deciding import Asked, judge
from muniment.sharing.disclosing import lock_together
from muniment.sharing.tables import Disclosure, DisclosureLine, ExportFile

__all__ = ["Opened", "open_export"]

DISCLOSURE, EXPORT, LINE = table_of(Disclosure), table_of(ExportFile), table_of(DisclosureLine)

_ACT = (
    select(DISCLOSURE, EXPORT.c.opened_at)
    .join_from(
        EXPORT,
        DISCLOSURE,
        and_(DISCLOSURE.c.council_id == EXPORT.c.council_id, DISCLOSURE.c.id == EXPORT.c.disclosure_id),
    )
    .where(EXPORT.c.council_id == bindparam("council_id"), EXPORT.c.disclosure_id == bindparam("disclosure_id"))
)
_LOCK = text(
    "select id, name, media_type, opened_at from export_file"
    " where council_id = :council_id and disclosure_id = :disclosure_id for update"
)
_FETCHED = text(
    "update export_file set opened_at = :at, opened_by = :by"
    " where council_id = :council_id and disclosure_id = :disclosure_id"
)

NO_EXPORT = "There is no such export. One that may not leave any more was destroyed: ask the gate again."
FETCHED = "This export was fetched before; it is handed out once. Disclose again."


class Opened(msgspec.Struct, frozen=True):
    """A file that is handed out: its name, type and bytes, a verified chunk at a time."""

    name: str
    media_type: str
    content: Iterator[bytes]


def open_export(
    session: CouncilSession, caller: Caller, context: Context, store: FileStore, disclosure_id: UUID
) -> Opened:
    """The file of a disclosure, once: whoever fetches it is noted, and nobody can again.

    Raises `NotFound` if there is none for the caller, or the gate says no by now; `Conflict` if it was fetched before,
    `Forbidden`, `FileDamaged`.
    """
    services = caller.require_somewhere(Permission.DISCLOSE)
    here = {"council_id": session.council_id, "disclosure_id": disclosure_id}
    acts = session.ask(_ACT, here)
    if not acts or (services is not None and acts[0].service not in services):
        raise NotFound(NO_EXPORT)
    [act] = acts
    later = act.opened_at is None and act.decided_on < session.clock.today()
    if later and not _may_leave(session, caller, context, act):
        raise NotFound(NO_EXPORT)
    waiting = session.ask(_LOCK, here)
    if not waiting:
        raise NotFound(NO_EXPORT)
    [row] = waiting
    if row.opened_at is not None:
        raise Conflict(FETCHED, code="fetched")
    actor = session.actor
    session.ask(_FETCHED, here | {"at": session.clock.now(), "by": actor.id if actor else None})
    record(session, AuditEvent.EXPORT_FETCHED, disclosure_id)
    return Opened(row.name, row.media_type, store.read(session, row.id))


def _may_leave(session: CouncilSession, caller: Caller, context: Context, act: Any) -> bool:
    """Whether the gate says yes today to all that is in the file of a disclosure."""
    lines = session.execute(
        select(LINE.c.file_id, LINE.c.fields).where(
            LINE.c.council_id == session.council_id, LINE.c.disclosure_id == act.id
        )
    )
    inside: dict[UUID | None, list[str]] = dict(map(tuple, lines))
    files = Keys.of(file_id for file_id in inside if file_id is not None)
    if len(files) != len(inside) or lock_together(session, files) != (len(files), act.policy_hash):
        return False
    recipient, _, body = act.recipient.partition("/")
    asked = Asked(
        service=act.service, recipient=recipient, body=body or None, purpose=act.purpose, fields=tuple(act.fields),
        data_set=act.data_set, exception=act.exception, condition_met=act.condition_met, request=act.request_id,
        files=files,
    )  # fmt: skip
    judged = judge(session, caller, context, asked, answering=act.id)
    leaves = {file_id: group.decision.fields for group in judged.groups for file_id in group.files}
    return all(set(fields) <= set(leaves[file_id]) for file_id, fields in inside.items() if file_id is not None)
