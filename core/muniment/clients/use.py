"""What may be used of a client file: what a rule keeps out of use is not shown, searched, exported or matched.

A record is taken out of use by the sweep, when its rule says *restrict* (`restricted_on`). It stays, is clocked, can be
held and goes when its rule says so; nothing else is done with it. Whoever reads records asks `in_use` of each, in SQL,
beside the council. Somebody with the permission `clients.read-restricted` opens them on purpose (`read_restricted`) and
leaves an audit event, or puts one back into use (`reinstate`).

A file that names nobody (`pseudonymous`) is no client's to be found: searching leaves it out.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, and_, literal, select, update
from sqlalchemy import not_ as negate

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import RECORD
from muniment.clients.locks import NO_FILE, change_file, tell
from muniment.clients.views import RecordView, read_view, without_restricted
from muniment.database.session import CouncilSession

__all__ = ["file_in_use", "in_use", "read_restricted", "reinstate"]


def in_use(row: FromClause) -> ColumnElement[bool]:
    """Whether a record (a row of its table, or of an alias) may be used."""
    return row.c.restricted_on.is_(None)


def file_in_use(file: FromClause) -> ColumnElement[bool]:
    """Whether a client file may be found: it names somebody, and not all of its records are kept out of use."""
    mine = (RECORD.c.council_id == file.c.council_id, RECORD.c.file_id == file.c.id)
    # With a limit it is looked up for each file that fits; an `exists` would be joined, and read every record there is.
    one = select(literal(True)).where(*mine, in_use(RECORD)).limit(1).correlate(file).scalar_subquery()
    return and_(negate(file.c.pseudonymous), one)


def read_restricted(session: CouncilSession, caller: Caller, file_id: UUID) -> tuple[RecordView, ...]:
    """The records of a file that are kept out of use. Reading them is an audit event of its own. What a restriction or
    an objection bars is not in them (`muniment.clients.limits`).

    Raises `NotFound` where the caller may not see the file, `Forbidden`.
    """
    caller.require_somewhere(Permission.READ_RESTRICTED)
    view = read_view(session, file_id, restricted=True)
    if view is None or not caller.allows(Permission.READ_RESTRICTED, view.service):
        raise NotFound(NO_FILE)
    if view.records:
        record(session, AuditEvent.RESTRICTED_READ, file_id, records=len(view.records))
    return tuple(without_restricted(view).records)


def reinstate(session: CouncilSession, caller: Caller, file_id: UUID, record_id: UUID) -> None:
    """Put a record back into use; its rule goes on from where it is, and does not take it out of use again.

    Raises `NotFound`, `Forbidden`, `InvalidInput` where it is in use.
    """
    file = change_file(session, caller, file_id, Permission.READ_RESTRICTED)
    mine = (RECORD.c.council_id == session.council_id, RECORD.c.id == record_id, RECORD.c.file_id == file.id)
    found = session.execute(select(RECORD.c.restricted_on).where(*mine)).one_or_none()
    if found is None:
        raise NotFound("This client file has no such record.")
    if found.restricted_on is None:
        raise InvalidInput("This record is in use.", where="record", code="in-use")
    session.execute(update(RECORD).where(*mine).values(restricted_on=None))
    record(session, AuditEvent.RECORD_REINSTATED, file.id, record=record_id)
    tell(session, [file.id], "record")
