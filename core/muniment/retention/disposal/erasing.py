"""Rows that go, and what goes with them: what hangs below, the stub of a file, the key of a person.

The caller has locked the files (or registers) and answers for the evidence; here it is only counted that what went is
what was judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, select, update

from muniment.clients.facts import FILE, PERSON, RECORD
from muniment.database.session import CouncilSession
from muniment.database.signals import Erased, erased
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import Subject

__all__ = ["Miscounted", "delete_rows", "delete_stubs", "empty_rows", "expect", "tell"]


class Miscounted(RuntimeError):
    """What was deleted is not what was judged: the chunk is rolled back."""


def expect(expected: int, found: int) -> None:
    """Raises `Miscounted` unless as many rows went as were judged."""
    if expected != found:
        raise Miscounted(f"{found} rows went where {expected} were judged")


def tell(session: CouncilSession, gone: Mapping[str, tuple[UUID, ...]]) -> None:
    """Tell every domain which rows are gone, in this transaction."""
    for table, ids in gone.items():
        if ids:
            erased.send(session, Erased(table, ids))


def delete_rows(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Delete rows of a clocked table; what hangs below goes with them. Returns the keys of those that were there."""
    table = subject.table
    return tuple(session.scalars(delete(table).where(with_ids(ids)(table)).returning(table.c.id)).all())


def empty_rows(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Leave nothing of rows but class, medium, location and key: their paper is still to be destroyed."""
    table = subject.table
    for below, column in subject.with_it:
        session.execute(delete(below).where(with_ids(ids, column)(below)))
    nothing = {"state": None, "due_on": None, "action": None, "stage": None, "rule_hash": None, "disposal": "awaiting"}
    blank = {**subject.emptied, subject.collected: session.clock.today(), **nothing}
    emptied = update(table).where(with_ids(ids)(table), table.c.disposal.is_(None)).values(blank)
    return tuple(session.scalars(emptied.returning(table.c.id)).all())


def delete_stubs(session: CouncilSession, file_ids: Sequence[UUID]) -> dict[str, tuple[UUID, ...]]:
    """Delete the files under which no record is left, and the persons who have no file left.

    Persons are locked before their files are counted: of two sweepers that take a person's last two files, the second
    sees that the first file is gone.
    """
    left = select(RECORD.c.id).where(RECORD.c.council_id == FILE.c.council_id, RECORD.c.file_id == FILE.c.id)
    empty = select(FILE.c.id, FILE.c.person_id).where(with_ids(file_ids)(FILE), ~left.exists())
    stubs = session.execute(empty).all()
    if not stubs:
        return {}
    persons = with_ids(list({row.person_id for row in stubs}))(PERSON)
    session.execute(select(PERSON.c.id).where(persons).order_by(PERSON.c.id).with_for_update())
    files = session.scalars(delete(FILE).where(with_ids([row.id for row in stubs])(FILE)).returning(FILE.c.id)).all()
    expect(len(stubs), len(files))
    other = select(FILE.c.id).where(FILE.c.council_id == PERSON.c.council_id, FILE.c.person_id == PERSON.c.id)
    gone = session.scalars(delete(PERSON).where(persons, ~other.exists()).returning(PERSON.c.id)).all()
    return {"client_file": tuple(files), "person": tuple(gone)}
