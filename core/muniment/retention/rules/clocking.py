"""Clocking rows by a rule, whose SQL is written once and remembered.

Writing it takes Python longer than it takes the server to clock a file, and SQLAlchemy remembers no statement that has
a list of rows in it, as the clauses of a rule are one. What is remembered goes by the rule's hash, which changes
whenever its SQL could; the council, the keys of the rows and the day are given
each time.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Date, Uuid, and_, bindparam, func

from muniment.database.exchange import Statement
from muniment.database.packed import KEY_ARRAY, Keys
from muniment.database.session import CouncilSession
from muniment.retention.rules.clock_sql import ByKey, set_clocks
from muniment.retention.rules.compile import Clock
from muniment.retention.subjects import Subject

__all__ = ["Clocked", "clock"]

NOBODY = UUID(int=0)


class Clocked(NamedTuple):
    """What clocking came to: rows changed, and those of them that the change has made due."""

    clocked: int
    newly_due: int


def clock(
    session: CouncilSession, rule: Clock, subject: Subject, which: ByKey, today: date, *, leave: bool = False
) -> Clocked:
    """Clock those of the rows that are of the rule's class, as `set_clocks` says."""
    statement = _written(_Asked(rule, subject, which.name, leave))
    asked = {"council_id": which.council_id, "keys": which.keys, "today": today}
    (row,) = session.ask(statement, {**statement.constants, **asked})
    return Clocked(row.clocked, row.newly_due)


class _Asked:
    """A rule over rows named by a column, as a key of what is remembered."""

    def __init__(self, rule: Clock, subject: Subject, name: str, leave: bool) -> None:
        self.rule, self.subject, self.name, self.leave = rule, subject, name, leave
        self._key = (rule.key, rule.hash, subject.name, name, leave)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and other._key == self._key


@lru_cache(maxsize=1_000)
def _written(asked: _Asked) -> Statement:
    council_id, keys = bindparam("council_id", NOBODY, type_=Uuid()), bindparam("keys", Keys(), type_=KEY_ARRAY)
    written = set_clocks(
        asked.rule,
        asked.subject,
        lambda row: and_(row.c.council_id == council_id, row.c[asked.name] == func.any(keys)),
        bindparam("today", date.min, type_=Date()),
        leave=asked.leave,
    )
    return Statement(written)
