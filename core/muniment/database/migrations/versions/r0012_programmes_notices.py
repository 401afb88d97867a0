"""Which notices, and which earlier documents, are a programme's own; none was before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = "uq_earlier_document_council_id_service_title_version_dated"


def upgrade() -> None:
    for table in ("notice_version", "earlier_document"):
        op.add_column(table, sa.Column("programme", sa.Text(), nullable=True))
    op.drop_constraint(BEFORE, "earlier_document")
    op.create_unique_constraint(
        "uq_earlier_document_facts",
        "earlier_document",
        ["council_id", "service", "title", "version", "dated", "programme"],
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    refuse_downgrade()
