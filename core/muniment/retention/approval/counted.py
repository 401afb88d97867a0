"""What is stored of a class of records, and what of it is due by the rule in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, func, select, text

from muniment.database.exchange import Asked
from muniment.database.session import CouncilSession
from muniment.retention.holds.standing import held, number_standing
from muniment.retention.rules.clocked import clocked_by
from muniment.retention.subjects import SUBJECTS, Subject

__all__ = ["Counts", "Stored", "counted", "kept", "samples", "stored_of"]

SAMPLES = 10
"""Keys that are shown of rows that are due."""


CLOCKED: Final = "rule_hash = any(cast(:rules as text[]))"
MINE: Final = "council_id = :council_id and record_class = :record_class and disposal is null"
COUNT: Final = {
    subject.name: text(
        f"select case when {CLOCKED} then state else 'unset' end as state,"  # noqa: S608  # names of our own
        f" coalesce({CLOCKED} and due_on < :today, false) as due, extract(year from due_on) as year,"
        f" case when {CLOCKED} then action end as action, count(*) as rows"
        f" from {subject.name} where {MINE} group by 1, 2, 3, 4"
    )
    for subject in SUBJECTS
}
SAMPLE: Final = {
    subject.name: text(
        f"select id from {subject.name} where {MINE} and {CLOCKED} and due_on < :today"  # noqa: S608
        f" order by due_on, id limit {SAMPLES}"
    )
    for subject in SUBJECTS
}


@dataclass(frozen=True)
class Stored:
    """The rows of a class in one clocked table. `rules` are the hashes that those bear which the rule in force has
    clocked."""

    subject: Subject
    record_class: str
    rules: tuple[str, ...]

    def asked(self, session: CouncilSession, statements: Mapping[str, TextClause]) -> Asked:
        """The one of some statements that is about this table."""
        here = {"council_id": session.council_id, "today": session.clock.today()}
        return statements[self.subject.name], {**here, "record_class": self.record_class, "rules": list(self.rules)}


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
    return [Stored(subject, record_class, clocked_by(session, subject).get(record_class, ())) for subject in SUBJECTS]


def counted(session: CouncilSession, stored: Sequence[Stored]) -> Counts:
    """How many rows there are, in one look at each table."""
    counts = Counts()
    for row in chain(*session.ask_together(*(one.asked(session, COUNT) for one in stored))):
        counts.by_state[row.state] += row.rows
        if row.state == "dated":
            (counts.due_by_year if row.due else counts.ahead_by_year)[str(int(row.year))] += row.rows
        if row.due:
            counts.actions[row.action] += row.rows
    return counts


def kept(session: CouncilSession, stored: Sequence[Stored]) -> int:
    """How many of the rows that are due a hold or a restriction keeps."""
    if not number_standing(session):
        return 0
    found = 0
    for one in stored:
        table = one.subject.table
        mine = (
            table.c.council_id == session.council_id,
            table.c.record_class == one.record_class,
            table.c.disposal.is_(None),
            table.c.rule_hash.in_(one.rules),
            table.c.due_on < session.clock.today(),
        )
        found += session.scalar(select(func.count()).where(*mine, held(session, one.subject, table))) or 0
    return found


def samples(session: CouncilSession, stored: Sequence[Stored]) -> tuple[UUID, ...]:
    """The keys of some rows that are due, those due first."""
    rows = chain(*session.ask_together(*(one.asked(session, SAMPLE) for one in stored)))
    return tuple(row.id for row in islice(rows, SAMPLES))
