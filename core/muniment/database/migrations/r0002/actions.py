"""Sweeps count the records that stay, redacted or in another class."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["change"]


def change() -> None:
    """Add the count."""
    op.add_column("sweep_run", sa.Column("changed", sa.Integer(), server_default="0", nullable=False))
