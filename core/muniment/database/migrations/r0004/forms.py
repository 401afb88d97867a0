"""What is left of records that were made anonymous, and packages on their way to an archive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Make the three tables."""
    op.create_table(
        "anonymous_count",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.CheckConstraint("records > 0", name="ck_anonymous_count_records"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_anonymous_count_council_id"),
        sa.PrimaryKeyConstraint("council_id", "record_class", "facts", name="pk_anonymous_count"),
    )
    secure("anonymous_count")
    op.create_table(
        "archive_package",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("stored_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), server_default="offered", nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('offered', 'received', 'refused', 'replaced')", name="ck_archive_package_state"),
        sa.CheckConstraint(
            "(state in ('received', 'refused')) = (answered_on is not null)", name="ck_archive_package_answered"
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_archive_package_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "stored_id"],
            ["stored_file.council_id", "stored_file.id"],
            name="fk_archive_package_council_id_stored_id",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_archive_package"),
    )
    op.create_index("ix_archive_package_stored", "archive_package", ["council_id", "stored_id"])
    op.create_index(
        "ix_archive_package_offered",
        "archive_package",
        ["council_id", "offered_at", "id"],
        postgresql_where=sa.text("state = 'offered'"),
    )
    secure("archive_package")
    op.create_table(
        "archive_item",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_archive_item_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "record_id"],
            ["record.council_id", "record.id"],
            name="fk_archive_item_council_id_record_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "package_id"],
            ["archive_package.council_id", "archive_package.id"],
            name="fk_archive_item_council_id_package_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("council_id", "record_id", name="pk_archive_item"),
    )
    op.create_index("ix_archive_item_package", "archive_item", ["council_id", "package_id"])
    secure("archive_item")
