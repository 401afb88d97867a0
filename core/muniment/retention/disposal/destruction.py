"""What goes elsewhere: records on paper or in another system, emptied here, whose destruction somebody must confirm.

Until then the row says where the thing lies and nothing else. Confirming deletes the row, adds a line to the
certificate that awaited it, and is kept in the erasure ledger like any disposal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import and_, delete, insert, select, union_all

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention import locks
from muniment.retention.disposal.erasing import delete_rows, tell
from muniment.retention.evidence.certificates import CONFIRMATION, add_confirmations
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import SUBJECTS
from muniment.retention.tables import Awaiting, Disposal

__all__ = ["AwaitingView", "awaiting", "confirm"]

AWAITING = table_of(Awaiting)
DISPOSAL = table_of(Disposal)
MOST = 1000


class AwaitingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must be destroyed: its key, class, medium and where it lies. `since` is the day it was emptied
    here; `certificate_id` is null for what a restore brought back and emptied again."""

    id: UUID
    record_class: str
    medium: str
    location: str | None
    since: date | None
    certificate_id: UUID | None


def awaiting(session: CouncilSession, caller: Caller, limit: int = MOST) -> tuple[AwaitingView, ...]:
    """What awaits destruction, the longest waiting first, of the services that the caller may see."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    parts = [
        select(
            subject.table.c.id,
            subject.table.c.record_class,
            subject.table.c.medium,
            subject.table.c.location,
            AWAITING.c.since,
            AWAITING.c.certificate_id,
        )
        .select_from(
            subject.table.outerjoin(
                AWAITING,
                and_(AWAITING.c.council_id == subject.table.c.council_id, AWAITING.c.record_id == subject.table.c.id),
            )
        )
        .where(subject.table.c.disposal == "awaiting")
        for subject in SUBJECTS
    ]
    found = union_all(*parts).subquery()
    rows = session.execute(select(found).order_by(found.c.since.asc().nulls_first(), found.c.id).limit(limit))
    return tuple(
        AwaitingView(**row._mapping)
        for row in rows
        if services is None or row.record_class.partition("/")[0] in services
    )


def confirm(
    session: CouncilSession,
    caller: Caller,
    ledger: Ledger,
    record_ids: Sequence[UUID],
    *,
    destroyed_on: date,
    method: str,
) -> int:
    """Note that things were destroyed, all or none of them; returns how many.

    `method` says how, in words without personal data. Raises `NotFound` if one of them awaits no destruction,
    `InvalidInput`, `Forbidden`.
    """
    wanted = list(dict.fromkeys(record_ids))
    if not wanted or len(wanted) > MOST:
        raise InvalidInput(f"Name from 1 to {MOST} records.", where="records")
    if not method.strip():
        raise InvalidInput("Say how it was destroyed.", where="method")
    if destroyed_on > session.clock.today():
        raise InvalidInput("The day of destruction lies in the future.", where="destroyed_on")
    locks.shared(session)
    by_certificate: Counter[UUID] = Counter()
    gone: dict[str, Keys] = {}
    for subject in SUBJECTS:
        table = subject.table
        here = and_(with_ids(wanted)(table), table.c.disposal == "awaiting")
        for row in session.execute(select(table.c.id, table.c.record_class).where(here).with_for_update()):
            caller.require(Permission.SWEEP_RETENTION, row.record_class.partition("/")[0])
            gone[subject.name] = Keys.of([*gone.get(subject.name, ()), row.id])
    if sum(map(len, gone.values())) != len(wanted):
        raise NotFound("One of these awaits no destruction.")
    certificates = delete(AWAITING).where(with_ids(wanted, "record_id")(AWAITING)).returning(AWAITING.c.certificate_id)
    by_certificate.update(session.scalars(certificates))
    for subject in SUBJECTS:
        delete_rows(session, subject, gone.get(subject.name, ()))
    now, chunk_id = session.clock.now(), random_id()
    confirmations = [
        {
            "id": random_id(),
            "certificate_id": certificate_id,
            "count": count,
            "destroyed_on": destroyed_on,
            "method": method,
            "confirmed_at": now,
            "confirmed_kind": caller.actor.capacity,
            "confirmed_by": caller.actor.id,
        }
        for certificate_id, count in by_certificate.items()
    ]
    add_confirmations(session, confirmations)
    session.execute(
        insert(DISPOSAL).values(
            council_id=session.council_id, id=chunk_id, kind="confirmation", at=now, rows=len(wanted)
        )
    )
    record_many(session, AuditEvent.DESTRUCTION_CONFIRMED, wanted, disposal=chunk_id, destroyed_on=destroyed_on)
    tell(session, gone)
    ledger.intend(Line("intend", chunk_id, gone, evidence={CONFIRMATION.name: confirmations}))
    session.after_commit(lambda: ledger.close("done", [chunk_id]))
    return len(wanted)
