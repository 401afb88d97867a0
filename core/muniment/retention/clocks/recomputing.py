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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Uuid, and_, bindparam, case, false, func, or_, select, text
from sqlalchemy import not_ as negate

from muniment.database.exchange import written
from muniment.database.packed import Keys, packed
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.model import Policy
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.approval import arming
from muniment.retention.rules.clock_sql import COUNCIL, ByKey, with_ids
from muniment.retention.rules.clocked import adopted_now, stored_in
from muniment.retention.rules.clocking import clock
from muniment.retention.rules.compile import clocks, undeclared
from muniment.retention.rules.tables import Reclocking
from muniment.retention.subjects import SUBJECTS, Subject

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

PASSES = text("select distinct record_class, rule_hash from reclocking where council_id = :council_id")
FORGET = text(
    "delete from reclocking where council_id = :council_id and (record_class, rule_hash) in"
    " (select * from unnest(cast(:classes as text[]), cast(:rules as text[])))"
)
BEGIN = text(
    "insert into reclocking (council_id, kept_in, record_class, rule_hash)"
    " select :council_id, :kept_in, new.* from unnest(cast(:classes as text[]), cast(:rules as text[])) new"
    " on conflict (council_id, kept_in, record_class) do update"
    " set rule_hash = excluded.rule_hash, last_id = null, stand_for = '{}', finished_at = null"
    " where reclocking.rule_hash <> excluded.rule_hash"
)
STAND_FOR = text(
    "update reclocking set stand_for = cast(:stand_for as text[])"
    " where council_id = :council_id and kept_in = :kept_in and record_class = :record_class"
)
MOVE = text(
    "update reclocking set last_id = greatest(last_id, :last)"
    " where council_id = :council_id and kept_in = :kept_in and record_class = any(cast(:classes as text[]))"
)
FINISH = text(
    "update reclocking set last_id = null, finished_at = :now"
    " where council_id = :council_id and kept_in = :kept_in and record_class = any(cast(:classes as text[]))"
)
LEFT = {
    subject.name: text(
        f"select record_class, array_agg(distinct rule_hash) as hashes from {subject.name}"  # noqa: S608
        " where council_id = :council_id and id = any(:keys) and rule_hash is not null group by record_class"
    )
    for subject in SUBJECTS
}
LOCK = {
    subject.name: text(
        f"with locked as (select id from {subject.lock.name} where council_id = :council_id and id = any(:keys)"  # noqa: S608
        " order by id for no key update) select count(*) from locked"
    )
    for subject in SUBJECTS
}

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
    here = {"council_id": session.council_id, "kept_in": subject.name}
    [[now], stored, begun] = locks.shared(session, adopted_now(session), stored_in(session, subject), (BEGUN, here))
    if now.policy_hash != session.policy_hash:
        return None  # whoever adopted it has asked for another run
    under_way = _passes(session, subject, [row.name for row in stored], begun)
    places = [row.last_id or NOWHERE for row in under_way]
    wanted = {**here, "after": min([after or NOWHERE, *places]), "limit": limit}
    lines = session.ask(written(("stale", subject.name), lambda: _stale(subject)), wanted)
    rows = {line.record_class: with_ids(session, Keys(line.ids)) for line in lines}
    ids, lock_ids = Keys.joined(each.keys for each in rows.values()), Keys.joined(Keys(line.locks) for line in lines)
    if not ids:
        _move(session, subject, under_way, last=None)
        return None
    session.ask(LOCK[subject.name], {"council_id": session.council_id, "keys": lock_ids.distinct()})
    passing = frozenset(row.record_class for row in under_way)
    clock_classes(session, adopted(session), subject, rows, leave=passing)
    last, more = UUID(bytes=max(ids.raw)), len(ids) == limit
    _note_left(session, subject, under_way, ids)
    _move(session, subject, under_way, last=last if more else None)
    return Stale(last, more)


