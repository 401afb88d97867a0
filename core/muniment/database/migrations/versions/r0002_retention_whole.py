"""Retention whole: what it needs beyond the first schema, a file for each concern in `migrations/r0002`."""

from __future__ import annotations

from muniment.database.migrations.steps import refuse_downgrade

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each concern's `change()`, in an order that satisfies foreign keys."""
    for concern in ():
        concern.change()


def downgrade() -> None:
    refuse_downgrade()
