"""Adopted policies and decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "adopted_policy",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("declared", sa.LargeBinary(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("adopted_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_adopted_policy_council_id"),
        sa.PrimaryKeyConstraint("council_id", "hash", name="pk_adopted_policy"),
    )
    secure("adopted_policy", append_only=True)

    op.create_table(
        "decision",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("generated", sa.Boolean(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_decision_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_decision"),
    )
    op.create_index("ix_decision_path", "decision", ["council_id", "path", "id"])
    secure("decision", append_only=True)
