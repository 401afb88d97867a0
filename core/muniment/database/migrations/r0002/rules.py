"""What the whole rule language reads: other people's births and deaths, reviews, and officers' extensions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Say whose a milestone is, give clocked tables their reviews, make the table of extensions."""
    op.add_column("milestone", sa.Column("whose", sa.Text(), server_default="client", nullable=False))
    op.create_check_constraint("ck_milestone_whose", "milestone", "whose in ('client', 'child', 'parent', 'other')")
    op.drop_constraint("uq_milestone_event", "milestone", type_="unique")
    op.create_unique_constraint(
        "uq_milestone_event", "milestone", ["council_id", "file_id", "kind", "whose", "happened_on"]
    )

    for table in ("record", "register"):
        op.add_column(table, sa.Column("review_on", sa.Date(), nullable=True))
        op.add_column(table, sa.Column("reviewed_on", sa.Date(), nullable=True))
        op.create_index(
            f"ix_{table}_review",
            table,
            ["council_id", "review_on", "id"],
            postgresql_where=sa.text("review_on is not null"),
        )

    op.create_table(
        "extension",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("authoriser", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_extension_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_extension_council_id_file_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "record_id"],
            ["record.council_id", "record.id"],
            name="fk_extension_council_id_record_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_extension"),
    )
    op.create_index("ix_extension_file", "extension", ["council_id", "file_id"])
    op.create_index("ix_extension_record", "extension", ["council_id", "record_id"])
    secure("extension")
