"""Which records the holds that stand keep: one condition, judged when disposing and told wherever a record is shown."""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, and_, false, or_, select

from muniment.clients.facts import ENROLMENT, FILE
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.subjects import Subject
from muniment.retention.tables import Hold

__all__ = ["held", "on_row"]

HOLD = table_of(Hold)
PLACED = HOLD.c.released_at.is_(None)


def held(session: CouncilSession, subject: Subject, row: FromClause) -> ColumnElement[bool]:
    """Whether a hold stands on a row of a clocked table: on itself, its class, or a file, person or programme it is
    about. A register is about every file that it names.

    What kinds of hold stand is read now: whoever disposes has locked the rows before, or the council, so that a hold
    that is placed later waits.
    """
    here = HOLD.c.council_id == session.council_id
    scopes = set(session.scalars(select(HOLD.c.scope).where(here, PLACED).distinct()))
    one = select(HOLD.c.id).where(HOLD.c.council_id == row.c.council_id, PLACED)
    return or_(false(), *(one.where(on_row(subject, row, scope)).exists() for scope in sorted(scopes)))


def on_row(subject: Subject, row: FromClause, scope: str) -> ColumnElement[bool]:
    """The condition that a hold of a scope (a row of its table) is on a row of a clocked table."""
    files = subject.files_of(row)
    match scope:
        case "record":
            target: ColumnElement[bool] = HOLD.c.target_id == row.c.id
        case "class":
            target = HOLD.c.target == row.c.record_class
        case "file":
            target = HOLD.c.target_id.in_(files)
        case "person":
            persons = select(FILE.c.person_id).where(FILE.c.council_id == row.c.council_id, FILE.c.id.in_(files))
            target = HOLD.c.target_id.in_(persons.correlate(row))
        case _:
            programmes = select(ENROLMENT.c.programme).where(
                ENROLMENT.c.council_id == row.c.council_id, ENROLMENT.c.file_id.in_(files)
            )
            target = HOLD.c.target.in_(programmes.correlate(row))
    return and_(HOLD.c.scope == scope, target)
