"""Councils, their services and their host names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "council",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_council"),
        sa.UniqueConstraint("slug", name="uq_council_slug"),
    )
    secure("council", council=False)

    op.create_table(
        "council_host",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_council_host"),
    )
    secure("council_host", council=False)

    op.create_table(
        "service",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_service_council_id"),
        sa.PrimaryKeyConstraint("council_id", "slug", name="pk_service"),
    )
    secure("service")
