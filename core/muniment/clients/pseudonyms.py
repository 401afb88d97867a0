"""From a file without a name back to the client's, and the other way: the only place where that key is followed.

Pseudonymised records lie in a file of their own that names nobody; the key that joins the two lies apart
(`PseudonymKey`). Both ways need the permission `clients.follow-pseudonyms` and leave an audit event, which names the
one file that was asked about and not the other: the log is no second key.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE, PSEUDONYM_KEY
from muniment.clients.locks import NO_FILE
from muniment.database.session import CouncilSession

__all__ = ["file_behind", "pseudonyms_of"]


def file_behind(session: CouncilSession, caller: Caller, pseudonym_id: UUID) -> UUID | None:
    """The client's file from which the records of a file without a name came; None where no key leads there (any more).

    Raises `NotFound`, `Forbidden`.
    """
    _require(session, caller, pseudonym_id)
    here = PSEUDONYM_KEY.c.council_id == session.council_id
    found: UUID | None = session.scalar(
        select(PSEUDONYM_KEY.c.file_id).where(here, PSEUDONYM_KEY.c.pseudonym_id == pseudonym_id)
    )
    record(session, AuditEvent.PSEUDONYM_FOLLOWED, pseudonym_id, found=int(found is not None))
    return found


def pseudonyms_of(session: CouncilSession, caller: Caller, file_id: UUID) -> tuple[UUID, ...]:
    """The files without a name that hold what was pseudonymised of a client, in no order that tells anything.

    Raises `NotFound`, `Forbidden`.
    """
    _require(session, caller, file_id)
    here = PSEUDONYM_KEY.c.council_id == session.council_id
    mine = select(PSEUDONYM_KEY.c.pseudonym_id).where(here, PSEUDONYM_KEY.c.file_id == file_id)
    found = tuple(session.scalars(mine.order_by(PSEUDONYM_KEY.c.pseudonym_id)))
    record(session, AuditEvent.PSEUDONYM_FOLLOWED, file_id, found=len(found))
    return found


def _require(session: CouncilSession, caller: Caller, file_id: UUID) -> None:
    caller.require_somewhere(Permission.FOLLOW_PSEUDONYMS)
    mine = (FILE.c.council_id == session.council_id, FILE.c.id == file_id)
    service = session.scalar(select(FILE.c.service).where(*mine))
    if service is None or not caller.allows(Permission.FOLLOW_PSEUDONYMS, service):
        raise NotFound(NO_FILE)
