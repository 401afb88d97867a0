"""The first schema: every table, its row-level security and its grants."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from muniment.database.base import Base
from muniment.database.roles import APPLICATION
from muniment.database.schema_sql import create_schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_schema(op.get_bind(), Base.metadata)
    op.execute(text(f"grant select on alembic_version to {APPLICATION}"))
