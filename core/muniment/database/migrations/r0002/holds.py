"""Holds by query, the code of their legal ground, and what belongs to one matter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

__all__ = ["change"]


def change() -> None:
    """Give holds a query, a basis and a case; those there are have a ground in words alone."""
    op.add_column("hold", sa.Column("query", postgresql.JSONB(), nullable=True))
    op.add_column("hold", sa.Column("case_id", sa.Uuid(), nullable=True))
    op.add_column("hold", sa.Column("basis", sa.Text(), server_default="other", nullable=False))
    op.drop_constraint("ck_hold_scope", "hold", type_="check")
    op.create_check_constraint(
        "ck_hold_scope",
        "hold",
        "case when scope in ('file', 'person', 'record') then target_id is not null and target is null"
        " when scope in ('class', 'programme') then target is not null and target_id is null"
        " when scope = 'query' then target is null and target_id is null else false end"
        " and (scope = 'query') = (query is not null)",
    )
    op.create_index("ix_hold_case", "hold", ["council_id", "case_id"], postgresql_where=sa.text("case_id is not null"))
