"""Sharing: the register of disclosures and what the council settles with recipients (`migrations/r0007`)."""

from __future__ import annotations

from muniment.database.migrations.r0007 import arrangements, disclosures
from muniment.database.migrations.steps import refuse_downgrade

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    disclosures.change()
    arrangements.change()


def downgrade() -> None:
    refuse_downgrade()
