"""Upkeep: rows of core's own tables go when the period of their class has run.

One mechanism for sessions, accounts, imports and the rest: it walks the register of tables (`database.registry`) and
reads each class's period from the council's adopted policy. What a row counts from is a column of its own, so the clock
is a comparison in the statement that deletes, and nothing is stored beside the row.

The audit log goes by the month (`muniment.audit.dropping`): a month of a class is over when its last day's events are.
What a hold on a file, a person or a record is about stays in it until the hold is released, as does what is about a
file that is restricted.

Nobody arms these rules, unlike those of a council's records: they dispose of what the system itself leaves behind, and
a hold on the class stops them as it does the sweep. Where a rule cannot be computed for a table, nothing goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Table,
    and_,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
)

from muniment.api.periods import add_period
from muniment.api.retention import Anchor
from muniment.audit.dropping import DroppedMonth, drop_month, droppable_months
from muniment.audit.events import DROPPED_BY_MONTH, AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE, LIMIT, RECORD
from muniment.clients.limits import keeps
from muniment.database.registry import KeptTable, table_of
from muniment.database.session import CouncilSession
from muniment.files.store import remove_files
from muniment.files.tables import StoredFile
from muniment.keys import KeyRing
from muniment.policy.model import PLATFORM
from muniment.policy.store import adopted_or_none
from muniment.retention.locks import shared
from muniment.retention.rules.clause_sql import added
from muniment.retention.rules.compile import DESTROY, ClauseClock, Clock, clocks
from muniment.retention.tables import Hold

__all__ = ["CHUNK", "dispose_some", "drop_oldest_month", "months_over"]

CHUNK = 5_000
"""Rows of a table that go in one transaction."""

HOLD = table_of(Hold)
STORED = table_of(StoredFile).name
COLLECTION = Anchor(event="collection")


def dispose_some(session: CouncilSession, kept: KeptTable) -> int:
    """Delete up to `CHUNK` rows of one table whose period has run out; returns how many went.

    Fewer than `CHUNK` means that none are left, but for rows that somebody else has locked: they go the next day.
    """
    policy, key = adopted_or_none(session), f"{PLATFORM}/{kept.record_class}"
    clock = clocks(policy).get(key) if policy is not None else None
    over = _is_over(kept, clock, session.clock.today()) if clock is not None else None
    if policy is None or over is None or _is_held(session, key):
        return 0
    table, names = kept.table, tuple_(*kept.table.primary_key.columns)
    rows = select(*table.primary_key.columns).where(table.c.council_id == session.council_id, over)
    chunk = rows.limit(CHUNK)
    if not table.info["append_only"]:  # nobody else could have locked what nobody may change
        chunk = chunk.with_for_update(skip_locked=True)
    stored = _stored_file(table)
    mine = delete(table).where(table.c.council_id == session.council_id, names.in_(chunk))
    deleted = session.execute(mine.returning(literal(1) if stored is None else stored))
    kept_files = deleted.scalars().all()
    gone = len(kept_files)
    if stored is not None:
        remove_files(session, [file_id for file_id in kept_files if file_id is not None])
    if gone:
        event = AuditEvent.PLATFORM_DISPOSED
        record(session, event, table=str(table.name), record_class=kept.record_class, rows=gone, policy=policy.hash)
    return gone


def _stored_file(table: Table) -> Column[Any] | None:
    """The column that names a stored file, in a table whose rows take theirs with them."""
    of_files = (key.parent for key in table.foreign_keys if key.target_fullname == f"{STORED}.id")
    return next(of_files, None)


def months_over(session: CouncilSession) -> tuple[DroppedMonth, ...]:
    """The months of the audit log that are past their period and not held, the oldest of each class first."""
    policy = adopted_or_none(session)
    if policy is None:
        return ()
    found: list[DroppedMonth] = []
    for record_class in DROPPED_BY_MONTH:
        key = f"{PLATFORM}/{record_class}"
        clock = clocks(policy).get(key)
        before = _first_month_kept(clock, session.clock.today()) if clock is not None else None
        if before is not None and not _is_held(session, key):
            found += droppable_months(session, record_class, before, _held_subjects(session))
    return tuple(found)


def drop_oldest_month(session: CouncilSession, keys: KeyRing) -> DroppedMonth | None:
    """Drop one month of the audit log that is past its period; None if there is none."""
    month = next(iter(months_over(session)), None)
    if month is None or session.policy_hash is None:
        return None
    return drop_month(session, keys, month.record_class, month.month, _held_subjects(session), session.policy_hash)


def _first_month_kept(clock: Clock, today: date) -> date | None:
    """The first day of the oldest month of which something is kept today; None where nothing may be dropped."""
    month = today.replace(day=1)
    while (last_day := _kept_until(clock, month - timedelta(days=1))) is not None and month.year > 1900:
        if last_day < today:
            return month
        month = (month - timedelta(days=1)).replace(day=1)
    return None


def _kept_until(clock: Clock, day: date) -> date | None:
    """The last day that an event of a day is kept; None where the rule cannot be computed for the log."""
    clauses = list(_dated_from_collection(clock))
    if len(clauses) != len(clock.clauses) or not clauses or (clock.combine == "sequence" and len(clauses) > 1):
        return None
    days = [add_period(day, entry.period) - timedelta(days=entry.margin) for entry in clauses]
    return min(days) if clock.combine == "earliest" else max(days)


def _dated_from_collection(clock: Clock) -> Iterator[ClauseClock]:
    for entry in clock.clauses:
        if entry.fixed is None and not entry.conditions and entry.action == DESTROY and entry.anchor == COLLECTION:
            yield entry


def _held_subjects(session: CouncilSession) -> tuple[UUID, ...]:
    """What events may be about that a hold or a restriction keeps: files, persons and records, and what lies below."""
    mine = (HOLD.c.council_id == session.council_id, HOLD.c.released_at.is_(None))
    restricted = select(LIMIT.c.file_id).where(LIMIT.c.council_id == session.council_id, keeps())
    held = select(HOLD.c.target_id).where(*mine, HOLD.c.target_id.is_not(None)).union(restricted)
    files = select(FILE.c.id).where(
        FILE.c.council_id == session.council_id, or_(FILE.c.id.in_(held), FILE.c.person_id.in_(held))
    )
    records = select(RECORD.c.id).where(RECORD.c.council_id == session.council_id, RECORD.c.file_id.in_(files))
    return tuple(session.scalars(union(held, files, records)))


def _is_held(session: CouncilSession, key: str) -> bool:
    """Whether a hold on the class is in force. Whoever places one waits for the chunks under way."""
    shared(session)
    mine = select(HOLD.c.id).where(
        HOLD.c.council_id == session.council_id,
        HOLD.c.scope == "class",
        HOLD.c.target == key,
        HOLD.c.released_at.is_(None),
    )
    return session.scalar(mine.limit(1)) is not None


def _is_over(kept: KeptTable, clock: Clock, today: date) -> ColumnElement[bool] | None:
    """The condition that a row's period has run out before `today`; None where the rule cannot be computed for it."""
    over = [_clause_is_over(kept, entry, today) for entry in clock.clauses]
    dated = [each for each in over if each is not None]
    if clock.combine == "earliest" and dated:
        return or_(*dated)
    if dated and len(dated) == len(over) and (clock.combine == "longest" or len(over) == 1):
        return and_(*dated)
    return None


def _clause_is_over(kept: KeptTable, entry: ClauseClock, today: date) -> ColumnElement[bool] | None:
    anchor = entry.anchor
    if entry.fixed is not None or entry.conditions or entry.action != DESTROY or anchor is None:
        return None
    if anchor.event is None or anchor.event not in kept.counts_from or anchor != Anchor(event=anchor.event):
        return None
    column = kept.table.c[kept.counts_from[anchor.event]]
    day = cast(func.timezone("Europe/London", column), Date) if isinstance(column.type, DateTime) else column
    due_on = added(day, entry.period)
    if entry.margin:
        due_on = due_on.op("-", return_type=Date())(literal(entry.margin, Integer))
    over: ColumnElement[bool] = due_on < literal(today, Date)
    return over
