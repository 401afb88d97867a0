"""Stages: when what a stage asks for has been done, its records are in the next one, with a day and an action of its
own."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update

from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention.clocks.current import clock_rows
from muniment.retention.rules.clock_sql import decided, with_ids
from muniment.retention.rules.compile import clocks
from muniment.retention.subjects import Subject

__all__ = ["move_on"]


def move_on(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> None:
    """The action of the stage that these rows are in has been done: move them on and clock them again.

    The caller holds the locks of their files. Rows whose rule has no stages are left as they are. A row beyond its last
    stage is unclocked: nothing more is ever done to it by itself.
    """
    by_key = clocks(adopted(session))
    table, these = subject.table, with_ids(ids)
    present = session.scalars(select(table.c.record_class).where(these(table)).distinct()).all()
    for key in sorted(present):
        clock = by_key.get(key)
        if clock is not None and clock.combine == "sequence":
            now = decided(clock, subject, these)
            session.execute(
                update(table)
                .where(table.c.council_id == now.c.council_id, table.c.id == now.c.id, now.c.place.is_not(None))
                .values(stage=now.c.stage + 1)
            )
    clock_rows(session, subject, these)
