"""What a clock reads about a row, table by table: a record's file has a history, a register has a day.

Every table that the register of personal data calls clocked has a subject here (a test keeps it so). The rest of the
domain walks `SUBJECTS` and knows neither records nor registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, select

from muniment.clients import facts
from muniment.database.registry import ClockedTable, clocked_tables

__all__ = ["RECORDS", "REGISTERS", "SUBJECTS", "Subject", "subject_of"]


@dataclass(frozen=True)
class Subject:
    """A clocked table. `lock` is the table whose row is locked before a row changes, `lock_column` refers to it.

    `collected` is the day a row was recorded; `has_history` is whether it lies in a client file, whose milestones,
    birth and enrolments a clause may read. `emptied` is what a row is set to when it has gone here and its paper has
    not; `with_it` are tables whose rows below it go at once. `has_system`: a row may be known by a key in another
    system, whatever its medium here. `let_go` are tables of stored files whose rows lose the row that they belong to.
    """

    table: Table
    lock: Table
    lock_column: str
    collected: str
    has_history: bool
    emptied: Mapping[str, Any] = field(default_factory=dict)
    with_it: tuple[tuple[Table, str], ...] = ()
    has_system: bool = False
    let_go: tuple[tuple[Table, str], ...] = ()

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def lock_id(self) -> ColumnElement[Any]:
        """The column that names the row to lock."""
        return self.table.c[self.lock_column]

    @property
    def lies_here_alone(self) -> ColumnElement[bool]:
        """Whether nothing of a row is left anywhere once it has been deleted."""
        digital = self.table.c.medium == "digital"
        return and_(digital, self.table.c.system.is_(None)) if self.has_system else digital

    @property
    def lies_nowhere_once_handed_over(self) -> ColumnElement[bool]:
        """The same where its paper, if it has any, has been handed to an archive."""
        here = self.table.c.medium.in_(("digital", "paper"))
        return and_(here, self.table.c.system.is_(None)) if self.has_system else here

    def files_of(self, row: FromClause) -> ColumnElement[Any]:
        """A subquery of the ids of the files that a row (of this table, or an alias) is about.

        It correlates with the row by name: further in than one subquery SQLAlchemy would not do so by itself, and the
        files of one row would be those of all.
        """
        if self.has_history:
            return select(row.c.file_id).correlate(row).scalar_subquery()
        entry = facts.REGISTER_ENTRY
        return (
            select(entry.c.file_id)
            .where(entry.c.council_id == row.c.council_id, entry.c.register_id == row.c.id)
            .correlate(row)
            .scalar_subquery()
        )


def _clocked(table: Table) -> ClockedTable:
    return next(entry for entry in clocked_tables() if entry.table is table)


RECORDS = Subject(
    facts.RECORD,
    _clocked(facts.RECORD).lock,
    _clocked(facts.RECORD).lock_column,
    collected="recorded_on",
    has_history=True,
    emptied={"file_id": None, "values": {}, "origin": None, "corrected": [], "restricted_on": None},
    has_system=True,
    let_go=((facts.ATTACHMENT, "record_id"),),
)
REGISTERS = Subject(
    facts.REGISTER,
    _clocked(facts.REGISTER).lock,
    _clocked(facts.REGISTER).lock_column,
    collected="held_on",
    has_history=False,
    emptied={"title": ""},
    with_it=((facts.REGISTER_ENTRY, "register_id"),),
)
SUBJECTS = (RECORDS, REGISTERS)


def subject_of(name: str) -> Subject:
    """The subject of a clocked table by its name. Raises `KeyError`."""
    return {subject.name: subject for subject in SUBJECTS}[name]
