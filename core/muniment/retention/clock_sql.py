"""The one implementation of clocks: a rule as SQL over whole sets of records.

For each row the facts that the rule reads are fetched once (`facts`); each clause then gives a state and a day; the
deciding clause is picked by sorting, not by `greatest` and `least`, which pass over nulls in silence. SQL's own
three-valued logic is the logic of conditions: true, false, and null for what is not known.

Adding a period: months, then days, always to the anchor. PostgreSQL shortens a month that lacks the day (31 January
and a month is 28 February); ours is the day after that, the first of the next month, because for destruction the later
day is the safe one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Interval,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    extract,
    func,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
    values,
)
from sqlalchemy import not_ as negate

from muniment.api.periods import Period, parse_period
from muniment.api.retention import Anchor, When
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PROGRAMME_FACT, RECORD
from muniment.retention.compile import ClauseClock, Clock
from muniment.retention.subjects import Subject

__all__ = ["Rows", "added", "clauses_of_rows", "decided", "set_clocks", "with_ids"]

LAST_DAY = date(9999, 12, 31)
OWN_ACT_ONLY = frozenset({"last-contact"})
"""Milestones that count only when the person acted: a bulk email or an import is no contact."""

Day = ColumnElement[Any]
Truth = ColumnElement[Any]
Rows = Callable[[FromClause], ColumnElement[bool]]
"""Which rows of a clocked table are meant, as a condition on it (or on an alias of it)."""


def added(day: Day, period: Period) -> Day:
    """`day` plus a period, by the rule above; never beyond the year 9999."""
    moved = day
    if period.months:
        shortened = cast(day + func.make_interval(0, period.months, type_=Interval), Date)
        lacking = cast(extract("day", shortened) != extract("day", day), Integer)
        moved = _plus_days(shortened, lacking)
    if period.days:
        moved = _plus_days(moved, literal(period.days, Integer))
    return case((moved > LAST_DAY, literal(LAST_DAY, Date)), else_=moved) if period != Period() else day


def _plus_days(day: Day, days: ColumnElement[Any]) -> Day:
    return day.op("+", return_type=Date())(days)


def _aligned(day: Day, to: str) -> Day:
    """The end of the month, or of the year that ends on 31 December, 31 March or 31 August, that `day` lies in."""
    if to == "month-end":
        next_month = func.date_trunc("month", day) + func.make_interval(0, 1, type_=Interval)
        return _plus_days(cast(next_month, Date), literal(-1, Integer))
    month = {"calendar-year-end": 12, "financial-year-end": 3, "academic-year-end": 8}[to]
    year = cast(extract("year", day), Integer) + cast(extract("month", day) > month, Integer)
    return func.make_date(year, month, 31, type_=Date)


@dataclass
class _Facts:
    """Collects what a rule reads of each row, so that it is fetched once, and names the columns it is fetched into."""

    subject: Subject
    row: FromClause
    columns: dict[str, ColumnElement[Any]]

    def fetch(self, name: str, expression: ColumnElement[Any], kind: type[Date] | type[Boolean]) -> ColumnElement[Any]:
        self.columns.setdefault(name, expression.label(name))
        return column(name, kind())

    def milestone(self, kind: str, occurrence: str) -> Day:
        """The latest or first day of a kind of milestone; null where the file has none."""
        pick = func.max if occurrence == "latest" else func.min
        found = select(pick(MILESTONE.c.happened_on)).where(
            MILESTONE.c.council_id == self.row.c.council_id,
            MILESTONE.c.file_id == self.row.c.file_id,
            MILESTONE.c.kind == kind,
        )
        if kind in OWN_ACT_ONLY:
            found = found.where(MILESTONE.c.own_act)
        return self.fetch(f"{occurrence} {kind}", found.scalar_subquery(), Date)

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

    def purpose(self, purpose: str) -> Truth:
        """Whether a value of the record is held for a purpose; unknown where it has no values."""
        each = func.jsonb_each(self.row.c["values"]).table_valued("key", "value").alias("each_value")
        held = func.bool_or(func.jsonb_exists(column("value").op("->")("p"), purpose))
        return self.fetch(f"held for {purpose}", select(held).select_from(each).scalar_subquery(), Boolean)

    def _own(self, table: FromClause) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return table.c.council_id == self.row.c.council_id, table.c.file_id == self.row.c.file_id


class _Compiler:
    """Turns the clauses of one clock into expressions over the columns that `_Facts` fetches."""

    def __init__(self, clock: Clock, subject: Subject, row: FromClause) -> None:
        self._clock = clock
        self._history = subject.has_history
        self.facts = _Facts(subject, row, {})

    def clause(self, entry: ClauseClock) -> tuple[Truth, Day, Day, str]:
        """Condition, anchor's day, day due, and the state while the anchor is missing."""
        holds = self._all(
            [
                *([self._when(entry.clause.when)] if entry.clause.when else []),
                *([self._enrolled(entry.enrolled)] if entry.enrolled else []),
                *([self._enrolled(entry.enrolled_beside, True)] if entry.enrolled_beside is not None else []),
            ]
        )
        if entry.fixed is not None or entry.anchor is None:
            return holds, null(), null(), entry.fixed or "unclocked"
        day, missing = self._anchor(entry.anchor)
        due = (
            _plus_days(added(day, entry.period), literal(-entry.margin, Integer))
            if entry.margin
            else added(day, entry.period)
        )
        return holds, day, due, missing

    def _anchor(self, anchor: Anchor) -> tuple[Day, str]:
        """The anchor's day, and what its absence means: it can still come, or it cannot be computed."""
        day, missing = self._event(anchor)
        if anchor.birthday is not None:
            day = added(day, Period(months=12 * anchor.birthday))
        if anchor.plus is not None:
            day = added(day, parse_period(anchor.plus))
        if anchor.align is not None:
            day = _aligned(day, anchor.align)
        return day, missing

    def _event(self, anchor: Anchor) -> tuple[Day, str]:
        if anchor.on is not None:
            return literal(anchor.on, Date), "unclocked"
        if anchor.whose != "client" or anchor.in_words is not None:
            return cast(null(), Date), "unclocked"
        if anchor.event == "collection":
            return column("collected", Date()), "unclocked"
        if anchor.event == "programme-end" and (self._history or anchor.programme is not None):
            return self.facts.programme_end(anchor.programme), "running"
        kind = anchor.event or anchor.milestone
        if kind is None or not self._history:
            return cast(null(), Date), "unclocked"
        if kind == "birth":
            return self.facts.born_on(), "unclocked"
        return self.facts.milestone(kind, anchor.occurrence), "running"

    def _when(self, when: When) -> Truth:
        parts: list[Truth] = []
        if when.in_words is not None or when.cohort is not None:
            parts.append(_unknown())
        if when.milestone is not None:
            parts.append(self._happened(when.milestone))
        if when.no_milestone is not None:
            parts.append(negate(self._happened(when.no_milestone)))
        if when.request:
            parts.append(self._happened("request"))
        if when.in_programme == "any":
            parts.append(self._enrolled((), True))
        elif when.in_programme is not None:
            parts.append(self._enrolled((when.in_programme,)))
        if when.field is not None:
            parts.append(self.facts.value(when.field, when.equals) if self._history else _unknown())
        if when.medium is not None:
            parts.append(column("medium", Text()) == when.medium)
        if when.purpose is not None:
            parts.append(self.facts.purpose(when.purpose) if self._history else _unknown())
        if when.form is not None:
            record_class = self._clock.record_class
            parts.append(literal(record_class.form == when.form, Boolean) if record_class else _unknown())
        if when.anchor is not None:
            parts.append(self._compared(when.anchor, when.before, when.after))
        if when.either:
            parts.append(or_(*(self._when(inner) for inner in when.either)))
        if when.never is not None:
            parts.append(negate(self._when(when.never)))
        return self._all(parts)

    def _happened(self, kind: str) -> Truth:
        return self.facts.milestone(kind, "latest").is_not(None) if self._history else _unknown()

    def _enrolled(self, programmes: tuple[str, ...], beside: bool = False) -> Truth:
        return self.facts.enrolled(programmes, beside=beside) if self._history else _unknown()

    def _compared(self, anchor: Anchor, before: Anchor | None, after: Anchor | None) -> Truth:
        """One day against another. What has not happened is before nothing; what is not known is unknown."""
        day, missing = self._anchor(anchor)
        parts: list[Truth] = [day < self._anchor(before)[0]] if before else []
        if after:
            parts.append(day > self._anchor(after)[0])
        happened = day.is_not(None) if missing == "running" else case((day.is_not(None), True), else_=_unknown())
        return self._all([happened, *parts])

    @staticmethod
    def _all(parts: Sequence[Truth]) -> Truth:
        return and_(*parts) if len(parts) > 1 else parts[0] if parts else true()


