"""The audit log: events, what is not sealed yet, the leaves of the Merkle log, its checkpoints, what was dropped.

Nothing here can be deleted by the application but through one narrow function of the owner's, which takes the sealed
events that a line of `audit_drop` names and no other.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, BigInteger, Index
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE
from sqlalchemy.event import listen
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.ids import new_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of
from muniment.database.schema_sql import DROP_AUDIT_EVENTS

__all__ = ["AuditCheckpoint", "AuditDrop", "AuditEventRow", "AuditLeaf", "AuditUnsealed"]


class AuditEventRow(CouncilTable, Base):
    """Something that happened: who did what to which subject, with facts that are ids, counts, codes and hashes."""

    __tablename__ = "audit_event"
    __append_only__ = True
    __table_args__ = (
        Index("ix_audit_event_subject", "council_id", "subject", "id"),
        Index("ix_audit_event_at", "at", postgresql_using="brin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    event: Mapped[str]
    actor_kind: Mapped[str | None]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    subject: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]]


class AuditUnsealed(CouncilTable, Base):
    """One line for each event that has no leaf yet: what the sealer takes, whatever order transactions ended in."""

    __tablename__ = "audit_unsealed"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)


class AuditLeaf(CouncilTable, Base):
    """A leaf of the Merkle log. It stays when its event is dropped at the end of its period."""

    __tablename__ = "audit_leaf"
    __append_only__ = True
    __table_args__ = (Index("uq_audit_leaf_event", "council_id", "event_id", unique=True),)

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    hash: Mapped[bytes]


class AuditCheckpoint(CouncilTable, Base):
    """The root of the first `size` leaves, signed by the key ring. `peaks` are the hashes that go on from there."""

    __tablename__ = "audit_checkpoint"
    __append_only__ = True

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    root: Mapped[bytes]
    peaks: Mapped[bytes]
    signature: Mapped[bytes]


class AuditDrop(CouncilTable, Base):
    """Events of one record class and month that were dropped when their period had run; their leaves stay.

    `month` is the first day of the month, in London; `positions` are the leaves. A sealed event whose subject is `id`
    says the same, with the root over those leaves. A month has several lines where a hold kept some of it.
    """

    __tablename__ = "audit_drop"
    __append_only__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    record_class: Mapped[str]
    month: Mapped[date]
    at: Mapped[datetime]
    events: Mapped[int] = mapped_column(BigInteger)
    positions: Mapped[Any] = mapped_column(INT8MULTIRANGE)


for statement in DROP_AUDIT_EVENTS:  # for a schema made from the models, which migrations are compared with
    listen(Base.metadata, "after_create", DDL(statement))  # type: ignore[no-untyped-call]  # the library leaves it untyped

register_personal(
    PersonalTable(
        table=table_of(AuditEventRow),
        whose="staff",
        personal=frozenset({"actor_id", "subject"}),
        note="keys alone: who acted, and on whose file; its class goes by its event (`events.record_class_of`)",
    )
)
register_impersonal(table_of(AuditUnsealed), "keys of events, for seconds")
register_impersonal(table_of(AuditLeaf), "keys of events and hashes; reveals nothing once the event is gone")
register_impersonal(table_of(AuditCheckpoint), "hashes and signatures")
register_impersonal(table_of(AuditDrop), "counts, and the places of hashes")
