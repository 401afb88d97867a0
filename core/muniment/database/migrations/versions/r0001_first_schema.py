"""The first schema, a file for each domain in `migrations/r0001`, in an order that satisfies foreign keys."""

from __future__ import annotations

from alembic import op

from muniment.database.migrations.r0001 import (
    accounts,
    audit,
    clients,
    councils,
    files,
    imports,
    jobs,
    notices,
    policy,
    retention,
)
from muniment.database.migrations.steps import refuse_downgrade
from muniment.database.roles import APPLICATION

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for domain in (councils, files, policy, jobs, audit, accounts, clients, imports, notices, retention):
        domain.create()
    op.execute(f"grant select on alembic_version to {APPLICATION}")


def downgrade() -> None:
    refuse_downgrade()
