"""Staff, roles, sessions, tokens, counted attempts, keys of repeated requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "api_token",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.JSONB(), nullable=False),
        sa.Column("services", postgresql.JSONB(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_api_token_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_api_token"),
        sa.UniqueConstraint("council_id", "digest", name="uq_api_token_council_id_digest"),
    )
    secure("api_token")

    op.create_table(
        "attempt",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_attempt_council_id"),
        sa.PrimaryKeyConstraint("council_id", "kind", "subject", "until", name="pk_attempt"),
    )
    op.create_index("ix_attempt_until", "attempt", ["council_id", "until"])
    secure("attempt")

    op.create_table(
        "idempotency_key",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("ids", postgresql.JSONB(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_idempotency_key_council_id"),
        sa.PrimaryKeyConstraint("council_id", "caller_id", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_made_at", "idempotency_key", ["council_id", "made_at"])
    secure("idempotency_key")

    op.create_table(
        "staff",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_staff_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_staff"),
        sa.UniqueConstraint("council_id", "email_key", name="uq_staff_council_id_email_key"),
    )
    secure("staff")

    op.create_table(
        "staff_role",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["council_id", "service"], ["service.council_id", "service.slug"], name="fk_staff_role_council_id_service"
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "staff_id"],
            ["staff.council_id", "staff.id"],
            name="fk_staff_role_council_id_staff_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_staff_role_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_staff_role"),
        sa.UniqueConstraint(
            "council_id",
            "staff_id",
            "role",
            "service",
            name="uq_staff_role_council_id_staff_id_role_service",
            postgresql_nulls_not_distinct=True,
        ),
    )
    secure("staff_role")

    op.create_table(
        "staff_session",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "staff_id"],
            ["staff.council_id", "staff.id"],
            name="fk_staff_session_council_id_staff_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_staff_session_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_staff_session"),
        sa.UniqueConstraint("council_id", "digest", name="uq_staff_session_council_id_digest"),
    )
    op.create_index("ix_staff_session_staff", "staff_session", ["council_id", "staff_id"])
    secure("staff_session")
