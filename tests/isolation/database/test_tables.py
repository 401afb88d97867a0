"""No row of one council is seen, changed, taken or made by another, in any table; without a council, none at all.

The rows are made up from the columns' types, past foreign keys and checks, so that every table of every domain is
tried, also one that was added yesterday.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Uuid,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE
from sqlalchemy.exc import ProgrammingError

from muniment.database.base import council_tables
from muniment.database.errors import sqlstate_of
from muniment.database.session import Database
from muniment.schema import metadata
from tests.server import TestServer

TABLES = council_tables(metadata)
REFUSED = "42501"
EXAMPLES: list[tuple[type, Any]] = [
    (Uuid, uuid4),
    (DateTime, lambda: datetime(2026, 11, 20, tzinfo=UTC)),
    (Date, lambda: date(2026, 11, 20)),
    (Boolean, lambda: False),
    (Integer, lambda: 1),
    (Numeric, lambda: 1),
    (LargeBinary, lambda: uuid4().bytes),
    (JSON, dict),
    (ARRAY, list),
    (INT8MULTIRANGE, list),
    (String, lambda: uuid4().hex),
]


def example(column: Column[Any]) -> Any:
    return next(make() for kind, make in EXAMPLES if isinstance(column.type, kind))


def example_row(table: Table, council_id: UUID) -> dict[str, Any]:
    columns = [column for column in table.columns if column.computed is None and column.identity is None]
    return {column.name: example(column) for column in columns} | {"council_id": council_id}


def leaks(database: Database, table: Table, ours: UUID, theirs: UUID) -> Iterator[str]:
    """What a session of one council can do with another's row; each council has one row in the table."""
    with database.council(ours) as session:
        seen = session.scalars(select(table.c.council_id)).all()
        if theirs in seen:
            yield "sees"
        if ours not in seen:
            yield "does not see its own"
    with database.platform() as session:
        if session.scalar(select(func.count()).select_from(table)):
            yield "is seen without a council"
    attempts = {
        "makes": insert(table).values(**example_row(table, theirs)),
        "changes": update(table).where(table.c.council_id == theirs).values(council_id=theirs),
        "takes": update(table).where(table.c.council_id == theirs).values(council_id=ours),
        "gives": update(table).where(table.c.council_id == ours).values(council_id=theirs),
        "deletes": delete(table).where(table.c.council_id == theirs),
    }
    for what, statement in attempts.items():
        with database.council_session(ours) as session:
            try:
                if session.execute(statement).rowcount:  # type: ignore[attr-defined]  # every DML result has one
                    yield what
            except ProgrammingError as error:
                if sqlstate_of(error) != REFUSED:
                    raise


@pytest.fixture(scope="module")
def populated(
    server: TestServer, shared_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Database, Engine, UUID, UUID]]:
    """One database for all tables, each with one made-up row for each of two councils, its foreign keys passed over."""
    superuser, ours, theirs = server.engine(shared_database_name), uuid4(), uuid4()
    with superuser.begin() as connection:
        for council_id in (ours, theirs):
            council = {"id": council_id, "slug": council_id.hex}
            connection.execute(text("insert into council (id, slug, name) values (:id, :slug, 'Generated')"), council)
        connection.execute(text("set local session_replication_role = replica"))
        for table in TABLES:
            for constraint in table.constraints:
                if isinstance(constraint, CheckConstraint):
                    connection.execute(text(f"alter table {table.name} drop constraint {constraint.name}"))
            for council_id in (ours, theirs):
                connection.execute(insert(table).values(**example_row(table, council_id)))
    database = server.database(shared_database_name, tmp_path_factory.mktemp("ledger"))
    yield database, superuser, ours, theirs
    database.close()
    superuser.dispose()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_councils_are_kept_apart(populated: tuple[Database, Engine, UUID, UUID], table: Table) -> None:
    database, _, ours, theirs = populated
    assert list(leaks(database, table, ours, theirs)) == []


def test_the_test_would_see_a_missing_scope(populated: tuple[Database, Engine, UUID, UUID]) -> None:
    database, superuser, ours, theirs = populated
    table = metadata.tables["service"]
    with superuser.begin() as connection:
        connection.execute(text("alter table service disable row level security"))
    try:
        found = list(leaks(database, table, ours, theirs))
    finally:
        with superuser.begin() as connection:
            connection.execute(text("alter table service enable row level security"))
    assert found == ["sees", "is seen without a council", "makes", "changes", "takes", "gives", "deletes"]
