"""What is done is done once: a record whose stage is done is in the next one, with a day and an action of its own.

Of a rule without stages, the clause that was carried out no longer counts for the record: `stage` has a bit for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update

from muniment.database.packed import Keys, packed
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention.clocks.current import clock_rows
from muniment.retention.rules.clock_sql import decided, marked, with_ids
from muniment.retention.rules.compile import ClauseClock, Clock, clocks
from muniment.retention.subjects import Subject

__all__ = ["deciding", "move_on"]


def deciding(
    session: CouncilSession, clock: Clock, subject: Subject, ids: Sequence[UUID]
) -> list[tuple[ClauseClock, Keys]]:
    """The clauses that decide about these rows of a class, each with those it decides about."""
    now = decided(clock, subject, with_ids(session, ids))
    grouped = select(now.c.place, packed(now.c.id)).where(now.c.place.is_not(None)).group_by(now.c.place)
    return [(clock.clauses[place], Keys(keys)) for place, keys in session.execute(grouped.order_by(now.c.place))]


def move_on(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> None:
    """The action of the stage that these rows are in has been done: move them on and clock them again.

    The caller holds the locks of their files. Of a rule without stages the deciding clause is marked as done. A row of
    which every clause is done is unclocked: nothing more is ever done to it by itself.
    """
    by_key = clocks(adopted(session))
    table, these = subject.table, with_ids(session, ids)
    present = session.scalars(select(table.c.record_class).where(these(table)).distinct()).all()
    for key in sorted(present):
        clock = by_key.get(key)
        if clock is not None:
            now = decided(clock, subject, these)
            done = now.c.stage + 1 if clock.combine == "sequence" else marked(table.c.stage, now.c.stage)
            session.execute(
                update(table)
                .where(table.c.council_id == now.c.council_id, table.c.id == now.c.id, now.c.place.is_not(None))
                .values(stage=done)
            )
    clock_rows(session, subject, these)
