"""Every action of a retention rule: out of use, without a name, anonymous, to the archive (`migrations/r0004`)."""

from __future__ import annotations

from types import ModuleType

from muniment.database.migrations.r0004 import forms, records
from muniment.database.migrations.steps import refuse_downgrade

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


CONCERNS: tuple[ModuleType, ...] = (records, forms)
"""Modules with a `change()`, in an order that satisfies foreign keys."""


def upgrade() -> None:
    for concern in CONCERNS:
        concern.change()


def downgrade() -> None:
    refuse_downgrade()
