"""What goes elsewhere: records on paper or in another system, emptied here, whose destruction somebody must confirm.

Until then the row says where the thing lies and nothing else. Confirming (`confirming`) deletes the row, adds a line to
the certificate that awaited it, and is kept in the erasure ledger like any disposal. What else may become of a thing is
in `outcomes`; what a hold stands on is not to be destroyed, and stays outstanding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal
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
    not_,
    null,
    or_,
    select,
    tuple_,
    union_all,
)

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession
from muniment.retention import locks
from muniment.retention.deliveries import Delivery
from muniment.retention.disposal.erasing import delete_rows, tell
from muniment.retention.evidence.certificates import CONFIRMATION, add_confirmations
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.holds.standing import held
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import SUBJECTS, Subject
from muniment.retention.tables import Awaiting, Disposal

__all__ = [
    "AwaitingView", "Outcome", "awaiting", "by_hand", "close", "lock_awaiting", "lock_named", "note",
    "refuse_held",
]  # fmt: skip

AWAITING = table_of(Awaiting)
DELIVERY = table_of(Delivery)
DISPOSAL = table_of(Disposal)
MOST = 1000

Became = Literal["destroyed", "lost", "not-found", "still-needed", "paper-destroyed"]

EVENTS: Final[Mapping[Became, AuditEvent]] = {
    "destroyed": AuditEvent.DESTRUCTION_CONFIRMED,
    "lost": AuditEvent.DESTRUCTION_LOST,
    "not-found": AuditEvent.DESTRUCTION_SEARCHED,
    "still-needed": AuditEvent.DESTRUCTION_WITHHELD,
    "paper-destroyed": AuditEvent.PAPER_DESTROYED,
}


@dataclass(frozen=True)
class Outcome:
    """What became of some things, on which day, how or why in words, and who says so."""

    became: Became
    on: date
    method: str
    by: Actor


class AwaitingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must be destroyed: its key, class, medium and where it lies. `since` is the day it was emptied
    here; `certificate_id` is null for what a restore brought back and emptied again.

    What lies in a system that is known by a key has `system` and `external_key`; `delivery` is `waiting` while that
    system is asked to erase it, `refused` when it will not, with the code of the last answer in `reason`.
    `searched_on` is the day on which somebody looked for it and did not find it. What is `held` must not be destroyed.
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
    searched_on: date | None
    held: bool

    @property
    def by_hand(self) -> bool:
        """Whether a person destroys it: what lies on paper, and what no system is known to hold."""
        return self.system is None or self.medium == "paper"

    @property
    def line(self) -> str:
        """The thing in one line."""
        there = f"{self.system}, key {self.external_key}" if self.system else None
        place = "; ".join(filter(None, (self.location, there))) or "place not noted"
        asked = f", {self.delivery} after {self.attempts} attempts" if self.delivery else ""
        why = f": {self.reason}" if self.reason else ""
        looked = f", looked for on {self.searched_on} and not found" if self.searched_on else ""
        kept = ", held: not to be destroyed" if self.held else ""
        since = f"since {self.since or 'a restore'}"
        return f"{self.id} {self.record_class}, {self.medium}: {place}, {since}{asked}{why}{looked}{kept}"


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
    """Of what awaits destruction, that which a person destroys and no hold stands on, as `awaiting`.

    Raises `Forbidden`.
    """
    found, wanted = _wanted(session, caller, limit)
    theirs = or_(found.c.system.is_(None), found.c.medium == "paper")
    to_do = wanted.where(theirs, not_(found.c.held))
    return tuple(AwaitingView(**row._mapping) for row in session.execute(to_do))


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
            AWAITING.c.searched_on,
            held(session, subject, table).label("held"),
        )
        .select_from(rows)
        .where(table.c.council_id == session.council_id, table.c.disposal == "awaiting")
    )


def _of_record(table: Table, row: Table) -> ColumnElement[bool]:
    return and_(table.c.council_id == row.c.council_id, table.c.record_id == row.c.id)


def lock_named(
    session: CouncilSession, caller: Caller, permission: Permission, record_ids: Sequence[UUID]
) -> dict[str, Keys]:
    """Lock what somebody names of what awaits destruction, and the council's lock with others: the keys by table.

    Raises `NotFound` if one of them awaits no destruction, `InvalidInput`, `Forbidden`.
    """
    wanted = list(dict.fromkeys(record_ids))
    if not wanted or len(wanted) > MOST:
        raise InvalidInput(f"Name from 1 to {MOST} records.", where="records")
    locks.shared(session)
    found = lock_awaiting(session, wanted)
    for rows in found.values():
        for row in rows:
            caller.require(permission, row.record_class.partition("/")[0])
    if sum(map(len, found.values())) != len(wanted):
        raise NotFound("One of these awaits no destruction.")
    return {name: Keys.of(row.id for row in rows) for name, rows in found.items()}


def refuse_held(session: CouncilSession, locked: Mapping[str, Keys]) -> None:
    """Raise `Conflict` where a hold stands on one of the locked rows: it must be ended first, with a reason."""
    for subject in SUBJECTS:
        if subject.name in locked:
            mine = with_ids(session, locked[subject.name])(subject.table)
            kept = select(subject.table.c.id).where(mine, held(session, subject, subject.table))
            key = session.scalar(kept.order_by(subject.table.c.id).limit(1))
            if key is not None:
                message = f"A hold stands on {key}: it is not to be destroyed. End the hold first, and say why."
                raise Conflict(message, code="held")


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


def close(session: CouncilSession, ledger: Ledger, gone: Mapping[str, Keys], outcome: Outcome) -> None:
    """Delete locked rows whose things are destroyed, or lost, and leave the evidence. The caller commits at once and
    holds the council's lock."""
    awaited = with_ids(session, Keys.joined(gone.values()), "record_id")(AWAITING)
    by_certificate = Counter(session.scalars(delete(AWAITING).where(awaited).returning(AWAITING.c.certificate_id)))
    for subject in SUBJECTS:
        delete_rows(session, subject, gone.get(subject.name, ()))
    tell(session, gone)
    _prove(session, ledger, gone, by_certificate, outcome, goes=True)


