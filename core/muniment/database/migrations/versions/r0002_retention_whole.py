"""Retention whole: what it needs beyond the first schema, a file for each concern in `migrations/r0002`."""

from __future__ import annotations

from types import ModuleType

from muniment.database.migrations.r0002 import (
    actions,
    approval,
    arming,
    attachments,
    audit,
    clients,
    connectors,
    evidence,
    holds,
    jobs,
    rules,
)
from muniment.database.migrations.steps import refuse_downgrade

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


CONCERNS: tuple[ModuleType, ...] = (
    audit,
    evidence,
    rules,
    clients,
    arming,
    connectors,
    attachments,
    approval,
    actions,
    holds,
    jobs,
)
"""Modules with a `change()`, in an order that satisfies foreign keys."""


def upgrade() -> None:
    for concern in CONCERNS:
        concern.change()


def downgrade() -> None:
    refuse_downgrade()
