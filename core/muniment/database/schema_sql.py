"""What makes a table safe, derived from the table itself: row-level security, its policy and grants.

Nothing here is written by hand per table, so none can be forgotten: a council's table is one that has the
`CouncilTable` mixin, and a table that may only grow says so itself. Tests create the schema with `create_schema`;
migrations call `secure_table` for each table that they add.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, Table, text

from muniment.database.base import is_council_table
from muniment.database.roles import APPLICATION

__all__ = ["COUNCIL_SETTING", "SCOPE", "create_schema", "secure_table"]

COUNCIL_SETTING = "muniment.council_id"
"""The name of the transaction's setting that holds the council's id."""

SCOPE = f"council_id = nullif(current_setting('{COUNCIL_SETTING}', true), '')::uuid"
"""The policy of every council's table. Without a council the setting is null or empty: no row is seen or taken."""


def secure_table(name: str, *, council: bool, append_only: bool) -> list[str]:
    """SQL that grants the application what it may do with a table and, for a council's, forces row-level security."""
    may = "select, insert" if append_only else "select, insert, update, delete"
    statements = [f"grant {may} on table {name} to {APPLICATION}"]
    if council:
        statements += [
            f"alter table {name} enable row level security",
            f"alter table {name} force row level security",
            f"create policy council on {name} using ({SCOPE}) with check ({SCOPE})",
        ]
    return statements


def create_schema(connection: Connection, metadata: MetaData) -> None:
    """Create every table of `metadata`, secured; run as the owner role in one transaction."""
    metadata.create_all(connection, checkfirst=False)
    for table in metadata.sorted_tables:
        for statement in secure_statements(table):
            connection.execute(text(statement))


def secure_statements(table: Table) -> list[str]:
    """The statements of `secure_table` for a table of the metadata."""
    return secure_table(table.name, council=is_council_table(table), append_only=bool(table.info.get("append_only")))
