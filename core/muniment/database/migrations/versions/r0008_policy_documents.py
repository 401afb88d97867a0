"""Appropriate policy documents (`migrations/r0008`)."""

from __future__ import annotations

from muniment.database.migrations.r0008 import policy_documents
from muniment.database.migrations.steps import refuse_downgrade

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    policy_documents.change()


def downgrade() -> None:
    refuse_downgrade()
