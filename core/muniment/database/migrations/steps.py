"""What every migration does the same way: securing a table, and never going back.

A revision spells out what it makes and imports no model, so that it makes the same ten years from now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn
from uuid import UUID

from alembic import op
from sqlalchemy import Connection, text

from muniment.api.errors import Conflict
from muniment.database.schema_sql import COUNCIL_SETTING, secure_table

__all__ = ["each_council", "refuse_downgrade", "secure"]


def secure(table: str, *, council: bool = True, append_only: bool = False, goes_by_rule: bool = False) -> None:
    """Grant the application what it may do with a table; for a council's, force row-level security."""
    for statement in secure_table(table, council=council, append_only=append_only, goes_by_rule=goes_by_rule):
        op.execute(statement)


def each_council(connection: Connection) -> Iterator[UUID]:
    """Every council in turn, with the transaction's scope set to it: row-level security holds the owner too.

    A migration that changes rows walks them, and fails where it changed fewer than it found.
    """
    for council_id in connection.scalars(text("select id from council order by id")).all():
        connection.execute(
            text("select set_config(:name, :id, true)"), {"name": COUNCIL_SETTING, "id": str(council_id)}
        )
        yield council_id
    connection.execute(text("select set_config(:name, '', true)"), {"name": COUNCIL_SETTING})


def refuse_downgrade() -> NoReturn:
    """Raise `Conflict`: data that a newer schema holds have no place in an older one."""
    raise Conflict("A schema is not taken back. Restore the backup that was made before the upgrade.")
