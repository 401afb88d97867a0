"""A stop keeps the names that a policy had for the body it is on, for when a later one no longer declares it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from muniment.database.migrations.steps import refuse_downgrade

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sharing_stop", sa.Column("known_as", ARRAY(sa.Text()), server_default="{}", nullable=False))


def downgrade() -> None:
    refuse_downgrade()
