"""What makes a table safe: row-level security, its policy and grants.

Migrations call `secure_table` for each table that they add. None can be forgotten: a test compares what they built with
the models, where a council's table is one that has the `CouncilTable` mixin and a table that may only grow says so.
"""

from __future__ import annotations

from muniment.database.roles import APPLICATION

__all__ = ["COUNCIL_SETTING", "SCOPE", "secure_table"]

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
