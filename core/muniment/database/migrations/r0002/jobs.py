"""Jobs that failed for good are kept where people can see them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Make the table of failed jobs."""
    op.create_table(
        "failed_job",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("first_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_failed_job_council_id"),
        sa.PrimaryKeyConstraint("council_id", "actor", name="pk_failed_job"),
    )
    secure("failed_job")
