"""A token may be somebody's: what is done with it that person has done, and it goes with their account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_token", sa.Column("staff_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "fk_api_token_council_id_staff_id",
        "api_token",
        "staff",
        ["council_id", "staff_id"],
        ["council_id", "id"],
        ondelete="CASCADE",
    )
    op.create_index("ix_api_token_staff", "api_token", ["council_id", "staff_id"])


def downgrade() -> None:
    refuse_downgrade()
