"""Certificates say how many records an officer's extensions kept; null for those of before they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("certificate", sa.Column("extended", sa.Integer(), nullable=True))


def downgrade() -> None:
    refuse_downgrade()
