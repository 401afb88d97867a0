"""Which records the holds that stand keep: one condition, judged when disposing and told wherever a record is shown.

A file that is restricted is kept like one that is held, whole, and so is a register that names it: what is restricted
may only be stored, and so not be disposed of either (UK GDPR Art 18(2); `muniment.clients.limits`).
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, and_, false, func, or_, select

from muniment.clients.facts import ENROLMENT, FILE, LIMIT, PSEUDONYM_KEY
from muniment.clients.limits import GROUNDS, keeps
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.holds.query import HoldQuery, matches
from muniment.retention.rules.clock_sql import COUNCIL, with_ids
from muniment.retention.subjects import Subject
from muniment.retention.tables import Hold

__all__ = ["held", "holds_on", "number_standing"]

HOLD = table_of(Hold)
PLACED = HOLD.c.released_at.is_(None)
QUERY = "query"
STANDING: Final = select(
    (
        select(func.count()).select_from(HOLD).where(HOLD.c.council_id == COUNCIL, PLACED).scalar_subquery()
        + select(func.count()).select_from(LIMIT).where(LIMIT.c.council_id == COUNCIL, keeps()).scalar_subquery()
    ).label("standing")
)
SCOPES = ("class", "file", "person", "programme", "record")


def held(session: CouncilSession, subject: Subject, row: FromClause) -> ColumnElement[bool]:
    """Whether a hold stands on a row of a clocked table: on itself, its class, a file, person or programme it is
    about, or a query that it matches; or whether a file that it is about is restricted. A register is about every file
    that it names.

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
    if session.scalar(select(LIMIT.c.id).where(LIMIT.c.council_id == session.council_id, keeps()).limit(1)) is not None:
        on_it.append(_restricted(subject, row))
    return or_(false(), *on_it)


def number_standing(session: CouncilSession) -> int:
    """How many holds and restrictions stand in the council."""
    [row] = session.ask(STANDING, {"council_id": session.council_id})
    standing: int = row.standing
    return standing


def holds_on(session: CouncilSession, subject: Subject, record_id: UUID) -> tuple[str, ...]:
    """The holds and restrictions that stand on one row, each in words for an officer, the oldest first."""
    row = subject.table
    here, one = HOLD.c.council_id == session.council_id, with_ids(session, [record_id])(row)
    standing = select(HOLD).where(here, PLACED).order_by(HOLD.c.placed_at, HOLD.c.id)
    by_target = or_(*(_on_row(subject, row, scope) for scope in SCOPES))
    found = list(session.execute(standing.where(select(row.c.id).where(one, by_target).exists())))
    for hold in session.execute(standing.where(HOLD.c.scope == QUERY)):
        asked = matches(msgspec.convert(hold.query, HoldQuery), subject, row)
        if session.scalar(select(row.c.id).where(one, asked)) is not None:
            found.append(hold)
    said = [(hold.placed_at, hold.id, _words(hold)) for hold in found]
    here = and_(row.c.id == record_id, row.c.council_id == LIMIT.c.council_id)
    about = select(row.c.id).where(here, LIMIT.c.file_id.in_(subject.files_of(row)))
    limits = select(LIMIT.c.placed_at, LIMIT.c.id, LIMIT.c.ground).where(LIMIT.c.council_id == session.council_id)
    for limit in session.execute(limits.where(keeps(), about.exists())):
        words = f"its file is restricted (UK GDPR Art {_article(limit.ground)}): {GROUNDS[limit.ground]}"
        said.append((limit.placed_at, limit.id, words))
    return tuple(words for *_, words in sorted(said))


def _words(hold: Any) -> str:
    return (
        f"a hold stands on it ({hold.scope}, {hold.basis}): {hold.ground}; authorised by {hold.authoriser},"
        f" to be reviewed on {hold.review_on.isoformat()}"
    )


def _article(ground: str) -> str:
    """A ground as people cite it.

    >>> _article("18.1.a")
    '18(1)(a)'
    """
    article, *points = ground.split(".")
    return article + "".join(f"({point})" for point in points)


def _restricted(subject: Subject, row: FromClause) -> ColumnElement[bool]:
    """Whether a file that a row of a clocked table is about is restricted."""
    about = LIMIT.c.council_id == row.c.council_id, LIMIT.c.file_id.in_(subject.files_of(row))
    return select(LIMIT.c.id).where(keeps(), *about).correlate(row).exists()


def _behind(row: FromClause, files: ColumnElement[Any]) -> ColumnElement[Any]:
    """A subquery of the clients' files from which pseudonymised records came that lie in these: a hold reaches them."""
    mine = select(PSEUDONYM_KEY.c.file_id).where(
        PSEUDONYM_KEY.c.council_id == row.c.council_id, PSEUDONYM_KEY.c.pseudonym_id.in_(files)
    )
    return mine.correlate(row).scalar_subquery()


def _on_row(subject: Subject, row: FromClause, scope: str) -> ColumnElement[bool]:
    """The condition that a hold of a scope (a row of its table) is on a row of a clocked table."""
    files = subject.files_of(row)
    match scope:
        case "record":
            target: ColumnElement[bool] = HOLD.c.target_id == row.c.id
        case "class":
            target = HOLD.c.target == row.c.record_class
        case "file":
            target = or_(HOLD.c.target_id.in_(files), HOLD.c.target_id.in_(_behind(row, files)))
        case "person":
            persons = select(FILE.c.person_id).where(FILE.c.council_id == row.c.council_id)
            about = (persons.where(FILE.c.id.in_(these)) for these in (files, _behind(row, files)))
            target = or_(*(HOLD.c.target_id.in_(these.correlate(row)) for these in about))
        case _:
            programmes = select(ENROLMENT.c.programme).where(
                ENROLMENT.c.council_id == row.c.council_id, ENROLMENT.c.file_id.in_(files)
            )
            target = HOLD.c.target.in_(programmes.correlate(row))
    return and_(HOLD.c.scope == scope, target)
