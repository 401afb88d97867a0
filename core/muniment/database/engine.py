"""Engines: how a process is connected, for either kind of server.

Synchronous psycopg 3. The pool is as large as the process has handler threads and never larger, so no thread waits for
a connection that another thread of the same request holds.

A connection that lay idle is looked at before it is used, without asking the server: one whose socket has something to
read while nothing was asked was closed at the other end (a restart, an administrator), and the pool opens another.
"""

from __future__ import annotations

import select
from contextlib import suppress
from typing import Any, cast

import msgspec
import psycopg
from psycopg import generators, pq
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.event import listen
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import NullPool

from muniment.api.errors import NotReady, SettingsError
from muniment.database.errors import without_values
from muniment.database.roles import APPLICATION

__all__ = ["PREPARED", "open_engine", "open_owner_engine", "refuse_powerful_role"]

MAY_NOT_SERVE = text(
    "select r.rolsuper, r.rolbypassrls, exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and n.nspname = 'public' and pg_has_role(c.relowner, 'usage'))"
    " from pg_roles r where r.rolname = current_user"
)

PREPARED = 500
"""Statements that a connection keeps prepared at the server: more than stand in this software, with those of some
policies' rules. The driver's own 100 would have the same ones prepared again and again."""

DRIVER = "postgresql+psycopg"
CONNECT = {"options": "-c timezone=UTC", "application_name": "muniment", "connect_timeout": 10}


def open_engine(url: str, *, pool_size: int) -> Engine:
    """An engine for the application role with `pool_size` connections, opened as they are needed."""
    engine = create_engine(
        _with_driver(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_use_lifo=True,
        hide_parameters=True,
        json_deserializer=msgspec.json.decode,
        connect_args=CONNECT,
    )
    without_values(engine)
    listen(engine, "connect", _keep_prepared)
    listen(engine, "checkout", _refuse_closed)
    listen(engine, "rollback", _roll_back)
    return engine


def open_owner_engine(url: str) -> Engine:
    """An engine for the owner role: one connection at a time, closed after use."""
    engine = create_engine(_with_driver(url), poolclass=NullPool, hide_parameters=True, connect_args=CONNECT)
    without_values(engine)
    return engine


def refuse_powerful_role(engine: Engine) -> None:
    """Raise `SettingsError` if the engine's role is not held by row-level security, `NotReady` if it has no rights."""
    with engine.connect() as connection:
        superuser, bypass, owner = connection.execute(MAY_NOT_SERVE).one()
        reason = "is a superuser" if superuser else "has bypassrls" if bypass else "owns tables" if owner else None
        if reason is not None:
            raise SettingsError(
                f"The role in MUNIMENT_DATABASE_URL {reason}, so councils would not be kept apart. "
                f"Use the role {APPLICATION} of deploy/roles.sql."
            )
        version = connection.dialect.server_version_info or (0,)
        if version < (15,):
            raise NotReady(f"PostgreSQL 15 or newer is needed; this server is {version[0]}.")


def _roll_back(connection: Connection) -> None:
    """Roll back before psycopg does, which finds nothing left to do, or says that the connection is lost.

    It would have the server forget every prepared statement, in case one speaks of a table that was made and is gone.
    Nothing is made in a transaction here but temporary tables, and the server looks up their names again by itself. So
    whoever asks for what is not there does not cost those who come after them on the connection their statements.
    """
    if connection.invalidated:
        return
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    if driver.pgconn.transaction_status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
        with suppress(psycopg.Error):
            driver.pgconn.send_query_params(b"rollback", None)
            driver.wait(generators.execute(driver.pgconn))


def _keep_prepared(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.prepared_max = PREPARED


def _refuse_closed(connection: psycopg.Connection[Any], _record: object, _proxy: object) -> None:
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    if look.poll(0):
        raise DisconnectionError("the server closed this connection while it lay idle")


def _with_driver(url: str) -> str:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError("The database's address is not a URL such as postgresql://role@host/database.") from None
    return parsed.set(drivername=DRIVER).render_as_string(hide_password=False)
