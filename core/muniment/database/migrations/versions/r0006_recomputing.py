"""Recomputing leaves rows as they are whose clock comes to the same: how far it is, and which rules stand for which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import refuse_downgrade, secure

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reclocking",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("kept_in", sa.Text(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("rule_hash", sa.Text(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=True),
        sa.Column("stand_for", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_reclocking_council_id"),
        sa.PrimaryKeyConstraint("council_id", "kept_in", "record_class", name="pk_reclocking"),
    )
    secure("reclocking")


def downgrade() -> None:
    refuse_downgrade()
