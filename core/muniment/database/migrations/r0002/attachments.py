"""Files that belong to records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Make the table of attachments."""
    op.create_table(
        "attachment",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("stored_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_attachment_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "record_id"],
            ["record.council_id", "record.id"],
            name="fk_attachment_council_id_record_id",
            ondelete="SET NULL (record_id)",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "stored_id"],
            ["stored_file.council_id", "stored_file.id"],
            name="fk_attachment_council_id_stored_id",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_attachment"),
    )
    op.create_index("ix_attachment_record", "attachment", ["council_id", "record_id"])
    op.create_index("ix_attachment_stored", "attachment", ["council_id", "stored_id"])
    secure("attachment")
