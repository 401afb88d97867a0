"""What is due for an errand of the sweep: the condition, the walk through it, and the locks of the next files.

`due_on` is an index and no authority: only rows are taken that the rule in force has clocked. Writing such a statement
takes Python longer than it takes the server to find a file, so those about the plain errand are written once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    select,
    true,
    tuple_,
)

from muniment.database.exchange import written
from muniment.database.packed import Keys, any_of, packed
from muniment.database.session import CouncilSession
from muniment.retention.disposal.errands import DESTROYING, Errand
from muniment.retention.rules.clock_sql import COUNCIL
from muniment.retention.rules.clocked import rules_of
from muniment.retention.subjects import Subject

__all__ = ["BEGINNING", "Due", "Place", "due_for", "lock_due", "next_places"]

Place = tuple[date, UUID]
"""How far a run has come: the last `due_on` and file (or register) looked at."""

BEGINNING: Place = (date.min, UUID(int=0))

DAY: Final = bindparam("after_day", None, Date())
KEY: Final = bindparam("after_key", None, Uuid())
LIMIT: Final = bindparam("limit", None, Integer())
ONLY: Final = bindparam("only", None, Uuid())


Condition = ColumnElement[bool]
Write = Callable[[Condition], Select[*tuple[Any, ...]]]


@dataclass(frozen=True)
class Due:
    """Rows of a clocked table that are due for an errand today, of classes whose rule is armed. `rules` are these
    classes, each with each hash that its rows may bear."""

    subject: Subject
    errand: Errand
    council_id: UUID
    today: date
    rules: Sequence[tuple[str, str]]

    @property
    def condition(self) -> Condition:
        """The condition on a row."""
        values = self._values
        return self._written(lambda name, kind: bindparam(name, values[name], kind))

    def of(self, locks: Keys) -> Condition:
        """The condition on a row that it is due and lies in one of these files (or registers)."""
        return and_(self.condition, any_of(self.subject.lock_id, locks))

    def ask(
        self, session: CouncilSession, name: str, write: Write, values: Mapping[str, object], *, anew: bool = False
    ) -> Sequence[Any]:
        """The rows of a statement that `write` makes of the condition.

        For the plain errand it is written once and goes by its `name`, unless something in it is another each time
        (`anew`).
        """
        values = {"council_id": self.council_id, **values}
        if anew or self.errand is not DESTROYING:
            return session.execute(write(self.condition), values).all()
        key = ("due", name, self.subject.name, len(self.rules))
        standing = written(key, lambda: write(self._written(lambda name, kind: bindparam(name, None, kind))))
        return session.ask(standing, {**self._values, **values})

    @property
    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {"of_council": self.council_id, "due_before": self.today}
        for place, (record_class, rule) in enumerate(self.rules):
            values |= {f"class_{place}": record_class, f"rule_{place}": rule}
        return values

    def _written(self, given: Callable[[str, Any], BindParameter[Any]]) -> Condition:
        table, text = self.subject.table, Text()
        places = range(len(self.rules))
        clocked = [tuple_(given(f"class_{place}", text), given(f"rule_{place}", text)) for place in places]
        return and_(
            table.c.council_id == given("of_council", Uuid()),
            table.c.due_on < given("due_before", Date()),
            tuple_(table.c.record_class, table.c.rule_hash).in_(clocked),
            table.c.action == self.errand.action,
            table.c.disposal.is_(None),
            self.errand.also(self.subject, self.today),
        )


def due_for(session: CouncilSession, subject: Subject, errand: Errand, classes: Collection[str]) -> Due:
    """What is due for an errand, of classes whose rule is armed."""
    return Due(subject, errand, session.council_id, session.clock.today(), rules_of(session, subject, classes))


def next_places(session: CouncilSession, due: Due, after: Place, limit: int) -> list[Place]:
    """Days and files of the next chunk after `after`, looked at and not locked."""
    rows = due.ask(session, "walk", lambda condition: _walk(due.subject, condition), _beyond(after, limit))
    return [(row.due_on, row.lock_id) for row in rows]


def lock_due(
    session: CouncilSession, due: Due, after: Place, limit: int, only: UUID | None
) -> tuple[Place | None, Keys]:
    """Lock the next files that have something due, passing over those that somebody else has locked.

    Returns the last place walked and the keys locked. The walk follows the index of what is due, each day and file
    once, and ends at its limit, so that a chunk costs a chunk and a file is locked once however much is due in it. Of
    two sweepers that walk the same places, the one that comes second finds them locked and walks on.
    """
    subject, values = due.subject, _beyond(after, limit)
    if only is None:
        rows = due.ask(session, "lock", lambda condition: _lock(subject, _walk(subject, condition)), values)
    else:
        one = subject.lock_id == ONLY
        rows = due.ask(
            session,
            "lock one",
            lambda condition: _lock(subject, _walk(subject, condition, one)),
            values | {"only": only},
        )
    return ((rows[0].due_on, rows[0].lock_id), Keys(rows[0].ids).distinct()) if rows else (None, Keys())


def _beyond(after: Place, limit: int) -> dict[str, object]:
    return {"after_day": after[0], "after_key": after[1], "limit": limit}


def _walk(subject: Subject, *conditions: Condition) -> Select[date, UUID]:
    """Days and files in the order of a walk, beyond a place in it."""
    day, key = subject.table.c.due_on, subject.lock_id
    beyond = tuple_(day, key) > tuple_(DAY, KEY)
    places = select(day, key.label("lock_id")).where(*conditions, beyond)
    return places.distinct().order_by(day, key).limit(LIMIT)


def _lock(subject: Subject, places: Select[date, UUID]) -> Select[date, UUID, bytes]:
    lock, walked = subject.lock, places.cte("walked").prefix_with("materialized")
    mine = and_(lock.c.council_id == COUNCIL, lock.c.id == walked.c.lock_id)
    held_by_us = select(lock.c.id).join_from(walked, lock, mine)
    locked = held_by_us.with_for_update(key_share=True, skip_locked=True, of=lock).cte("locked")
    last = select(walked).order_by(walked.c.due_on.desc(), walked.c.lock_id.desc()).limit(1).subquery("last")
    ours = select(packed(locked.c.id).label("ids")).subquery("ours")
    return select(last.c.due_on, last.c.lock_id, ours.c.ids).join_from(last, ours, true())
