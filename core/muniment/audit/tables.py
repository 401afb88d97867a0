"""The audit log: events, what is not sealed yet, the leaves of the Merkle log and its signed checkpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.ids import new_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of

__all__ = ["AuditCheckpoint", "AuditEventRow", "AuditLeaf", "AuditUnsealed"]


class AuditEventRow(CouncilTable, Base):
    """Something that happened: who did what to which subject, with facts that are ids, counts, codes and hashes."""

    __tablename__ = "audit_event"
    __append_only__ = True
    __table_args__ = (Index("ix_audit_event_subject", "council_id", "subject", "id"),)

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
