"""Actions that somebody does outside this software: publishing a record, or a holder's disposing of what is theirs.

Nothing is published or destroyed by us. What is due for it is listed until an officer confirms that it was done; the
clause is then carried out, and the rest of the rule decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.api.text import say
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.locks import lock_files
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention.clocks.stages import move_on
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.rules.compile import AWAIT_HOLDER, Clock, clocks
from muniment.retention.subjects import RECORDS, SUBJECTS, Subject

__all__ = ["MOST", "Unfulfilled", "fulfil", "unfulfilled"]

PUBLISH: Final = "publish"
MOST: Final = 1_000


class Unfulfilled(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is due for something done elsewhere: to `publish` it without the fields in `redact`, or for a
    holder to dispose of it (`await-holder`), by name where the rule names one. `file_id` is null for a register."""

    record_id: UUID
    file_id: UUID | None
    record_class: str
    due_on: date
    action: str
    redact: tuple[str, ...]
    holders: tuple[str, ...]


def unfulfilled(session: CouncilSession, caller: Caller, limit: int = 100) -> tuple[Unfulfilled, ...]:
    """What is due for somebody to do elsewhere, the longest due first, of the services that the caller may see."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    by_key = {
        key: clock
        for key, clock in clocks(adopted(session)).items()
        if services is None or key.partition("/")[0] in services
    }
    found: list[Unfulfilled] = []
    for subject in SUBJECTS:
        table = subject.table
        columns = (table.c.id, subject.lock_id.label("lock_id"), table.c.record_class, table.c.due_on, table.c.action)
        query = select(*columns).where(_due(session, subject, by_key)).order_by(table.c.due_on, table.c.id)
        found += [
            Unfulfilled(
                record_id=row.id,
                file_id=row.lock_id if subject is RECORDS else None,
                record_class=row.record_class,
                due_on=row.due_on,
                action=row.action,
                redact=_fields(by_key[row.record_class]) if row.action == PUBLISH else (),
                holders=_holders(by_key[row.record_class]) if row.action == AWAIT_HOLDER else (),
            )
            for row in session.execute(query.limit(limit))
        ]
    return tuple(sorted(found, key=lambda entry: (entry.due_on, entry.record_id))[:limit])


def fulfil(session: CouncilSession, caller: Caller, record_ids: Sequence[UUID], *, done_on: date) -> int:
    """Confirm that it was done, of all of these records or none; returns of how many. Needs `retention.sweep`.

    Raises `NotFound` if one of them is due for nothing of the kind, `InvalidInput` for a day to come, `Forbidden`.
    """
    wanted = list(dict.fromkeys(record_ids))
    if not wanted or len(wanted) > MOST:
        raise InvalidInput(f"Name from 1 to {MOST} records.", where="records")
    if done_on > session.clock.today():
        raise InvalidInput("The day lies in the future.", where="done_on")
    caller.require_somewhere(Permission.SWEEP_RETENTION)
    by_key = clocks(adopted(session))
    confirmed = 0
    for subject in SUBJECTS:
        table = subject.table
        mine = and_(with_ids(session, wanted)(table), _due(session, subject, by_key))
        _lock(session, subject, mine)
        rows = session.execute(select(table.c.id, table.c.record_class, table.c.action).where(mine)).all()
        for row in rows:
            caller.require(Permission.SWEEP_RETENTION, row.record_class.partition("/")[0])
        for action in sorted({row.action for row in rows}):
            ids = [row.id for row in rows if row.action == action]
            record_many(session, AuditEvent.ACTION_FULFILLED, ids, action=action, done_on=done_on)
        if rows:
            move_on(session, subject, [row.id for row in rows])
        confirmed += len(rows)
    if confirmed != len(wanted):
        raise NotFound("One of these is not due for anything that is done elsewhere.")
    return confirmed


def _due(session: CouncilSession, subject: Subject, by_key: dict[str, Clock]) -> ColumnElement[bool]:
    table = subject.table
    return and_(
        table.c.council_id == session.council_id,
        table.c.due_on < session.clock.today(),
        table.c.action.in_((PUBLISH, AWAIT_HOLDER)),
        table.c.council_id == session.council_id,
        is_clocked(session, subject, by_key),
        table.c.disposal.is_(None),
    )


def _lock(session: CouncilSession, subject: Subject, which: ColumnElement[bool]) -> None:
    """Lock the files of these rows, or, of registers, the rows."""
    keys = session.scalars(select(subject.lock_id).where(which).order_by(subject.lock_id)).all()
    if subject is RECORDS:
        lock_files(session, set(keys))
    elif keys:
        own = select(subject.table.c.id).where(with_ids(session, keys)(subject.table)).order_by(subject.table.c.id)
        session.execute(own.with_for_update(key_share=True))


def _fields(clock: Clock) -> tuple[str, ...]:
    named = (entry.clause.redact for entry in clock.clauses if entry.action == PUBLISH)
    return tuple(dict.fromkeys(name for fields in named for name in fields))


def _holders(clock: Clock) -> tuple[str, ...]:
    return tuple(say(entry.clause.holder, "en") for entry in clock.clauses if entry.clause.holder is not None)
