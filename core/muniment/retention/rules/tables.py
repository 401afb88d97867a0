"""What is kept of the rules' work: how far the rows of a class have been looked at under the rule now in force."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.registry import PersonalTable, register_personal, table_of

__all__ = ["Reclocking"]


class Reclocking(CouncilTable, Base):
    """A pass over the rows of one class in one clocked table, under the rule in force since some adoption.

    `kept_in` is the clocked table: `record` or `register`. `rule_hash` is the rule that the pass is for: it says
    nothing under any other. `last_id` is the last row looked at, in order of `id`; null before the first and once the
    pass is through. `stand_for` are the hashes of earlier rules that rows were left with, because nothing about their
    clock would be another; once the pass is through (`finished_at`) they stand for the rule.
    """

    __tablename__ = "reclocking"

    kept_in: Mapped[str] = mapped_column(primary_key=True)
    record_class: Mapped[str] = mapped_column(primary_key=True)
    rule_hash: Mapped[str]
    last_id: Mapped[UUID | None]
    stand_for: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    finished_at: Mapped[datetime | None]


register_personal(
    PersonalTable(
        table=table_of(Reclocking),
        whose="client",
        personal=frozenset({"last_id"}),
        note="how far a pass over a class has come, as a key; gone when it is through",
    )
)
