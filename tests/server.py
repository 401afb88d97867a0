"""The PostgreSQL server of a test run, as its superuser: databases made, copied and dropped, and ways into them."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, make_url

import muniment.schema  # noqa: F401  # every table must be known before the template is migrated
from muniment.clock import Clock, FixedClock
from muniment.database.engine import open_engine, open_owner_engine
from muniment.database.roles import APPLICATION, OWNER, make_roles
from muniment.database.session import Database
from muniment.database.upgrade import upgrade

__all__ = ["FAST", "TODAY", "TestServer"]

FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
"""Of a server that need not survive a power cut."""

TODAY: Final = date(2026, 11, 20)


class TestServer:
    """A PostgreSQL server as its superuser. `close` it where databases were copied or dropped."""

    __test__ = False

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def _administrator(self) -> psycopg.Connection[Any]:
        """A connection that is kept: to connect costs a third of what copying and dropping a database does."""
        return self.connect()

    def url_of(self, role: str, database: str) -> str:
        """The address of a database on it for one of Muniment's roles; the server trusts or knows their passwords."""
        url = make_url(self.url).set(username=role, database=database)
        return url.render_as_string(hide_password=False)

    def engine(self, database: str) -> Engine:
        """An engine as the superuser, past row-level security."""
        return open_owner_engine(make_url(self.url).set(database=database).render_as_string(hide_password=False))

    def database(self, name: str, ledger_dir: Path, clock: Clock | None = None) -> Database:
        """A database on it as the application role."""
        engine = open_engine(self.url_of(APPLICATION, name), pool_size=4)
        return Database(engine, clock or FixedClock(TODAY), ledger_dir)

    def connect(self, database: str | None = None) -> psycopg.Connection[Any]:
        """A connection as the superuser, each statement a transaction; to be closed."""
        url = make_url(self.url).set(drivername="postgresql")
        if database is not None:
            url = url.set(database=database)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def run(self, statement: str, database: str | None = None) -> None:
        with self.connect(database) as connection:
            connection.execute(statement)

    def give_roles(self, database: str) -> None:
        """Make the roles where they are not there, and give them a database, as an operator does."""
        with self.connect(database) as connection:
            make_roles(connection)

    def prepare(self, database: str) -> None:
        """Make the roles, and a database with Muniment's schema to copy from."""
        self.run(f"create database {database}")
        self.give_roles(database)
        password = make_url(self.url).password
        if password:
            for role in (OWNER, APPLICATION):
                self.run(f"alter role {role} password '{password}'")
        engine = open_owner_engine(self.url_of(OWNER, database))
        upgrade(engine)
        engine.dispose()

    def make(self, database: str) -> None:
        """An empty database that is the owner role's, as an operator makes it. The roles must be there."""
        self.run(f"create database {database} owner {OWNER}")
        self.run(f"alter schema public owner to {OWNER}", database)

    def copy(self, template: str, database: str) -> None:
        self._administrator.execute(f"create database {database} template {template} strategy file_copy owner {OWNER}")
        self._administrator.execute(f"grant connect, temporary on database {database} to {APPLICATION}")

    def drop(self, database: str) -> None:
        self._administrator.execute(f"drop database if exists {database} with (force)")

    def close(self) -> None:
        if "_administrator" in vars(self):
            self._administrator.close()
