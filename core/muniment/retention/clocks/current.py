"""Keeping clocks true: when something changes that a clause can read, the rows concerned are clocked again.

Few rows are clocked in the transaction of the change. Of many, only the rule's hash is unset there, which takes them
out of reach of a sweep at once, and an actor clocks them afterwards: being late can delay a disposal and never cause
one.
A new policy unsets nothing: its rules have other hashes, and a sweep takes only what the rules in force have clocked.

Whoever clocks rows has locked their files (or registers) first and shares the council's lock, so that no clock is set
from facts that a transaction committed meanwhile has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Text, and_, column, func, select, update, values

from muniment.database.packed import Keys, packed
from muniment.database.session import CouncilSession
from muniment.database.signals import FilesChanged, PolicyAdopted, ProgrammeChanged, RegistersChanged
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.approval import arming
from muniment.retention.rules.clock_sql import Rows, set_clocks, with_ids
from muniment.retention.rules.compile import UNDECLARED, clocks, undeclared
from muniment.retention.subjects import RECORDS, REGISTERS, SUBJECTS, Subject

__all__ = [
    "FEW",
    "RECOMPUTE",
    "Stale",
    "clock_rows",
    "clock_stale",
    "on_files_changed",
    "on_policy_adopted",
    "on_programme_changed",
    "on_registers_changed",
    "past_period",
]

FEW = 500
"""Files or registers; up to so many are clocked in the transaction that changed them."""

RECOMPUTE = "retention.recompute"
"""The actor that clocks what is not clocked (`muniment.retention.actors`)."""

CHUNK = 5_000
"""Rows clocked in one transaction by the actor: their files are locked for as long as that takes."""


def clock_rows(session: CouncilSession, subject: Subject, which: Rows) -> int:
    """Clock rows under the rules in force; the caller holds their locks. Returns how many changed.

    Rows that a change has made due count against the arming of their rule (`arming.note_newly_due`).
    """
    locks.shared(session)
    present = session.scalars(
        select(subject.table.c.record_class).where(which(subject.table), subject.table.c.disposal.is_(None)).distinct()
    )
    return _clock_classes(session, subject, which, present)


def _clock_classes(session: CouncilSession, subject: Subject, which: Rows, classes: Iterable[str]) -> int:
    """One statement for each class; returns how many rows changed."""
    by_key = clocks(adopted(session))
    today = session.clock.today()
    changed = 0
    for key in sorted(classes):
        clock = by_key.get(key) or undeclared(key)
        line = session.execute(set_clocks(clock, subject, which, today)).one()
        changed += line.clocked
        if line.newly_due:
            arming.note_newly_due(session, subject, key, line.newly_due)
    return changed


def unset(session: CouncilSession, subject: Subject, which: Rows) -> None:
    """Take rows out of reach of a sweep until they are clocked again. Their `due_on` stays as it was."""
    table = subject.table
    session.execute(update(table).where(which(table), table.c.rule_hash.is_not(None)).values(rule_hash=None))


def changed(session: CouncilSession, subject: Subject, lock_ids: Sequence[UUID], many: Callable[[], None]) -> None:
    """Files or registers have changed: clock what lies under them, or, if they are many, have it done."""
    if session.policy_hash is None or not lock_ids:
        return
    which = with_ids(lock_ids, subject.lock_column)
    if len(lock_ids) <= FEW:
        clock_rows(session, subject, which)
    else:
        unset(session, subject, which)
        many()


def past_period(session: CouncilSession, file_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these files, just written in this transaction, hold nothing but records beyond their period.

    For an import: what is beyond its period comes in only as history. The files' records are clocked by this.
    """
    if not file_ids or session.policy_hash is None:
        return frozenset()
    which = with_ids(file_ids, RECORDS.lock_column)
    clock_rows(session, RECORDS, which)
    table, today = RECORDS.table, session.clock.today()
    beyond = func.bool_and(and_(table.c.due_on.is_not(None), table.c.due_on < today))
    found = session.scalars(select(table.c.file_id).where(which(table)).group_by(table.c.file_id).having(beyond))
    return frozenset(found)


@dataclass(frozen=True)
class Stale:
    """How far recomputing has come: the last row looked at in a table, and how many rows were clocked there."""

    last: UUID | None
    clocked: int


def clock_stale(session: CouncilSession, subject: Subject, after: UUID | None, limit: int = CHUNK) -> Stale | None:
    """Clock the next rows, in order of id, that no rule in force has clocked; None when there are no more.

    One chunk, one transaction. Nothing is remembered between chunks but the place, so that a killed run starts anew
    and finds what is left.
    """
    locks.shared(session)
    by_key = clocks(adopted(session))
    table = subject.table
    in_force = values(column("key", Text()), column("hash", Text()), name="in_force").data(
        [(key, clock.hash) for key, clock in by_key.items()] or [(UNDECLARED, UNDECLARED)]
    )
    wanted = select(table.c.id, subject.lock_id.label("lock_id"), table.c.record_class).select_from(
        table.outerjoin(in_force, in_force.c.key == table.c.record_class)
    )
    wanted = wanted.where(
        table.c.disposal.is_(None),
        table.c.rule_hash.is_distinct_from(func.coalesce(in_force.c.hash, UNDECLARED)),
        *([table.c.id > after] if after else []),
    )
    found = wanted.order_by(table.c.id).limit(limit).subquery("found")
    classes = func.array_agg(found.c.record_class.distinct(), type_=ARRAY(Text))
    line = session.execute(select(packed(found.c.id), packed(found.c.lock_id), classes)).one()
    ids, lock_ids = Keys(line[0]), Keys(line[1]).distinct()
    if not ids:
        return None
    lock = subject.lock
    locked = select(lock.c.id).where(with_ids(lock_ids)(lock)).order_by(lock.c.id).with_for_update(key_share=True)
    session.execute(select(func.count()).select_from(locked.cte("locked")))
    count = _clock_classes(session, subject, with_ids(ids), line[2])
    return Stale(UUID(bytes=max(ids.raw)), count)


def on_files_changed(session: CouncilSession, payload: FilesChanged) -> None:
    """Client files have changed. No clause reads what stands between a file and its use."""
    if payload.what <= {"limit"}:
        return
    changed(session, RECORDS, payload.file_ids, lambda: _ask(session))


def on_registers_changed(session: CouncilSession, payload: RegistersChanged) -> None:
    """Registers have changed."""
    changed(session, REGISTERS, payload.register_ids, lambda: _ask(session))


def on_programme_changed(session: CouncilSession, payload: ProgrammeChanged) -> None:
    """A programme has ended, or is said to have ended on another day: every rule that reads programmes is affected.

    Takes the council's lock alone, for a chunk under way may have read the programme as it was.
    """
    if session.policy_hash is None:
        return
    keys = [key for key, clock in clocks(adopted(session)).items() if clock.reads_programmes]
    if not keys:
        return
    locks.alone(session)
    for subject in SUBJECTS:
        unset(session, subject, lambda row: row.c.record_class.in_(keys))
    _ask(session)


def on_policy_adopted(session: CouncilSession, payload: PolicyAdopted) -> None:
    """Another policy is in force: no chunk under the old one may be under way, and clocks are to be set."""
    locks.alone(session)
    _ask(session)


def _ask(session: CouncilSession) -> None:
    session.ring(RECOMPUTE, (session.council_id,))
