"""What another policy would do to the due dates that are stored, before anybody adopts it."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from muniment.database.session import CouncilSession
from muniment.policy.model import Policy
from muniment.policy.plan import Moved
from muniment.policy.store import adopted_or_none
from muniment.retention.clocks.walking import CHUNK, in_chunks
from muniment.retention.rules.clock_sql import decided
from muniment.retention.rules.compile import Clock, clocks, undeclared
from muniment.retention.subjects import SUBJECTS, Subject

__all__ = ["due_dates_moved"]

NO_DATE = ""


def due_dates_moved(session: CouncilSession, policy: Policy, chunk: int = CHUNK) -> tuple[Moved, ...]:
    """The records whose last day kept would be another under `policy`, by class and the month of the new day.

    Computed by the same SQL that would set the clocks; nothing is written and nothing locked. A class whose rule stays
    as it is is not looked at. Where a change has not been clocked yet, the stored day is the one from before it.
    """
    before = adopted_or_none(session)
    in_force = clocks(before) if before is not None else {}
    planned = clocks(policy)
    moved: list[Moved] = []
    for subject in SUBJECTS:
        table = subject.table
        stored = select(table.c.record_class).where(table.c.council_id == session.council_id).distinct()
        for key in session.scalars(stored.order_by(table.c.record_class)).all():
            clock = planned.get(key) or undeclared(key)
            if key in in_force and in_force[key].hash == clock.hash:
                continue
            months = _months(session, subject, clock, chunk)
            moved += (Moved(key, month, count) for month, count in sorted(months.items()))
    return tuple(moved)


def _months(session: CouncilSession, subject: Subject, clock: Clock, chunk: int) -> Counter[str]:
    months: Counter[str] = Counter()
    for which in in_chunks(session, subject, clock.key, chunk):
        now = decided(clock, subject, which)
        month = func.coalesce(func.to_char(now.c.due_on, "YYYY-MM"), NO_DATE)
        found = select(month, func.count()).where(now.c.due_on.is_distinct_from(now.c.due_before)).group_by(month)
        for name, count in session.execute(found).all():
            months[name] += count
    return months
