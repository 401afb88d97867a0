"""No value that was sent to the database comes back in an error, a traceback or the server's log."""

from __future__ import annotations

import traceback
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from muniment.api.errors import NotReady
from muniment.database.engine import open_engine
from muniment.database.errors import DatabaseAway, DatabaseBusy, constraint_of, sqlstate_of
from muniment.database.session import Database

SECRET = "Generated-Person-1970"


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + str(error) + repr(error)


def test_a_violated_constraint_is_named_without_the_value(database: Database, councils: tuple[UUID, UUID]) -> None:
    insert = text("insert into service (council_id, slug, title) values (:id, :slug, 'x')")
    service = {"id": councils[0], "slug": SECRET}
    with database.council_session(councils[0]) as session:
        session.execute(insert, service)
        with pytest.raises(IntegrityError) as caught:
            session.execute(insert, service)
    assert SECRET not in shown(caught.value)
    assert sqlstate_of(caught.value) == "23505"
    assert constraint_of(caught.value) == "pk_service"
    assert "SQLSTATE 23505" in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "select cast(:value as integer)",
        "select cast(:value as date)",
        "select cast(:value as uuid)",
        "insert into service (council_id, slug, title) values (null, :value, 'x')",
        "select to_date('2026-13', :value) ; select :value",
    ],
)
def test_a_bad_value_is_not_quoted(database: Database, councils: tuple[UUID, UUID], statement: str) -> None:
    with database.council_session(councils[0]) as session, pytest.raises(DBAPIError) as caught:
        session.execute(text(statement), {"value": SECRET})
    assert SECRET not in shown(caught.value)


def test_a_lock_that_is_not_had_is_busy(database: Database, councils: tuple[UUID, UUID]) -> None:
    lock = text("select from council where id = :id for update")
    database.limits["lock_timeout"] = "50"
    with database.platform_session() as holder, database.platform_session() as waiter:
        holder.execute(lock, {"id": councils[0]})
        with pytest.raises(DatabaseBusy, match="55P03"):
            waiter.execute(lock, {"id": councils[0]})


def test_a_statement_that_runs_too_long_is_busy(database: Database, councils: tuple[UUID, UUID]) -> None:
    database.limits["statement_timeout"] = "50"
    with database.council_session(councils[0]) as session, pytest.raises(DatabaseBusy, match="57014"):
        session.execute(text("select pg_sleep(5)"))


def test_a_database_that_is_not_there_is_away() -> None:
    engine = open_engine("postgresql://nobody:s3cret@127.0.0.1:1/nothing", pool_size=1)
    with pytest.raises(DatabaseAway) as caught, engine.connect():
        pass
    assert isinstance(caught.value, NotReady)
    assert "s3cret" not in shown(caught.value)


def test_a_database_that_goes_away_comes_back(
    database: Database, councils: tuple[UUID, UUID], superuser_engine: Engine
) -> None:
    kill = text(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = :name"
    )
    with database.council_session(councils[0]) as session:
        session.execute(text("select 1"))
        with superuser_engine.connect() as connection:
            connection.execute(kill, {"name": superuser_engine.url.database})
        with pytest.raises(DatabaseAway):
            session.execute(text("select 1"))
    with database.council(councils[0]) as session:
        assert session.scalar(text("select 1")) == 1
