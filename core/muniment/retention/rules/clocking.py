"""Clocking rows by a rule, whose SQL is written once and remembered.

Writing it takes Python longer than it takes the server to clock a file, and SQLAlchemy remembers no statement that has
a list of rows in it, as the clauses of a rule are one. What is remembered goes by the rule's shape: classes whose
clauses come to the same share it, and so do a class's rule and the one that takes its place with the same period.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import and_, func

from muniment.database.exchange import written
from muniment.database.session import CouncilSession
from muniment.retention.rules.clock_sql import COUNCIL, KEYS, ByKey, Rows, set_clocks
from muniment.retention.rules.compile import Clock
from muniment.retention.subjects import Subject

__all__ = ["Clocked", "clock"]


class Clocked(NamedTuple):
    """What clocking came to: rows changed, and those of them that the change has made due."""

    clocked: int
    newly_due: int


def clock(
    session: CouncilSession, rule: Clock, subject: Subject, which: ByKey, today: date, *, leave: bool = False
) -> Clocked:
    """Clock those of the rows that are of the rule's class, as `set_clocks` says."""
    key = ("clock", rule.shape, subject.name, which.name, leave)
    statement = written(key, lambda: set_clocks(rule, subject, _named(which.name), leave=leave))
    given = {"council_id": which.council_id, "keys": which.keys, "today": today}
    (row,) = session.ask(statement, {**given, "of_class": rule.key, "of_rule": rule.hash})
    return Clocked(row.clocked, row.newly_due)


def _named(column: str) -> Rows:
    """The rows that are given each time, by a column of theirs."""
    return lambda row: and_(row.c.council_id == COUNCIL, row.c[column] == func.any(KEYS))
