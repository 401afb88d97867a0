"""Months of the audit log can be dropped when their period has run, and nothing else of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure
from muniment.database.schema_sql import DROP_AUDIT_EVENTS

__all__ = ["change"]


def change() -> None:
    """Make the table of drops, the owner's function that carries one out, and the index that finds old events."""
    op.create_table(
        "audit_drop",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("positions", postgresql.INT8MULTIRANGE(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_audit_drop_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_audit_drop"),
    )
    secure("audit_drop", append_only=True)
    op.create_index("ix_audit_event_at", "audit_event", ["at"], postgresql_using="brin")
    for statement in DROP_AUDIT_EVENTS:
        op.execute(statement)
