"""What the database says, without what it was told.

PostgreSQL quotes values in its errors ("Key (reference)=(...) already exists"), SQLAlchemy quotes statements and
parameters. Both would carry personal data into logs and answers. A listener on every engine rewrites the message of
each error to its SQLSTATE, constraint and table before anybody can print it; code that must tell one violated
constraint from another asks `constraint_of`.
"""

from __future__ import annotations

import psycopg
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError

from muniment.api.errors import NotReady

__all__ = ["DatabaseAway", "DatabaseBusy", "TookTooLong", "constraint_of", "of_driver", "sqlstate_of", "without_values"]

STATEMENT_TIMEOUT = "57014"
BUSY = frozenset({"40001", "40P01", "53300", "55P03", STATEMENT_TIMEOUT})
"""Serialisation failure, deadlock, too many connections, lock timeout, statement timeout."""


class DatabaseBusy(NotReady):
    """A statement waited or ran too long, or lost a deadlock. Nothing was changed; the same can be tried again."""

    code = "busy"


class TookTooLong(DatabaseBusy):
    """A statement ran past its own time limit; a smaller share of the work may not."""


class DatabaseAway(NotReady):
    """The database cannot be reached or went away in the middle. Nothing was changed."""

    code = "database-away"


def constraint_of(error: DBAPIError) -> str | None:
    """The name of the constraint that a statement violated, such as `uq_council_slug`."""
    return error.orig.diag.constraint_name if isinstance(error.orig, psycopg.Error) else None


def sqlstate_of(error: DBAPIError) -> str | None:
    """The five characters of the error's class and condition, such as `23505`."""
    return error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None


def safe_message(error: BaseException) -> str:
    """An error of the driver in codes and names alone."""
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return f"{type(error).__name__}: the driver's message is withheld, it may quote values"
    parts = [f"SQLSTATE {error.sqlstate} {type(error).__name__}"]
    if error.diag.constraint_name:
        parts.append(f"constraint {error.diag.constraint_name}")
    if error.diag.table_name:
        parts.append(f"table {error.diag.table_name}")
    return ", ".join(parts)


def without_values(engine: Engine) -> None:
    """Make every error of an engine safe to print, and turn 'busy' and 'away' into errors of ours."""
    listen(engine, "handle_error", _rewrite, retval=True)


def _rewrite(context: ExceptionContext) -> BaseException | None:
    """Rewrite the messages in place; returns an exception of ours that is to be raised instead, if any."""
    original = context.original_exception
    if not isinstance(original, psycopg.Error):
        return None
    message = safe_message(original)
    original.args = (message,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (message,)
    lost = context.is_disconnect or context.connection is None
    return _ours(original, message, lost=lost)


def of_driver(error: psycopg.Error, *, lost: bool) -> Exception:
    """What to raise for an error of the driver that SQLAlchemy has not seen; `lost`: the connection went with it."""
    message = safe_message(error)
    error.args = (message,)
    return _ours(error, message, lost=lost) or DBAPIError.instance(None, None, error, psycopg.Error)


def _ours(error: psycopg.Error, message: str, *, lost: bool) -> NotReady | None:
    if lost:
        known = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
        return DatabaseAway(f"The database cannot be reached{known}. Is it running? Try again shortly.")
    if error.sqlstate in BUSY:
        kind = TookTooLong if error.sqlstate == STATEMENT_TIMEOUT else DatabaseBusy
        return kind(f"The database is busy ({message}). Try again shortly.")
    return None
