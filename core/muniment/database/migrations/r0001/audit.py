"""The audit log and its Merkle log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "audit_checkpoint",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_audit_checkpoint_council_id"),
        sa.PrimaryKeyConstraint("council_id", "size", name="pk_audit_checkpoint"),
    )
    secure("audit_checkpoint", append_only=True)

    op.create_table(
        "audit_event",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_audit_event_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_subject", "audit_event", ["council_id", "subject", "id"])
    secure("audit_event", append_only=True)

    op.create_table(
        "audit_leaf",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_audit_leaf_council_id"),
        sa.PrimaryKeyConstraint("council_id", "position", name="pk_audit_leaf"),
    )
    op.create_index("uq_audit_leaf_event", "audit_leaf", ["council_id", "event_id"], unique=True)
    secure("audit_leaf", append_only=True)

    op.create_table(
        "audit_unsealed",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_audit_unsealed_council_id"),
        sa.PrimaryKeyConstraint("council_id", "event_id", name="pk_audit_unsealed"),
    )
    secure("audit_unsealed")
