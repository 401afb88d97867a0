"""Imports, their rejects, and the memory of references."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "import_run",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("import_format", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.LargeBinary(), nullable=True),
        sa.Column("stored_file_id", sa.Uuid(), nullable=True),
        sa.Column("history", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("progress_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("new", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("suppressed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rejected", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_import_run_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_import_run"),
    )
    op.create_index(
        "ix_import_run_unfinished",
        "import_run",
        ["council_id", "started_at"],
        postgresql_where=sa.text("state in ('waiting', 'running')"),
    )
    secure("import_run")

    op.create_table(
        "import_reject",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "run_id"],
            ["import_run.council_id", "import_run.id"],
            name="fk_import_reject_council_id_run_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_import_reject_council_id"),
        sa.PrimaryKeyConstraint("council_id", "run_id", "line", "column", name="pk_import_reject"),
    )
    secure("import_reject")

    op.create_table(
        "import_memory",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("record_classes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_import_memory_council_id_file_id",
            ondelete="SET NULL (file_id)",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_import_memory_council_id"),
        sa.PrimaryKeyConstraint("council_id", "service", "issuer", "digest", name="pk_import_memory"),
    )
    op.create_index("ix_import_memory_file", "import_memory", ["council_id", "file_id"])
    secure("import_memory")
