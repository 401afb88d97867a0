"""Records that are kept out of use, and files that hold what has no name any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Add the columns, and the table of the keys that lead back to a name."""
    op.add_column("record", sa.Column("restricted_on", sa.Date(), nullable=True))
    op.add_column("client_file", sa.Column("pseudonymous", sa.Boolean(), server_default="false", nullable=False))
    op.create_table(
        "pseudonym_key",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("pseudonym_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_pseudonym_key_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "pseudonym_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_pseudonym_key_council_id_pseudonym_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_pseudonym_key_council_id_file_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("council_id", "pseudonym_id", name="pk_pseudonym_key"),
    )
    op.create_index("ix_pseudonym_key_file", "pseudonym_key", ["council_id", "file_id"])
    secure("pseudonym_key")
