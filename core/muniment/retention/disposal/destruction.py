"""What goes elsewhere: records on paper or in another system, emptied here, whose destruction somebody must confirm.

Until then the row says where the thing lies and nothing else. Confirming deletes the row, adds a line to the
certificate that awaited it, and is kept in the erasure ledger like any disposal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Subquery,
    Table,
    and_,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    tuple_,
    union_all,
)

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession
from muniment.retention import locks
from muniment.retention.disposal.erasing import delete_rows, tell
from muniment.retention.disposal.tables import Delivery
from muniment.retention.evidence.certificates import CONFIRMATION, add_confirmations
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import SUBJECTS, Subject
from muniment.retention.tables import Awaiting, Disposal

__all__ = ["AwaitingView", "awaiting", "by_hand", "close", "confirm", "lock_awaiting"]

AWAITING = table_of(Awaiting)
DELIVERY = table_of(Delivery)
DISPOSAL = table_of(Disposal)
MOST = 1000


class AwaitingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must be destroyed: its key, class, medium and where it lies. `since` is the day it was emptied
    here; `certificate_id` is null for what a restore brought back and emptied again.

    What lies in a system that is known by a key has `system` and `external_key`; `delivery` is `waiting` while that
    system is asked to erase it, `refused` when it will not, with the code of the last answer in `reason`.
    """

    id: UUID
    record_class: str
    medium: str
    location: str | None
    system: str | None
    external_key: str | None
    since: date | None
    certificate_id: UUID | None
    delivery: str | None
    attempts: int
    reason: str | None

    @property
    def line(self) -> str:
        """The thing in one line."""
        place = f"{self.system}, key {self.external_key}" if self.system else self.location or "place not noted"
        asked = f", {self.delivery} after {self.attempts} attempts" if self.delivery else ""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.id} {self.record_class}, {self.medium}: {place}, since {self.since or 'a restore'}{asked}{why}"


def awaiting(
    session: CouncilSession, caller: Caller, *, after: tuple[date | None, UUID] | None = None, limit: int = MOST
) -> tuple[AwaitingView, ...]:
    """What awaits destruction, the longest waiting first, of the services that the caller may see.

    `after` is since when one waits and its key, to go on. Raises `Forbidden`.
    """
    found, wanted = _wanted(session, caller, limit)
    if after is not None:
        since, key = after
        later = tuple_(found.c.since, found.c.id) > (since, key)
        wanted = wanted.where(later if since is not None else or_(found.c.since.is_not(None), found.c.id > key))
    return tuple(AwaitingView(**row._mapping) for row in session.execute(wanted))


def by_hand(session: CouncilSession, caller: Caller, limit: int = MOST) -> tuple[AwaitingView, ...]:
    """Of what awaits destruction, that which lies in no known system, as `awaiting`. Raises `Forbidden`."""
    found, wanted = _wanted(session, caller, limit)
    return tuple(AwaitingView(**row._mapping) for row in session.execute(wanted.where(found.c.system.is_(None))))


def _wanted(session: CouncilSession, caller: Caller, limit: int) -> tuple[Subquery, Select[*tuple[Any, ...]]]:
    services = caller.require_somewhere(Permission.READ_RETENTION)
    found = _awaited(session)
    wanted = select(found).order_by(found.c.since.asc().nulls_first(), found.c.id).limit(limit)
    if services is not None:
        wanted = wanted.where(func.split_part(found.c.record_class, "/", 1).in_(sorted(services)))
    return found, wanted


def _awaited(session: CouncilSession) -> Subquery:
    return union_all(*(_awaited_in(session, subject) for subject in SUBJECTS)).subquery()


def _awaited_in(session: CouncilSession, subject: Subject) -> Select[*tuple[Any, ...]]:
    table = subject.table
    system, key = (table.c.system, table.c.external_key) if subject.has_system else (null(), null())
    rows = table.outerjoin(AWAITING, _of_record(AWAITING, table)).outerjoin(DELIVERY, _of_record(DELIVERY, table))
    return (
        select(
            table.c.id,
            table.c.record_class,
            table.c.medium,
            table.c.location,
            system.label("system"),
            key.label("external_key"),
            AWAITING.c.since,
            AWAITING.c.certificate_id,
            DELIVERY.c.state.label("delivery"),
            func.coalesce(DELIVERY.c.attempts, 0).label("attempts"),
            DELIVERY.c.reason,
        )
        .select_from(rows)
        .where(table.c.council_id == session.council_id, table.c.disposal == "awaiting")
    )


def _of_record(table: Table, row: Table) -> ColumnElement[bool]:
    return and_(table.c.council_id == row.c.council_id, table.c.record_id == row.c.id)


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
    found = lock_awaiting(session, wanted)
    for rows in found.values():
        for row in rows:
            caller.require(Permission.SWEEP_RETENTION, row.record_class.partition("/")[0])
    gone = {name: Keys.of(row.id for row in rows) for name, rows in found.items()}
    if sum(map(len, gone.values())) != len(wanted):
        raise NotFound("One of these awaits no destruction.")
    close(session, ledger, gone, destroyed_on=destroyed_on, method=method, by=caller.actor)
    return len(wanted)


def lock_awaiting(session: CouncilSession, record_ids: Sequence[UUID]) -> dict[str, Sequence[Row[UUID, str]]]:
    """Lock those of the rows that await destruction, in order of key: by table, their keys and classes."""
    found: dict[str, Sequence[Row[UUID, str]]] = {}
    for subject in SUBJECTS:
        table = subject.table
        query = select(table.c.id, table.c.record_class).where(
            with_ids(session, record_ids)(table), table.c.disposal == "awaiting"
        )
        rows = session.execute(query.order_by(table.c.id).with_for_update()).all()
        if rows:
            found[subject.name] = rows
    return found


def close(
    session: CouncilSession,
    ledger: Ledger,
    gone: Mapping[str, Keys],
    *,
    destroyed_on: date,
    method: str,
    by: Actor,
) -> None:
    """Delete locked rows whose things are destroyed, and leave the evidence: on their certificates, in the audit log,
    in the erasure ledger. The caller commits at once and holds the council's lock."""
    record_ids = Keys.joined(gone.values())
    certificates = (
        delete(AWAITING)
        .where(with_ids(session, record_ids, "record_id")(AWAITING))
        .returning(AWAITING.c.certificate_id)
    )
    by_certificate = Counter(session.scalars(certificates))
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
            "confirmed_kind": by.capacity,
            "confirmed_by": by.id,
        }
        for certificate_id, count in by_certificate.items()
    ]
    add_confirmations(session, confirmations)
    session.execute(
        insert(DISPOSAL).values(
            council_id=session.council_id, id=chunk_id, kind="confirmation", at=now, rows=len(record_ids)
        )
    )
    record_many(session, AuditEvent.DESTRUCTION_CONFIRMED, record_ids, disposal=chunk_id, destroyed_on=destroyed_on)
    tell(session, gone)
    ledger.intend(Line("intend", chunk_id, gone=gone, evidence={CONFIRMATION.name: confirmations}))
    session.after_commit(lambda: ledger.close("done", [chunk_id]))
