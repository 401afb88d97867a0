"""Whom to tell once more, because a restore has lost whether they were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipient_notification", sa.Column("repeated", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    refuse_downgrade()