def _stale(subject: Subject) -> Select[str, bytes, bytes]:
    """The next rows that no rule in force has clocked, by class."""
    table = subject.table
    wanted = (
        select(table.c.id, subject.lock_id.label("lock_id"), table.c.record_class)
        .join_from(table, RECLOCKING, _of_pass(subject))
        .where(
            table.c.council_id == COUNCIL,
            table.c.disposal.is_(None),
            table.c.id > bindparam("after", None, Uuid()),
            or_(table.c.rule_hash.is_(None), _not_looked_at(subject)),
        )
    )
    found = wanted.order_by(table.c.id).limit(bindparam("limit", None, Integer())).subquery("found")
    ids, to_lock = packed(found.c.id).label("ids"), packed(found.c.lock_id).label("locks")
    return select(found.c.record_class, ids, to_lock).group_by(found.c.record_class)


def forget_passes(session: CouncilSession, rules: Mapping[str, str]) -> None:
    """Rules come into force, by class their hashes: passes under others say nothing any more."""
    here: dict[str, Any] = {"council_id": session.council_id}
    over = [
        (row.record_class, row.rule_hash)
        for row in session.ask(PASSES, here)
        if row.rule_hash != rules.get(row.record_class, undeclared(row.record_class).hash)
    ]
    if over:
        session.ask(FORGET, here | _by_class(over))


def _by_class(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    pairs = list(pairs)
    return {"classes": [key for key, _ in pairs], "rules": [rule for _, rule in pairs]}


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


def _passes(session: CouncilSession, subject: Subject, stored: Sequence[str], passes: Sequence[Any]) -> list[Any]:
    """The passes under way in a table, each locked, with one begun for every class stored that has had none under its
    rule.

    Whoever else recomputes the same table waits here, and then goes on from where this chunk ends.
    """
    here = {"council_id": session.council_id, "kept_in": subject.name}
    by_key = clocks(adopted(session))
    begun = {row.record_class: row for row in passes}
    rules = [(key, (by_key.get(key) or undeclared(key)).hash) for key in stored]
    new = [(key, rule) for key, rule in rules if key not in begun or begun[key].rule_hash != rule]
    if not new and all(row.finished_at is not None for row in begun.values()):
        return []
    return session.ask_together((BEGIN, here | _by_class(new)), (UNDER_WAY, here))[1]


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
    to_come = or_(RECLOCKING.c.last_id.is_(None), table.c.id > RECLOCKING.c.last_id)
    under_way = RECLOCKING.c.finished_at.is_(None)
    return and_(table.c.rule_hash != RECLOCKING.c.rule_hash, case((under_way, to_come), else_=negate(stood_for)))


def _note_left(session: CouncilSession, subject: Subject, passes: Sequence[Any], ids: Keys) -> None:
    """Of these rows some were left with the hashes that they have: what those are, each pass remembers."""
    if not passes:
        return
    here = {"council_id": session.council_id, "kept_in": subject.name}
    hashes = {row.record_class: row.hashes for row in session.ask(LEFT[subject.name], here | {"keys": ids})}
    for row in passes:
        stand_for = sorted({*row.stand_for, *hashes.get(row.record_class, ())} - {row.rule_hash})
        if stand_for != row.stand_for:
            session.ask(STAND_FOR, here | {"record_class": row.record_class, "stand_for": stand_for})


def _move(session: CouncilSession, subject: Subject, passes: Sequence[Any], last: UUID | None) -> None:
    """The passes have come as far as `last`; None: every row of their classes was looked at, and from now on what was
    left is clocked by the rule in force."""
    if not passes:
        return
    here = {"council_id": session.council_id, "kept_in": subject.name}
    classes = [row.record_class for row in passes]
    if last is None:
        session.ask(FINISH, here | {"classes": classes, "now": session.clock.now()})
    else:
        session.ask(MOVE, here | {"classes": classes, "last": last})
