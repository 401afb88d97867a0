"""Reading all records of a class under rules that are not in force: chunk by chunk, writing and locking nothing.

So no number of records runs into the time limit of one statement, and nobody who works on a file waits. Each chunk is
read as it is at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, and_, select, text

from muniment.database.session import CouncilSession
from muniment.retention.rules.clock_sql import Rows
from muniment.retention.subjects import Subject

__all__ = ["CHUNK", "in_chunks", "reading_only"]

CHUNK = 20_000
"""Rows looked at in one statement."""


def in_chunks(session: CouncilSession, subject: Subject, record_class: str, chunk: int = CHUNK) -> Iterator[Rows]:
    """Conditions that together cover the rows of a class once, in the order of their keys, `chunk` of them each."""
    table = subject.table
    mine = select(table.c.id).where(table.c.council_id == session.council_id, table.c.record_class == record_class)
    mine = mine.order_by(table.c.id)
    last: UUID | None = None
    while True:
        rest = mine.where(table.c.id > last) if last is not None else mine
        upto = session.scalar(rest.offset(chunk - 1).limit(1))
        yield _between(session, last, upto)
        if upto is None:
            return
        last = upto


@contextmanager
def reading_only(session: CouncilSession) -> Iterator[None]:
    """Within the block the database itself refuses to write; the transaction around it is as it was."""
    with session.begin_nested():
        session.execute(text("set transaction read only"))
        yield


def _between(session: CouncilSession, last: UUID | None, upto: UUID | None) -> Rows:
    """The council's rows beyond one key and up to another; without one there is no bound."""

    def which(row: FromClause) -> ColumnElement[bool]:
        bounds = [row.c.id > last] if last is not None else []
        bounds += [row.c.id <= upto] if upto is not None else []
        return and_(row.c.council_id == session.council_id, *bounds)

    return which
