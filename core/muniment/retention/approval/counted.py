"""What is stored of a class of records, and what of it is due by the rule in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, extract, func, select, text

from muniment.database.session import CouncilSession
from muniment.retention.holds.standing import held, number_standing
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.subjects import SUBJECTS, Subject

__all__ = ["Counts", "Stored", "counted", "kept", "samples", "stored_of"]

SAMPLES = 10
"""Keys that are shown of rows that are due."""


@dataclass(frozen=True)
class Stored:
    """The rows of a class in one clocked table, as conditions: all, those that the rule in force has clocked, and those
    of them that are due."""

    subject: Subject
    mine: ColumnElement[bool]
    clocked: ColumnElement[bool]
    due: ColumnElement[bool]


@dataclass
class Counts:
    """How many rows of a class there are: by state (`unset`: not clocked by the rule in force), by the year of the last
    day kept of those that are due and of those that are dated and not, and by what is done about those that are due."""

    by_state: Counter[str] = field(default_factory=Counter)
    due_by_year: Counter[str] = field(default_factory=Counter)
    ahead_by_year: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)

    @property
    def stored(self) -> int:
        return self.by_state.total()

    @property
    def due(self) -> int:
        return self.actions.total()


def stored_of(session: CouncilSession, record_class: str) -> list[Stored]:
    """The rows of a class, table by table."""
    found: list[Stored] = []
    for subject in SUBJECTS:
        table = subject.table
        here = table.c.council_id == session.council_id, table.c.record_class == record_class
        clocked = is_clocked(session, subject, [record_class])
        due = func.coalesce(and_(clocked, table.c.due_on < session.clock.today()), False)
        found.append(Stored(subject, and_(*here, table.c.disposal.is_(None)), clocked, due))
    return found


def counted(session: CouncilSession, stored: Sequence[Stored]) -> Counts:
    """How many rows there are, in one look at each table."""
    counts = Counts()
    for one in stored:
        row = one.subject.table.c
        state, action = case((one.clocked, row.state), else_="unset"), case((one.clocked, row.action))
        grouped = select(state, one.due, extract("year", row.due_on), action, func.count()).where(one.mine)
        for of_state, due, of_year, what, count in session.execute(grouped.group_by(text("1, 2, 3, 4"))):
            counts.by_state[of_state] += count
            if of_state == "dated":
                (counts.due_by_year if due else counts.ahead_by_year)[str(int(of_year))] += count
            if due:
                counts.actions[what] += count
    return counts


def kept(session: CouncilSession, stored: Sequence[Stored]) -> int:
    """How many of the rows that are due a hold or a restriction keeps."""
    if not number_standing(session):
        return 0
    found = 0
    for one in stored:
        table = one.subject.table
        both = one.mine, one.due, held(session, one.subject, table)
        found += session.scalar(select(func.count()).select_from(table).where(*both)) or 0
    return found


def samples(session: CouncilSession, stored: Sequence[Stored]) -> tuple[UUID, ...]:
    """The keys of some rows that are due, those due first."""
    found: list[UUID] = []
    for one in stored:
        row = one.subject.table.c
        found += session.scalars(select(row.id).where(one.mine, one.due).order_by(row.due_on, row.id).limit(SAMPLES))
    return tuple(found[:SAMPLES])