def _unknown() -> Truth:
    return cast(null(), Boolean)


def clauses_of_rows(clock: Clock, subject: Subject, which: Rows) -> tuple[Subquery, FromClause | None]:
    """The facts of the rows whose ids a query gives, and beside each its clauses; None where the rule has no clause.

    Facts: `id, due_before, stage_before, …`. Clauses: `place, stage, state, anchor_on, due_on, action`, where `place`
    counts the clauses of the clock from 0.
    """
    row = subject.table.alias("r")
    compiler = _Compiler(clock, subject, row)
    lines = [_line(place, entry, compiler) for place, entry in enumerate(clock.clauses)]
    fetched = (
        select(
            row.c.council_id,
            row.c.id,
            row.c.medium,
            row.c.due_on.label("due_before"),
            func.coalesce(row.c.stage, 0).label("stage_before"),
            row.c[subject.collected].label("collected"),
            *compiler.facts.columns.values(),
        )
        .where(which(row), row.c.record_class == clock.key, row.c.disposal.is_(None))
        .offset(0)  # a fence: without it the planner would run a fact's subquery once for each use
        .subquery("facts")
    )
    if not lines:
        return fetched, None
    clauses = values(
        column("place", Integer()),
        column("stage", Integer()),
        column("state", Text()),
        column("anchor_on", Date()),
        column("due_on", Date()),
        column("action", Text()),
        name="clause",
    ).data(lines)
    return fetched, clauses.lateral()


