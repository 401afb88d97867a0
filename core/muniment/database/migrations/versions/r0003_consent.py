"""The consent ledger (`migrations/r0003`)."""

from __future__ import annotations

from muniment.database.migrations.r0003 import consent
from muniment.database.migrations.steps import refuse_downgrade

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    consent.change()


def downgrade() -> None:
    refuse_downgrade()
