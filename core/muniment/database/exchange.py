"""One exchange with the server: statements that need not wait for each other go out together (psycopg's pipeline)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Dialect, TextClause

from muniment.database.errors import of_driver

__all__ = ["Asked", "for_driver", "one_exchange"]

Asked = tuple[TextClause, Mapping[str, object]]
"""A statement and its parameters by name."""


@lru_cache(maxsize=64)
def for_driver(statement: TextClause, dialect: Dialect) -> bytes:
    """A statement as the driver takes it."""
    return str(statement.compile(dialect=dialect)).encode()


@contextmanager
def one_exchange(connection: Connection) -> Iterator[psycopg.Connection[Any]]:
    """The driver's connection; what is executed on it in the block goes out together. Errors are as SQLAlchemy's."""
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    try:
        with driver.pipeline():
            yield driver
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate()
        raise of_driver(error, lost=driver.closed) from None
