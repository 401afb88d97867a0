"""What a council adopted and decided, kept for ever: evidence of what the rules were on any day."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.ids import new_id
from muniment.database.registry import register_impersonal, table_of

__all__ = ["AdoptedPolicy", "DecisionEvent"]


class AdoptedPolicy(CouncilTable, Base):
    """A policy that a council adopted, as the canonical JSON of `format`. Adopting it again changes nothing here.

    `declared` is the same without decisions, so that one can lapse without asking any plugin again.
    """

    __tablename__ = "adopted_policy"
    __append_only__ = True

    hash: Mapped[str] = mapped_column(primary_key=True)
    format: Mapped[int]
    document: Mapped[bytes]
    declared: Mapped[bytes]
    adopted_at: Mapped[datetime]
    adopted_by: Mapped[str]


class DecisionEvent(CouncilTable, Base):
    """One thing decided, or one decision withdrawn. Of a path the last event holds; events are never changed."""

    __tablename__ = "decision"
    __append_only__ = True
    __table_args__ = (Index("ix_decision_path", "council_id", "path", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    path: Mapped[str]
    withdrawn: Mapped[bool]
    value: Mapped[object] = mapped_column(JSONB(none_as_null=True), nullable=True)
    ground: Mapped[str]
    decided_by: Mapped[str]
    decided_on: Mapped[date]
    review_on: Mapped[date | None]
    advice: Mapped[str]
    generated: Mapped[bool]
    noted_at: Mapped[datetime]


register_impersonal(
    table_of(AdoptedPolicy), "what the council publishes about itself; adopted by a role or a staff key"
)
register_impersonal(table_of(DecisionEvent), "what the council settled; decided by a role or a staff key")
