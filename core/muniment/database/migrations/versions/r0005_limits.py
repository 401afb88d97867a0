"""Restriction and objection: what may only be stored (`migrations/r0005`)."""

from __future__ import annotations

from muniment.database.migrations.r0005 import limits
from muniment.database.migrations.steps import refuse_downgrade

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    limits.change()


def downgrade() -> None:
    refuse_downgrade()
