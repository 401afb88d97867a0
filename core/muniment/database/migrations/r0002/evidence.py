"""Certificates and confirmations keep what they say as it was written, so that an audit event can commit to it all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["change"]


def change() -> None:
    """Add the content to both; what was written before has none."""
    for table in ("certificate", "confirmation"):
        op.add_column(table, sa.Column("content", sa.LargeBinary(), nullable=True))
