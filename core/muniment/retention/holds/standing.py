"""Which records the holds that stand keep: one condition, judged when disposing and told wherever a record is shown."""

from __future__ import annotations

from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, and_, false, or_, select

from muniment.clients.facts import ENROLMENT, FILE
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.holds.query import HoldQuery, matches
from muniment.retention.subjects import Subject
from muniment.retention.tables import Hold

__all__ = ["held", "holds_on"]

HOLD = table_of(Hold)
PLACED = HOLD.c.released_at.is_(None)
QUERY = "query"
SCOPES = ("class", "file", "person", "programme", "record")


def held(session: CouncilSession, subject: Subject, row: FromClause) -> ColumnElement[bool]:
    """Whether a hold stands on a row of a clocked table: on itself, its class, a file, person or programme it is
    about, or a query that it matches. A register is about every file that it names.

    What kinds of hold stand is read now: whoever disposes has locked the rows before, or the council, so that a hold
    that is placed later waits.
    """
    here = HOLD.c.council_id == session.council_id
    scopes = set(session.scalars(select(HOLD.c.scope).where(here, PLACED).distinct()))
    one = select(HOLD.c.id).where(HOLD.c.council_id == row.c.council_id, PLACED)
    on_it: list[ColumnElement[bool]] = [
        one.where(_on_row(subject, row, scope)).exists() for scope in sorted(scopes - {QUERY})
    ]
    if QUERY in scopes:
        asked = session.scalars(select(HOLD.c.query).where(here, PLACED, HOLD.c.scope == QUERY))
        on_it += [matches(msgspec.convert(query, HoldQuery), subject, row) for query in asked]
    return or_(false(), *on_it)


def holds_on(session: CouncilSession, subject: Subject, record_id: UUID) -> tuple[str, ...]:
    """The holds that stand on one row, each in words for an officer, the oldest first."""
    row = subject.table
    mine = and_(row.c.id == record_id, row.c.council_id == HOLD.c.council_id)
    standing = select(HOLD).where(PLACED).order_by(HOLD.c.placed_at, HOLD.c.id)
    by_target = or_(*(_on_row(subject, row, scope) for scope in SCOPES))
    found = list(session.execute(standing.where(select(row.c.id).where(mine, by_target).exists())))
    for hold in session.execute(standing.where(HOLD.c.scope == QUERY)):
        asked = matches(msgspec.convert(hold.query, HoldQuery), subject, row)
        if session.scalar(select(row.c.id).where(row.c.id == record_id, asked)) is not None:
            found.append(hold)
    found.sort(key=lambda hold: (hold.placed_at, hold.id))
    return tuple(
        f"a hold stands on it ({hold.scope}, {hold.basis}): {hold.ground}; authorised by {hold.authoriser},"
        f" to be reviewed on {hold.review_on.isoformat()}"
        for hold in found
    )


def _on_row(subject: Subject, row: FromClause, scope: str) -> ColumnElement[bool]:
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
