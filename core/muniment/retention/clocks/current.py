"""Keeping clocks true: when something changes that a clause can read, the rows concerned are clocked again.

Few rows are clocked in the transaction of the change. Of many, only the rule's hash is unset there, which takes them
out of reach of a sweep at once, and an actor clocks them afterwards: being late can delay a disposal and never cause
one.
A new policy unsets nothing: its rules have other hashes, and a sweep takes only what the rules in force have clocked.
What becomes of rows under it is for `recomputing`.

Whoever clocks rows has locked their files (or registers) first and shares the council's lock, so that no clock is set
from facts that a transaction committed meanwhile has changed. Nor is one set by a rule that was replaced meanwhile:
which policy is in force is asked with that lock in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, TextClause, and_, func, or_, select, text, tuple_, update
from sqlalchemy import not_ as negate

from muniment.clients.locks import LIMIT_AGAIN
from muniment.database.session import CouncilSession
from muniment.database.signals import FilesChanged, PolicyAdopted, ProgrammeChanged, RegistersChanged
from muniment.policy.store import in_force
from muniment.retention import locks
from muniment.retention.approval import arming
from muniment.retention.clocks.recomputing import clock_classes, forget_passes
from muniment.retention.rules.clock_sql import ByKey, Rows, with_ids
from muniment.retention.rules.clocked import adopted_now
from muniment.retention.rules.compile import UNDECLARED, clocks
from muniment.retention.subjects import RECORDS, REGISTERS, SUBJECTS, Subject

__all__ = [
    "FEW",
    "RECOMPUTE",
    "clock_rows",
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


def clock_rows(session: CouncilSession, subject: Subject, which: ByKey) -> int:
    """Clock rows under the rules in force; the caller holds their locks. Returns how many changed.

    Where another policy was adopted since the transaction began, by that one's. Rows that a change has made due count
    against the arming of their rule (`arming.note_newly_due`). Before a first policy nothing is clocked.
    """
    of_rows = _classes(subject.name, which.name), {"council_id": which.council_id, "keys": which.keys}
    classes, [now] = locks.shared(session, of_rows, adopted_now(session))
    if not classes or now.policy_hash is None:
        return 0
    policy = in_force(session, now.policy_hash)
    return clock_classes(session, policy, subject, {row.record_class: which for row in classes})


@lru_cache
def _classes(table: str, column: str) -> TextClause:
    """The statement that finds the classes of rows of a clocked table that are named by a column."""
    return text(
        f"select distinct record_class from {table} where council_id = :council_id"  # noqa: S608  # names of our own
        f" and {column} = any(cast(:keys as uuid[])) and disposal is null"
    )


def unset(session: CouncilSession, subject: Subject, which: Rows) -> None:
    """Take rows out of reach of a sweep until they are clocked again. Their `due_on` stays as it was."""
    table = subject.table
    session.execute(update(table).where(which(table), table.c.rule_hash.is_not(None)).values(rule_hash=None))


def changed(session: CouncilSession, subject: Subject, lock_ids: Sequence[UUID], many: Callable[[], None]) -> None:
    """Files or registers have changed: clock what lies under them, or, if they are many, have it done."""
    if not lock_ids:
        return
    which = with_ids(session, lock_ids, subject.lock_column)
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
    which = with_ids(session, file_ids, RECORDS.lock_column)
    clock_rows(session, RECORDS, which)
    table, today = RECORDS.table, session.clock.today()
    beyond = func.bool_and(and_(table.c.due_on.is_not(None), table.c.due_on < today))
    found = session.scalars(select(table.c.file_id).where(which(table)).group_by(table.c.file_id).having(beyond))
    return frozenset(found)


def on_files_changed(session: CouncilSession, payload: FilesChanged) -> None:
    """Client files have changed. No clause reads what stands between a file and its use."""
    if payload.what <= {"limit", LIMIT_AGAIN}:
        return
    changed(session, RECORDS, payload.file_ids, lambda: _ask(session))


def on_registers_changed(session: CouncilSession, payload: RegistersChanged) -> None:
    """Registers have changed."""
    changed(session, REGISTERS, payload.register_ids, lambda: _ask(session))


def on_programme_changed(session: CouncilSession, payload: ProgrammeChanged) -> None:
    """A programme has ended, or is said to have ended on another day: every rule that reads programmes is affected.

    Takes the council's lock alone, for a chunk under way may have read the programme as it was.
    """
    [[now]] = locks.alone(session, adopted_now(session))
    if now.policy_hash is None:
        return
    by_key = clocks(in_force(session, now.policy_hash))
    reading = [key for key, clock in by_key.items() if clock.reads_programmes]
    rules = [(key, clock.hash) for key, clock in by_key.items()]
    for subject in SUBJECTS:
        unset(
            session,
            subject,
            lambda row: and_(
                row.c.council_id == session.council_id,
                or_(row.c.record_class.in_(reading), _by_another(row, rules)),
            ),
        )
    _ask(session)


def _by_another(row: FromClause, rules: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    """Whether a rule that is not in force clocked a row: nobody remembers what that one reads."""
    by_one = tuple_(row.c.record_class, row.c.rule_hash).in_(rules)
    return and_(row.c.rule_hash != UNDECLARED, negate(by_one))


def on_policy_adopted(session: CouncilSession, payload: PolicyAdopted) -> None:
    """Another policy is in force: no chunk under the old one may be under way. Passes under rules that it replaces are
    begun anew, and nobody has approved the new ones yet."""
    locks.alone(session)
    rules = {key: clock.hash for key, clock in clocks(in_force(session, payload.after)).items()}
    forget_passes(session, rules)
    arming.end_replaced(session, rules)
    _ask(session)


def _ask(session: CouncilSession) -> None:
    session.ring(RECOMPUTE, (session.council_id,))
