"""What every migration does the same way: securing a table, and never going back.

A revision spells out what it makes and imports no model, so that it makes the same ten years from now.
"""

from __future__ import annotations

from typing import NoReturn

from alembic import op

from muniment.api.errors import Conflict
from muniment.database.schema_sql import secure_table

__all__ = ["refuse_downgrade", "secure"]


def secure(table: str, *, council: bool = True, append_only: bool = False) -> None:
    """Grant the application what it may do with a table; for a council's, force row-level security."""
    for statement in secure_table(table, council=council, append_only=append_only):
        op.execute(statement)


def refuse_downgrade() -> NoReturn:
    """Raise `Conflict`: data that a newer schema holds have no place in an older one."""
    raise Conflict("A schema is not taken back. Restore the backup that was made before the upgrade.")
