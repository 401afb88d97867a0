"""The review queue; and certificates that say by whose decision records went, beside who armed the rule."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Make the queue; add the approver to certificates."""
    op.create_table(
        "proposal",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kept_in", sa.Text(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("again", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_kind", sa.Text(), nullable=False),
        sa.Column("proposed_role", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_kind", sa.Text(), nullable=True),
        sa.Column("decided_role", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state in ('open', 'approved', 'deferred', 'rejected')", name="ck_proposal_state"),
        sa.CheckConstraint("(state = 'open') = (decided_at is null)", name="ck_proposal_decided"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_proposal_council_id"),
        sa.PrimaryKeyConstraint("council_id", "record_id", name="pk_proposal"),
    )
    op.create_index("uq_proposal_id", "proposal", ["council_id", "id"], unique=True)
    op.create_index("ix_proposal_queue", "proposal", ["council_id", "state", "due_on", "id"])
    op.create_index(
        "ix_proposal_approved",
        "proposal",
        ["council_id", "decided_kind", "decided_by"],
        postgresql_where=sa.text("state = 'approved'"),
    )
    secure("proposal")
    op.add_column("sweep_run", sa.Column("proposed", sa.Integer(), server_default="0", nullable=False))
    op.add_column("certificate", sa.Column("approved_kind", sa.Text(), nullable=True))
    op.add_column("certificate", sa.Column("approved_by", sa.Uuid(), nullable=True))
