"""Many rows into a table at once: COPY into a temporary table, then one `insert … select`.

PostgreSQL refuses COPY into a table with row-level security; the insert that follows is held by it like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import Table, text

from muniment.database.session import CouncilSession

__all__ = ["insert_many", "load"]


def load(session: CouncilSession, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Put rows for some columns of `table` into a temporary table of this transaction; returns its name."""
    name = f"incoming_{table.name}"
    named = ", ".join(f'"{table.c[column].name}"' for column in columns)
    session.execute(text(f"drop table if exists pg_temp.{name}"))
    session.execute(
        text(f"create temporary table {name} on commit drop as select {named} from {table.name} with no data")  # noqa: S608
    )
    connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier("pg_temp", name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    return f"pg_temp.{name}"


def insert_many(
    session: CouncilSession,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    on_conflict: str = "",
) -> None:
    """Insert rows into a council's table; `council_id` is the session's. `on_conflict` is the clause of that name."""
    name = load(session, table, columns, rows)
    named = ", ".join(f'"{column}"' for column in columns)
    session.execute(
        text(f"insert into {table.name} (council_id, {named}) select :council_id, {named} from {name}{on_conflict}"),  # noqa: S608
        {"council_id": session.council_id},
    )
