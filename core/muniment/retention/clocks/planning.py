"""What another policy would do to what is stored, before anybody adopts it: days that move, approvals that end."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import ColumnElement, Date, and_, case, func, literal, select

from muniment.database.session import CouncilSession
from muniment.policy.model import Policy
from muniment.policy.plan import Consequences, Moved, Waiting
from muniment.policy.store import adopted_or_none
from muniment.retention.approval.arming import replaced
from muniment.retention.clocks.walking import CHUNK, in_chunks
from muniment.retention.rules.clock_sql import decided
from muniment.retention.rules.clocked import classes_stored, is_clocked
from muniment.retention.rules.compile import Clock, clocks, undeclared
from muniment.retention.subjects import SUBJECTS, Subject

__all__ = ["foresee"]

NO_DATE = ""
Slot = tuple[str, str]
"""The month before and the month after."""


def foresee(session: CouncilSession, policy: Policy, chunk: int = CHUNK) -> Consequences:
    """The records whose last day kept would be another under `policy`, by class, by the month of the day that they have
    and of the one that they would have; those that wait to be clocked; and the classes whose approval would end.

    Computed by the same SQL that would set the clocks; nothing is written and nothing locked. A class whose rule stays
    as it is is not looked at.
    """
    before = adopted_or_none(session)
    in_force = clocks(before) if before is not None else {}
    planned = clocks(policy)
    moved: Counter[tuple[str, Slot]] = Counter()
    newly_due: Counter[tuple[str, Slot]] = Counter()
    waiting: Counter[str] = Counter()
    for subject in SUBJECTS:
        for key in classes_stored(session, subject):
            clock = planned.get(key) or undeclared(key)
            if (in_force.get(key) or undeclared(key)).hash == clock.hash:
                continue
            for was, month, is_set, records, due in _moved(session, subject, clock, before is not None, chunk):
                if not is_set:
                    waiting[key] += records
                    continue
                moved[key, (was, month)] += records
                newly_due[key, (was, month)] += due
    return Consequences(
        moved=tuple(
            Moved(key, was, month, count, newly_due[key, (was, month)])
            for (key, (was, month)), count in sorted(moved.items())
        ),
        waiting=tuple(Waiting(key, count) for key, count in sorted(waiting.items())),
        disarmed=tuple(row.record_class for row in replaced(session, {key: one.hash for key, one in planned.items()})),
    )


def _moved(
    session: CouncilSession, subject: Subject, clock: Clock, is_adopted: bool, chunk: int
) -> list[tuple[str, str, bool, int, int]]:
    """The rows of a class that would move or that wait, by month, month and whether they are clocked; and how many of
    them would be newly due. Before a first policy everything moves from nowhere and nothing waits."""
    table, today = subject.table, literal(session.clock.today(), Date)
    is_set: ColumnElement[bool] = (
        func.coalesce(is_clocked(session, subject, [clock.key]), False) if is_adopted else (literal(True))
    )
    found: list[tuple[str, str, bool, int, int]] = []
    for which in in_chunks(session, subject, clock.key, chunk):
        now = decided(clock, subject, which)
        was, then = _month(case((is_set, now.c.due_before))), _month(case((is_set, now.c.due_on)))
        due = and_(now.c.due_on < today, func.coalesce(now.c.due_before >= today, True))
        rows = (
            select(was.label("was"), then.label("then"), is_set.label("is_set"), func.coalesce(due, False).label("due"))
            .join_from(now, table, and_(table.c.council_id == now.c.council_id, table.c.id == now.c.id))
            .where(case((is_set, now.c.due_on.is_distinct_from(now.c.due_before)), else_=True))
            .subquery("rows")
        )
        counted = select(rows.c.was, rows.c.then, rows.c.is_set, func.count(), func.count().filter(rows.c.due))
        found += [tuple(row) for row in session.execute(counted.group_by(rows.c.was, rows.c.then, rows.c.is_set))]
    return found


def _month(day: ColumnElement[object]) -> ColumnElement[str]:
    return func.coalesce(func.to_char(day, "YYYY-MM"), NO_DATE)
