"""What rules read about a row: milestones, birth, programmes and values, as SQL.

A fact is a subquery with a name. However many clauses read it, it is fetched once for each row; its SQL is written here
and nowhere else, so that no two clauses can read the same history differently.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    FromClause,
    Numeric,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONPATH

from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PROGRAMME_FACT, RECORD
from muniment.consent.acts import CONSENT, LIVE
from muniment.consent.facts import CONSENT_EVENT, CONSENT_SUBJECT
from muniment.database.registry import table_of
from muniment.retention.subjects import Subject
from muniment.retention.tables import Extension

__all__ = ["Day", "Facts", "Truth"]

EXTENSION = table_of(Extension)

OWN_ACT_ONLY = frozenset({"last-contact"})
"""Milestones that count only when the person acted: a bulk email or an import is no contact."""

COMPARED = {"more_than": operator.gt, "at_least": operator.ge, "less_than": operator.lt}

Day = ColumnElement[Any]
Truth = ColumnElement[Any]


@dataclass
class Facts:
    """Collects what a rule reads of each row, so that it is fetched once, and names the columns it is fetched into."""

    subject: Subject
    row: FromClause
    columns: dict[str, ColumnElement[Any]]

    def fetch(self, name: str, expression: ColumnElement[Any], kind: type[Date] | type[Boolean]) -> ColumnElement[Any]:
        self.columns.setdefault(name, expression.label(name))
        return column(name, kind())

    def milestone(self, kind: str, occurrence: str, whose: str = "client") -> Day:
        """The latest or first day of a kind of milestone; null where the file has none."""
        pick = func.max if occurrence == "latest" else func.min
        found = select(pick(MILESTONE.c.happened_on)).where(
            MILESTONE.c.council_id == self.row.c.council_id,
            MILESTONE.c.file_id == self.row.c.file_id,
            MILESTONE.c.kind == kind,
            MILESTONE.c.whose == whose,
        )
        if kind in OWN_ACT_ONLY:
            found = found.where(MILESTONE.c.own_act)
        return self.fetch(f"{occurrence} {kind} of {whose}", found.scalar_subquery(), Date)

    def withdrawal(self, occurrence: str, purpose: str | None) -> Day:
        """The latest or first day of a consent withdrawn and not given again: an officer's milestone, or the ledger's.

        Of the ledger those count that are to `purpose` or, without one, to a purpose that a value of the record is held
        for. A permission is none of them: the purpose goes on without it.
        """
        event, later, subject = CONSENT_EVENT, CONSENT_EVENT.alias("later"), CONSENT_SUBJECT
        given_again = exists().where(
            later.c.council_id == event.c.council_id,
            later.c.subject_id == event.c.subject_id,
            later.c.kind == event.c.kind,
            later.c.purpose == event.c.purpose,
            later.c.state.in_(LIVE),
            tuple_(later.c.at, later.c.number) > tuple_(event.c.at, event.c.number),
        )
        path = literal("$.*.p[*] ? (@ == $purpose)").cast(JSONPATH)
        named = func.jsonb_build_object("purpose", event.c.purpose)
        held = func.jsonb_path_exists(self.row.c["values"], path, named)
        day = cast(func.timezone("Europe/London", event.c.at), Date)
        pick, of_both = (func.max, func.greatest) if occurrence == "latest" else (func.min, func.least)
        own = subject.c.council_id == self.row.c.council_id, subject.c.file_id == self.row.c.file_id
        found = (
            select(pick(day))
            .select_from(
                event.join(
                    subject, and_(event.c.council_id == subject.c.council_id, event.c.subject_id == subject.c.id)
                )
            )
            .where(
                *own,
                event.c.kind == CONSENT,
                event.c.state == "withdrawn",
                func.cardinality(event.c.recipients) == 0,
                held if purpose is None else event.c.purpose == purpose,
                ~given_again,
            )
            .correlate(self.row)
        )
        # `greatest` and `least` pass over nulls, and here that is meant: what has not happened is passed over.
        noted = self.milestone("consent-withdrawn", occurrence)
        written = self.fetch(f"{occurrence} withdrawal {purpose or ''}", found.scalar_subquery(), Date)
        return of_both(noted, written, type_=Date)

    def born_on(self) -> Day:
        found = select(FILE.c.born_on).where(
            FILE.c.council_id == self.row.c.council_id, FILE.c.id == self.row.c.file_id
        )
        return self.fetch("born on", found.scalar_subquery(), Date)

    def programme_end(self, programme: str | None) -> Day:
        """The day a programme ended; without a name, the last of those the client was in, null until all have."""
        ended = PROGRAMME_FACT
        if programme is not None:
            found = select(ended.c.happened_on).where(
                ended.c.council_id == self.row.c.council_id, ended.c.programme == programme, ended.c.kind == "ended"
            )
            return self.fetch(f"end of {programme}", found.scalar_subquery(), Date)
        joined = ENROLMENT.outerjoin(
            ended,
            and_(
                ended.c.council_id == ENROLMENT.c.council_id,
                ended.c.programme == ENROLMENT.c.programme,
                ended.c.kind == "ended",
            ),
        )
        last = case((func.bool_and(ended.c.happened_on.is_not(None)), func.max(ended.c.happened_on)))
        found = select(last).select_from(joined).where(*self._own(ENROLMENT))
        return self.fetch("end of programmes", found.scalar_subquery(), Date)

    def enrolled(self, programmes: Sequence[str], *, beside: bool = False) -> Truth:
        """Whether the client is or was in one of the programmes (`beside`: in one that is not among them)."""
        mine = select(literal(1)).where(*self._own(ENROLMENT))
        if beside:
            mine = mine.where(ENROLMENT.c.programme.not_in(programmes)) if programmes else mine
        else:
            mine = mine.where(ENROLMENT.c.programme.in_(programmes))
        name = f"{'beside' if beside else 'in'} {' '.join(programmes)}"
        return self.fetch(name, exists(mine), Boolean)

    def value(self, field: str, equals: Sequence[str]) -> Truth:
        """Whether a value is stored in the file; with `equals`, whether it is one of these, unknown where none is."""
        stored = RECORD.c["values"][field]["v"].astext
        mine = [*self._own(RECORD), stored.is_not(None)]
        answer = func.bool_or(stored.in_(equals)) if equals else func.count() > 0
        found = select(answer).where(*mine)
        return self.fetch(f"value {field} {' '.join(equals)}", found.scalar_subquery(), Boolean)

    def number(self, field: str, limits: Mapping[str, int]) -> Truth:
        """Whether a number, or pounds, stored in the file lies within limits; unknown where none is stored."""
        stored = RECORD.c["values"][field]["v"].astext
        number = case((stored.regexp_match(r"^-?[0-9]+(\.[0-9]+)?$"), cast(stored, Numeric)))
        within = and_(*(COMPARED[name](number, limit) for name, limit in limits.items()))
        found = select(func.bool_or(within)).where(*self._own(RECORD))
        told = " ".join(f"{name} {limit}" for name, limit in limits.items())
        return self.fetch(f"number {field} {told}", found.scalar_subquery(), Boolean)

    def purpose(self, purpose: str) -> Truth:
        """Whether a value of the record is held for a purpose; unknown where it has no values."""
        each = func.jsonb_each(self.row.c["values"]).table_valued("key", "value").alias("each_value")
        held = func.bool_or(func.jsonb_exists(column("value").op("->")("p"), purpose))
        return self.fetch(f"held for {purpose}", select(held).select_from(each).scalar_subquery(), Boolean)

    def extended_until(self) -> Day:
        """The last day of the officers' extensions of this record and of its file; null where there is none."""
        found = select(func.max(EXTENSION.c.until)).where(
            *self._own(EXTENSION),
            EXTENSION.c.ended_at.is_(None),
            or_(EXTENSION.c.record_id.is_(None), EXTENSION.c.record_id == self.row.c.id),
        )
        return found.scalar_subquery()

    def _own(self, table: FromClause) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return table.c.council_id == self.row.c.council_id, table.c.file_id == self.row.c.file_id
