"""Restriction and objection become states of a client file (UK GDPR Arts 18 and 21)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure

__all__ = ["change"]

GROUND = (
    "(kind = 'restriction' and ground in ('18.1.a', '18.1.b', '18.1.c', '18.1.d'))"
    " or (kind = 'objection' and ground in ('21.1', '21.2', '21.6'))"
)
STATE = "state in ('standing', 'lifted') or (kind = 'objection' and state in ('pending', 'upheld', 'overridden'))"


def change() -> None:
    """Make the table."""
    op.create_table(
        "client_limit",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("purposes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("because", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(GROUND, name="ck_client_limit_ground"),
        sa.CheckConstraint(STATE, name="ck_client_limit_state"),
        sa.CheckConstraint(
            "(ended_at is null) = (state in ('standing', 'pending', 'upheld'))", name="ck_client_limit_ended"
        ),
        sa.CheckConstraint("ended_at is null or told_on is not null", name="ck_client_limit_told"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_client_limit_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_client_limit_council_id_file_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_client_limit"),
    )
    op.create_index("ix_client_limit_file", "client_limit", ["council_id", "file_id"])
    secure("client_limit")
