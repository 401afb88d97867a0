"""Whoever is to be told of a change is told every reference under which they were given what has changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "recipient_notification", sa.Column("lines", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    refuse_downgrade()
