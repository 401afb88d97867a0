"""Repeated reviews: which records are to be looked at again by now, and noting that somebody has.

A review moves no last day: it asks whether a record is still needed while its period runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, NotFound
from muniment.api.text import say
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.locks import lock_files
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention.clocks.current import clock_rows
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import ClauseClock, clocks
from muniment.retention.subjects import RECORDS, SUBJECTS, Subject

__all__ = ["ReviewDue", "note_review", "reviews_due"]


class ReviewDue(msgspec.Struct, frozen=True, kw_only=True):
    """A record whose review is due: since `review_on`, to be done by `by` (a role, empty where none is named)."""

    record_id: UUID
    file_id: UUID | None
    record_class: str
    review_on: date
    due_on: date | None
    by: str


def reviews_due(session: CouncilSession, caller: Caller, limit: int = 100) -> tuple[ReviewDue, ...]:
    """The records that are to be reviewed by today, the longest due first. Raises `Forbidden`."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    by_key = clocks(adopted(session))
    keys = [key for key in by_key if services is None or key.partition("/")[0] in services]
    found: list[ReviewDue] = []
    for subject in SUBJECTS:
        table = subject.table
        query = (
            select(
                table.c.id, subject.lock_id.label("lock_id"), table.c.record_class, table.c.review_on, table.c.due_on
            )
            .where(
                table.c.council_id == session.council_id,
                table.c.review_on <= session.clock.today(),
                table.c.disposal.is_(None),
                table.c.record_class.in_(keys),
            )
            .order_by(table.c.review_on, table.c.id)
            .limit(limit)
        )
        found += [
            ReviewDue(
                record_id=row.id,
                file_id=row.lock_id if subject is RECORDS else None,
                record_class=row.record_class,
                review_on=row.review_on,
                due_on=row.due_on,
                by=_reviewer(by_key[row.record_class].clauses),
            )
            for row in session.execute(query)
        ]
    return tuple(sorted(found, key=lambda entry: (entry.review_on, entry.record_id))[:limit])


def note_review(session: CouncilSession, caller: Caller, record_id: UUID) -> date | None:
    """Note that a record was reviewed today and is still needed; returns the day of its next review, if there is one.

    Needs `retention.hold`. Raises `NotFound`, `Forbidden`, and `Conflict` if its rule asks for no review now.
    """
    caller.require_somewhere(Permission.HOLD_RECORDS)
    for subject in SUBJECTS:
        table = subject.table
        found = session.execute(
            select(subject.lock_id.label("lock_id"), table.c.record_class).where(
                with_ids(session, [record_id])(table), table.c.disposal.is_(None)
            )
        ).one_or_none()
        if found is not None and caller.allows(Permission.HOLD_RECORDS, found.record_class.partition("/")[0]):
            return _reviewed(session, subject, record_id, found.lock_id)
    raise NotFound("There is no such record.")


def _reviewed(session: CouncilSession, subject: Subject, record_id: UUID, lock_id: UUID) -> date | None:
    table, today = subject.table, session.clock.today()
    if subject is RECORDS:
        lock_files(session, [lock_id])
    one = with_ids(session, [record_id])
    done = update(table).where(one(table), table.c.review_on <= today, table.c.disposal.is_(None))
    if session.execute(done.values(reviewed_on=today).returning(table.c.id)).one_or_none() is None:
        raise Conflict("No review of this record is due.")
    record(session, AuditEvent.RECORD_REVIEWED, lock_id, record=record_id)
    clock_rows(session, subject, one)
    next_one: date | None = session.scalar(select(table.c.review_on).where(one(table)))
    return next_one


def _reviewer(clauses: Sequence[ClauseClock]) -> str:
    reviews = (entry.clause.review for entry in clauses if entry.clause.review is not None)
    return next((say(review.by, "en") for review in reviews if review.by is not None), "")