def note(session: CouncilSession, ledger: Ledger, locked: Mapping[str, Keys], outcome: Outcome) -> None:
    """Leave the evidence of what became of things that stay outstanding. The caller has locked their rows."""
    awaited = with_ids(session, Keys.joined(locked.values()), "record_id")(AWAITING)
    by_certificate = Counter(session.scalars(select(AWAITING.c.certificate_id).where(awaited)))
    _prove(session, ledger, locked, by_certificate, outcome, goes=False)


def _prove(
    session: CouncilSession,
    ledger: Ledger,
    locked: Mapping[str, Keys],
    by_certificate: Mapping[UUID, int],
    outcome: Outcome,
    *,
    goes: bool,
) -> None:
    """Leave the evidence: on the certificates, in the audit log, and with the keys in the erasure ledger."""
    now, chunk_id, record_ids = session.clock.now(), random_id(), Keys.joined(locked.values())
    confirmations = [
        {
            "id": random_id(),
            "certificate_id": certificate_id,
            "count": count,
            "destroyed_on": outcome.on,
            "method": outcome.method,
            "confirmed_at": now,
            "confirmed_kind": outcome.by.capacity,
            "confirmed_by": outcome.by.id,
            "outcome": outcome.became,
        }
        for certificate_id, count in by_certificate.items()
    ]
    add_confirmations(session, confirmations)
    values = {"council_id": session.council_id, "id": chunk_id, "kind": "confirmation", "at": now}
    session.execute(insert(DISPOSAL).values(rows=len(record_ids) if goes else 0, **values))
    day = {"destroyed_on" if outcome.became == "destroyed" else "on": outcome.on}
    record_many(session, EVENTS[outcome.became], record_ids, disposal=chunk_id, **day)
    evidence, gone = {CONFIRMATION.name: confirmations}, locked if goes else {}
    noted: dict[str, Keys] = {} if goes else {outcome.became: record_ids}
    ledger.intend(Line("intend", chunk_id, gone=gone, evidence=evidence, noted=noted))
    session.after_commit(lambda: ledger.close("done", [chunk_id]))
