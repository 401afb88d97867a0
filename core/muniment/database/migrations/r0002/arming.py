"""Whose decision a command carried out when it armed a rule is a column; it stood in brackets behind the kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import each_council

__all__ = ["change"]

BRACKETED = r"armed_kind like '% (%)'"


def change() -> None:
    """Add the column, and take the role out of the kind of every approval there is. Certificates stay as issued."""
    op.add_column("arming", sa.Column("armed_role", sa.Text(), server_default="", nullable=False))
    connection = op.get_bind()
    for _ in each_council(connection):
        waiting = connection.scalar(sa.text(f"select count(*) from arming where {BRACKETED}"))  # noqa: S608
        changed = connection.execute(
            sa.text(
                "update arming set armed_kind = split_part(armed_kind, ' (', 1),"  # noqa: S608
                r" armed_role = substring(armed_kind from ' \((.*)\)$')"
                f" where {BRACKETED}"
            )
        )
        if changed.rowcount != waiting:
            raise RuntimeError(f"{waiting} approvals were to be converted and {changed.rowcount} were")
