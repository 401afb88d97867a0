"""What staff have corrected is known, so that no import changes it back; gauges and upkeep get their indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

__all__ = ["change"]


def change() -> None:
    """Add the columns and the indexes."""
    for table in ("client_file", "record"):
        op.add_column(table, sa.Column("corrected", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("import_run", sa.Column("corrected", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_import_memory_seen_on", "import_memory", ["council_id", "seen_on"])
    op.create_index(
        "ix_client_file_notice_due",
        "client_file",
        ["council_id", "notice_due_on"],
        postgresql_where=sa.text("notice_due_on is not null"),
    )
    for table in ("record", "register"):
        op.create_index(
            f"ix_{table}_rule",
            table,
            ["council_id", "record_class", "rule_hash"],
            postgresql_where=sa.text("disposal is null"),
        )
