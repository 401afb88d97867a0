"""Upkeep: rows of core's own tables go when the period of their class has run.

One mechanism for sessions, accounts, imports and the rest: it walks the register of tables (`database.registry`) and
reads each class's period from the council's adopted policy. What a row counts from is a column of its own, so the clock
is a comparison in the statement that deletes, and nothing is stored beside the row.

Nobody arms these rules, unlike those of a council's records: they dispose of what the system itself leaves behind, and
a hold on the class stops them as it does the sweep. Where a rule cannot be computed for a table, nothing goes.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Date,
    DateTime,
    Integer,
    and_,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from muniment.api.retention import Anchor
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.registry import KeptTable, table_of
from muniment.database.session import CouncilSession
from muniment.policy.model import PLATFORM
from muniment.policy.store import adopted_or_none
from muniment.retention.locks import shared
from muniment.retention.rules.clause_sql import added
from muniment.retention.rules.compile import DESTROY, ClauseClock, Clock, clocks
from muniment.retention.tables import Hold

__all__ = ["CHUNK", "dispose_some"]

CHUNK = 5_000
"""Rows of a table that go in one transaction."""


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
    chunk = rows.limit(CHUNK).with_for_update(skip_locked=True)
    result = session.execute(delete(table).where(names.in_(chunk)))
    gone = result.rowcount if isinstance(result, CursorResult) else 0
    if gone:
        event = AuditEvent.PLATFORM_DISPOSED
        record(session, event, table=str(table.name), record_class=kept.record_class, rows=gone, policy=policy.hash)
    return gone


def _is_held(session: CouncilSession, key: str) -> bool:
    """Whether a hold on the class is in force. Whoever places one waits for the chunks under way."""
    shared(session)
    hold = table_of(Hold)
    mine = select(hold.c.id).where(
        hold.c.council_id == session.council_id,
        hold.c.scope == "class",
        hold.c.target == key,
        hold.c.released_at.is_(None),
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
    if entry.fixed is not None or entry.clause.when is not None or entry.action != DESTROY or anchor is None:
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
