"""Recomputing: whatever no rule in force has clocked is clocked, chunk by chunk, in the background.

After an adoption that is every row of each class whose rule was replaced. Most of them come to what they had, and are
left as they are; so that they count as clocked all the same, a *pass* looks at every row of the class and then says
which rules stand for the one in force (`rules.clocked`). How far it is lies in the database (`Reclocking`): a killed
pass goes on where its last committed chunk ended. One under a rule that is replaced meanwhile is forgotten with the
adoption, and anew is begun.

Why a row that is left is right: its hash was set by a rule that was in force before this one, and no transaction sets
such a hash after this one's adoption (`current.clock_rows`); so whatever changed of its facts since then has had it
clocked by this one, or unset it. The pass has seen each of the others, with its file locked, and found this rule to
come to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    and_,
    case,
    delete,
    false,
    func,
    null,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy import not_ as negate
from sqlalchemy.dialects.postgresql import insert

from muniment.database.packed import Keys, packed
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.model import Policy
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.approval import arming
from muniment.retention.rules.clock_sql import ByKey, with_ids
from muniment.retention.rules.clocked import adopted_now, classes_stored
from muniment.retention.rules.clocking import clock
from muniment.retention.rules.compile import clocks, undeclared
from muniment.retention.rules.tables import Reclocking
from muniment.retention.subjects import Subject

__all__ = ["CHUNK", "Stale", "clock_classes", "clock_stale", "forget_passes", "looked_at"]

RECLOCKING = table_of(Reclocking)
NOWHERE = UUID(int=0)

BEGUN = text(
    "select record_class, rule_hash, finished_at from reclocking where council_id = :council_id and kept_in = :kept_in"
)
UNDER_WAY = text(
    "select record_class, rule_hash, last_id, stand_for from reclocking where council_id = :council_id"
    " and kept_in = :kept_in and finished_at is null order by record_class for update"
)

CHUNK = 5_000
"""Rows looked at in one transaction by the actor: their files are locked for as long as that takes."""


@dataclass(frozen=True)
class Stale:
    """How far recomputing has come: the last row looked at in a table, and whether there may be more beyond it."""

    last: UUID
    more: bool


def clock_classes(
    session: CouncilSession,
    policy: Policy,
    subject: Subject,
    rows: Mapping[str, ByKey],
    leave: frozenset[str] = frozenset(),
) -> int:
    """Clock those of the rows given for each class that are of it, in one statement; returns how many changed. The
    caller holds the locks, and `policy` is in force.

    Of the classes in `leave` those rows are left as they are for which the rule comes to what they have.
    """
    by_key = clocks(policy)
    today = session.clock.today()
    changed = 0
    for key, which in sorted(rows.items()):
        rule = by_key.get(key) or undeclared(key)
        line = clock(session, rule, subject, which, today, leave=key in leave)
        changed += line.clocked
        if line.newly_due:
            arming.note_newly_due(session, subject, key, line.newly_due)
    return changed


def clock_stale(session: CouncilSession, subject: Subject, after: UUID | None, limit: int = CHUNK) -> Stale | None:
    """Look at the next rows, in order of id, that no rule in force has clocked; None where there are none.

    One chunk, one transaction. `after` is the last row of the chunk before, None to begin: what was unset is found
    from there on, and the rows of each pass from where that stands. The chunk that finds fewer than it may look at
    ends the passes.
    """
    [[now]] = locks.shared(session, adopted_now(session))
    if now.policy_hash != session.policy_hash:
        return None  # whoever adopted it has asked for another run
    under_way = _passes(session, subject)
    places = [row.last_id or NOWHERE for row in under_way]
    table = subject.table
    wanted = (
        select(table.c.id, subject.lock_id.label("lock_id"), table.c.record_class)
        .join_from(table, RECLOCKING, _of_pass(subject))
        .where(
            table.c.council_id == session.council_id,
            table.c.disposal.is_(None),
            table.c.id > min([after or NOWHERE, *places]),
            or_(table.c.rule_hash.is_(None), _not_looked_at(subject)),
        )
    )
    found = wanted.order_by(table.c.id).limit(limit).subquery("found")
    by_class = select(found.c.record_class, packed(found.c.id), packed(found.c.lock_id)).group_by(found.c.record_class)
    lines = session.execute(by_class).all()
    rows = {line[0]: with_ids(session, Keys(line[1])) for line in lines}
    ids, lock_ids = Keys.joined(each.keys for each in rows.values()), Keys.joined(Keys(line[2]) for line in lines)
    if not ids:
        _move(session, subject, under_way, last=None)
        return None
    lock = subject.lock
    locked = (
        select(lock.c.id)
        .where(with_ids(session, lock_ids.distinct())(lock))
        .order_by(lock.c.id)
        .with_for_update(key_share=True)
    )
    session.execute(select(func.count()).select_from(locked.cte("locked")))
    passing = frozenset(row.record_class for row in under_way)
    clock_classes(session, adopted(session), subject, rows, leave=passing)
    last, more = UUID(bytes=max(ids.raw)), len(ids) == limit
    _note_left(session, subject, under_way, ids)
    _move(session, subject, under_way, last=last if more else None)
    return Stale(last, more)


def forget_passes(session: CouncilSession, rules: Mapping[str, str]) -> None:
    """Rules come into force, by class their hashes: passes under others say nothing any more."""
    passes = select(RECLOCKING.c.record_class, RECLOCKING.c.rule_hash).where(
        RECLOCKING.c.council_id == session.council_id
    )
    over = [
        (row.record_class, row.rule_hash)
        for row in session.execute(passes.distinct())
        if row.rule_hash != rules.get(row.record_class, undeclared(row.record_class).hash)
    ]
    gone = tuple_(RECLOCKING.c.record_class, RECLOCKING.c.rule_hash).in_(over)
    if over:
        session.execute(delete(RECLOCKING).where(RECLOCKING.c.council_id == session.council_id, gone))


def looked_at(session: CouncilSession, subject: Subject) -> ColumnElement[bool]:
    """Whether the pass under way over its class has left a row as it is."""
    table, by_key = subject.table, clocks(adopted(session))
    passes = select(RECLOCKING).where(
        RECLOCKING.c.council_id == session.council_id,
        RECLOCKING.c.kept_in == subject.name,
        RECLOCKING.c.finished_at.is_(None),
    )
    left = [
        and_(table.c.record_class == row.record_class, table.c.id <= row.last_id, table.c.rule_hash.in_(row.stand_for))
        for row in session.execute(passes)
        if row.rule_hash == (by_key.get(row.record_class) or undeclared(row.record_class)).hash and row.stand_for
    ]
    return or_(false(), *left)


def _passes(session: CouncilSession, subject: Subject) -> list[Any]:
    """The passes under way in a table, each locked, with one begun for every class that has had none under its rule.

    Whoever else recomputes the same table waits here, and then goes on from where this chunk ends.
    """
    here = {"council_id": session.council_id, "kept_in": subject.name}
    by_key = clocks(adopted(session))
    rules = {key: (by_key.get(key) or undeclared(key)).hash for key in classes_stored(session, subject)}
    begun = {row.record_class: row for row in session.ask(BEGUN, here)}
    new = [
        here | {"record_class": key, "rule_hash": rule}
        for key, rule in rules.items()
        if key not in begun or begun[key].rule_hash != rule
    ]
    if not new and all(row.finished_at is not None for row in begun.values()):
        return []
    if new:
        statement = insert(RECLOCKING).values(new)
        anew: dict[str, Any] = {"last_id": None, "stand_for": [], "finished_at": None}
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["council_id", "kept_in", "record_class"],
                set_=anew | {"rule_hash": statement.excluded.rule_hash},
                where=RECLOCKING.c.rule_hash != statement.excluded.rule_hash,
            )
        )
    return session.ask(UNDER_WAY, here)


def _of_pass(subject: Subject) -> ColumnElement[bool]:
    table = subject.table
    return and_(
        RECLOCKING.c.council_id == table.c.council_id,
        RECLOCKING.c.kept_in == subject.name,
        RECLOCKING.c.record_class == table.c.record_class,
    )


def _not_looked_at(subject: Subject) -> ColumnElement[bool]:
    """Whether a row that some rule has clocked is still to be looked at in the pass over its class."""
    table = subject.table
    stood_for = table.c.rule_hash == func.any(RECLOCKING.c.stand_for)
    to_come = table.c.id > func.coalesce(RECLOCKING.c.last_id, NOWHERE)
    under_way = RECLOCKING.c.finished_at.is_(None)
    return and_(table.c.rule_hash != RECLOCKING.c.rule_hash, case((under_way, to_come), else_=negate(stood_for)))


def _note_left(session: CouncilSession, subject: Subject, passes: Sequence[Any], ids: Keys) -> None:
    """Of these rows some were left with the hashes that they have: what those are, each pass remembers."""
    if not passes:
        return
    table = subject.table
    left = (
        select(table.c.record_class, func.array_agg(table.c.rule_hash.distinct(), type_=ARRAY(Text)).label("hashes"))
        .where(table.c.council_id == session.council_id, with_ids(session, ids)(table), table.c.rule_hash.is_not(None))
        .group_by(table.c.record_class)
    )
    hashes = {row.record_class: row.hashes for row in session.execute(left)}
    for row in passes:
        stand_for = sorted({*row.stand_for, *hashes.get(row.record_class, ())} - {row.rule_hash})
        if stand_for != row.stand_for:
            _set(session, subject, [row.record_class], stand_for=stand_for)


def _move(session: CouncilSession, subject: Subject, passes: Sequence[Any], last: UUID | None) -> None:
    """The passes have come as far as `last`; None: every row of their classes was looked at, and from now on what was
    left is clocked by the rule in force."""
    if not passes:
        return
    classes = [row.record_class for row in passes]
    if last is None:
        _set(session, subject, classes, last_id=null(), finished_at=session.clock.now())
    else:
        _set(session, subject, classes, last_id=func.greatest(RECLOCKING.c.last_id, last))


def _set(session: CouncilSession, subject: Subject, classes: Sequence[str], **values: Any) -> None:
    here = RECLOCKING.c.council_id == session.council_id, RECLOCKING.c.kept_in == subject.name
    session.execute(update(RECLOCKING).where(*here, RECLOCKING.c.record_class.in_(classes)).values(values))
