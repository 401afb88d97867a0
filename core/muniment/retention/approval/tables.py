"""What the review queue keeps: one line for each record that somebody is to decide about.

A line goes with its record, or when it no longer applies; what was proposed and decided is in the audit log.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable
from muniment.database.ids import new_id
from muniment.database.registry import PersonalTable, register_personal, table_of

__all__ = ["Proposal"]

APPROVED = text("state = 'approved'")


class Proposal(CouncilTable, Base):
    """Somebody, or the sweep, proposes that a record (or register) whose rule asks for a review be disposed of.

    `id` is another each time the record is proposed anew, so that nobody decides about what they have not seen;
    `again` says why that was. `fingerprint` is over all that the decision rests on: a record that comes to another is
    proposed anew. `state` is `open`, `approved`, `deferred` or `rejected`. `until` is the last day on which an approval
    counts, or the day on which what was deferred is proposed again. Kinds, roles and keys say who, as in the audit log.

    There is no foreign key to the record: it would be asked for each of the rows that go without any review.
    """

    __tablename__ = "proposal"

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(default=new_id)
    kept_in: Mapped[str]
    """The clocked table of the record: `record` or `register`."""
    record_class: Mapped[str]
    due_on: Mapped[date]
    fingerprint: Mapped[str]
    state: Mapped[str]
    again: Mapped[str | None]
    proposed_at: Mapped[datetime]
    proposed_kind: Mapped[str]
    proposed_role: Mapped[str]
    proposed_by: Mapped[UUID | None]
    until: Mapped[date | None]
    reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_kind: Mapped[str | None]
    decided_role: Mapped[str | None]
    decided_by: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("state in ('open', 'approved', 'deferred', 'rejected')", name="state"),
        CheckConstraint("(state = 'open') = (decided_at is null)", name="decided"),
        Index("uq_proposal_id", "council_id", "id", unique=True),
        Index("ix_proposal_queue", "council_id", "state", "due_on", "id"),
        Index("ix_proposal_approved", "council_id", "decided_kind", "decided_by", postgresql_where=APPROVED),
    )


register_personal(
    PersonalTable(
        table=table_of(Proposal),
        whose="client",
        personal=frozenset({"record_id", "due_on", "fingerprint", "reason"}),
        note="what is to be decided about a record, by key; goes with the record",
    )
)