def _line(place: int, entry: ClauseClock, compiler: _Compiler) -> tuple[ColumnElement[Any], ...]:
    holds, anchor_on, due_on, missing = compiler.clause(entry)
    timed = literal(entry.fixed, Text) if entry.fixed else case((due_on.is_(None), missing), else_="dated")
    state = case((holds.is_(None), "unclocked"), (negate(holds), "out"), else_=timed)
    return (
        literal(place, Integer),
        literal(entry.stage, Integer),
        cast(state, Text),
        cast(anchor_on, Date),
        cast(due_on, Date),
        literal(entry.action, Text),
    )


RANKS = {
    "longest": ("permanent", "unclocked", "running", "dated"),
    "earliest": ("dated", "unclocked", "running", "permanent"),
}


def decided(clock: Clock, subject: Subject, which: Rows) -> Subquery:
    """What the rule comes to for each row: `council_id, id, due_before, state, due_on, action, stage, place`.

    `place` is the deciding clause's.

    Longest: for good if any clause says so, else unclocked if any is, else running if any is, else the latest day.
    Earliest: the earliest day, else as before. Sequence: the clause of the stage that the record is in, or the next
    one whose condition holds. Where every clause is out, or there is none, the record is unclocked.
    """
    facts, clauses = clauses_of_rows(clock, subject, which)
    kept = [facts.c.council_id, facts.c.id, facts.c.due_before]
    if clauses is None:
        return select(
            *kept,
            literal("unclocked", Text).label("state"),
            cast(null(), Date).label("due_on"),
            cast(null(), Text).label("action"),
            facts.c.stage_before.label("stage"),
            cast(null(), Integer).label("place"),
        ).subquery("decided")
    ranks = RANKS["earliest" if clock.combine == "earliest" else "longest"]
    rank = case({state: place for place, state in enumerate(ranks)}, value=clauses.c.state)
    day = clauses.c.due_on.asc() if clock.combine == "earliest" else clauses.c.due_on.desc()
    order = [clauses.c.stage] if clock.combine == "sequence" else []
    reached = clauses.c.stage >= facts.c.stage_before if clock.combine == "sequence" else true()
    deciding = (
        select(clauses.c.state, clauses.c.due_on, clauses.c.action, clauses.c.stage, clauses.c.place)
        .where(clauses.c.state != "out", reached)
        .order_by(*order, rank, day, clauses.c.place)
        .limit(1)
        .lateral("deciding")
    )
    dated = deciding.c.state == "dated"
    stage = func.coalesce(deciding.c.stage, facts.c.stage_before) if clock.combine == "sequence" else literal(0)
    return (
        select(
            *kept,
            func.coalesce(deciding.c.state, "unclocked").label("state"),
            case((dated, deciding.c.due_on)).label("due_on"),
            case((dated, deciding.c.action)).label("action"),
            stage.label("stage"),
            deciding.c.place,
        )
        .select_from(facts.outerjoin(deciding, true()))
        .subquery("decided")
    )


def set_clocks(clock: Clock, subject: Subject, which: Rows, today: date) -> Select[int, int]:
    """The statement that clocks rows, changing those alone that come to something else.

    It answers with one line: `clocked`, the rows changed, and `newly_due`, those that the change has made due.
    """
    table, now = subject.table, decided(clock, subject, which)
    before = tuple_(table.c.state, table.c.due_on, table.c.action, table.c.stage, table.c.rule_hash)
    after = tuple_(now.c.state, now.c.due_on, now.c.action, now.c.stage, literal(clock.hash, Text))
    was_due = and_(now.c.due_before.is_not(None), now.c.due_before < today)
    changed = (
        update(table)
        .where(table.c.council_id == now.c.council_id, table.c.id == now.c.id, before.is_distinct_from(after))
        .values(
            state=now.c.state,
            due_on=now.c.due_on,
            action=now.c.action,
            stage=now.c.stage,
            rule_hash=clock.hash,
        )
        .returning(and_(now.c.due_on.is_not(None), now.c.due_on < today, negate(was_due)).label("newly_due"))
        .cte("changed")
    )
    return select(
        func.count().label("clocked"), func.count().filter(changed.c.newly_due).label("newly_due")
    ).select_from(changed)


def with_ids(ids: Sequence[UUID], name: str = "id") -> Rows:
    """The rows whose column `name` is one of the ids; sent as one array, however many there are."""
    given = literal(list(ids), ARRAY(Uuid))
    return lambda row: row.c[name] == func.any(given)
