"""The one implementation of clocks: a rule as SQL over whole sets of records.

For each row the facts that the rule reads are fetched once (`row_facts`); each clause then gives a state and a day
(`clause_sql`); the deciding clause is picked by sorting, not by `greatest` and `least`, which pass over nulls in
silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
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

from muniment.database.packed import KEY_ARRAY, Keys, any_of
from muniment.database.session import CouncilSession
from muniment.retention.rules.clause_sql import ClauseCompiler
from muniment.retention.rules.compile import REVIEW, ClauseClock, Clock
from muniment.retention.subjects import Subject

__all__ = [
    "COUNCIL", "KEYS", "MOST_MARKED", "ByKey", "Rows", "clauses_of_rows", "decided", "marked", "set_clocks",
    "with_ids",
]  # fmt: skip

COUNCIL: Final = bindparam("council_id", None, Uuid())
KEYS: Final = bindparam("keys", None, KEY_ARRAY)
CLASS: Final = bindparam("of_class", None, Text())
RULE: Final = bindparam("of_rule", None, Text())
TODAY: Final = bindparam("today", None, Date())
"""What is given each time to statements that stand."""

Rows = Callable[[FromClause], ColumnElement[bool]]
"""Which rows of a clocked table are meant, as a condition on it (or on an alias of it)."""


def clauses_of_rows(
    clock: Clock, subject: Subject, which: Rows, record_class: ColumnElement[str] | None = None
) -> tuple[Subquery, FromClause | None]:
    """The facts of the rows whose ids a query gives, and beside each its clauses; None where the rule has no clause.

    Facts: `id, due_before, stage_before, extended_until, …`. Clauses: `place, stage, state, anchor_on, due_on, action,
    review_on`, where `place` counts the clauses of the clock from 0.
    """
    row, of_class = subject.table.alias("r"), literal(clock.key) if record_class is None else record_class
    compiler = ClauseCompiler(clock, subject, row)
    lines = [_line(place, entry, compiler) for place, entry in enumerate(clock.clauses)]
    fetched = (
        select(
            row.c.council_id,
            row.c.id,
            row.c.medium,
            row.c.due_on.label("due_before"),
            func.coalesce(row.c.stage, 0).label("stage_before"),
            row.c[subject.collected].label("collected"),
            row.c.reviewed_on.label("reviewed"),
            (compiler.facts.extended_until() if subject.has_history else cast(null(), Date)).label("extended_until"),
            *compiler.facts.columns.values(),
        )
        .where(which(row), row.c.record_class == of_class, row.c.disposal.is_(None))
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
        column("review_on", Date()),
        name="clause",
    ).data(lines)
    return fetched, clauses.lateral()


def _line(place: int, entry: ClauseClock, compiler: ClauseCompiler) -> tuple[ColumnElement[Any], ...]:
    holds, first, due = compiler.clause(entry)
    computed = case((due.day.is_not(None), "dated"), (due.unknown, "unclocked"), else_="running")
    timed = literal(entry.fixed, Text) if entry.fixed else computed
    # Not `holds is null` first: SQLAlchemy writes no brackets about a `not` there, and it would bind the wrong way.
    state = case((holds, timed), (negate(holds), "out"), else_="unclocked")
    return (
        literal(place, Integer),
        literal(entry.stage, Integer),
        cast(state, Text),
        cast(first.day, Date),
        cast(due.day, Date),
        literal(entry.action, Text),
        cast(compiler.review(entry), Date),
    )


MOST_MARKED = 15
"""Clauses of a rule without stages that can be marked as done: the bits of a column."""

RANKS = {
    "longest": ("permanent", "unclocked", "running", "dated"),
    "earliest": ("dated", "unclocked", "running", "permanent"),
}


def decided(clock: Clock, subject: Subject, which: Rows, record_class: ColumnElement[str] | None = None) -> Subquery:
    """What the rule comes to for each row: `council_id, id, due_before, state, due_on, action, stage, place, rule_on,
    review_on`.

    `place` and `stage` are the deciding clause's (`place` null where none decides), `rule_on` the last day by the rule
    alone, before an officer's extension, and `review_on` the next review, null where none comes before the last day.

    Longest: for good if any clause says so, else unclocked if any is, else running if any is, else the latest day.
    Earliest: the earliest day, else as before. Sequence: the clause of the stage that the record is in (as many as are
    done come before it), or of the next one whose condition holds. Without stages, a clause that was carried out and
    left the record counts no more (`marked`). Where every clause is out, or there is none, the record is unclocked.
    """
    facts, clauses = clauses_of_rows(clock, subject, which, record_class)
    kept = [facts.c.council_id, facts.c.id, facts.c.due_before]
    no_day = cast(null(), Date)
    if clauses is None:
        return select(
            *kept,
            literal("unclocked", Text).label("state"),
            no_day.label("due_on"),
            cast(null(), Text).label("action"),
            facts.c.stage_before.label("stage"),
            cast(null(), Integer).label("place"),
            no_day.label("rule_on"),
            no_day.label("review_on"),
        ).subquery("decided")
    sequence = clock.combine == "sequence"
    ranks = RANKS["earliest" if clock.combine == "earliest" else "longest"]
    rank = case({state: place for place, state in enumerate(ranks)}, value=clauses.c.state)
    day = clauses.c.due_on.asc() if clock.combine == "earliest" else clauses.c.due_on.desc()
    before = facts.c.stage_before
    reached = clauses.c.stage >= before if sequence else _not_marked(before, clauses.c.stage)
    deciding = (
        select(clauses.c.state, clauses.c.due_on, clauses.c.action, clauses.c.stage, clauses.c.place)
        .where(clauses.c.state != "out", reached)
        .order_by(*([clauses.c.stage] if sequence else []), rank, day, clauses.c.place)
        .limit(1)
        .lateral("deciding")
    )
    dated = deciding.c.state == "dated"
    longer = facts.c.extended_until > deciding.c.due_on
    due_on = case((and_(dated, longer), facts.c.extended_until), (dated, deciding.c.due_on))
    review_on: ColumnElement[Any] = no_day
    if any(entry.clause.review is not None for entry in clock.clauses):
        standing = clauses.c.stage == deciding.c.stage if sequence else reached
        soonest = select(func.min(clauses.c.review_on)).where(clauses.c.state != "out", standing).scalar_subquery()
        review_on = case((due_on.is_(None), soonest), (soonest <= due_on, soonest))
    return (
        select(
            *kept,
            func.coalesce(deciding.c.state, "unclocked").label("state"),
            due_on.label("due_on"),
            case((dated, deciding.c.action)).label("action"),
            func.coalesce(deciding.c.stage, facts.c.stage_before).label("stage"),
            deciding.c.place,
            case((dated, deciding.c.due_on)).label("rule_on"),
            review_on.label("review_on"),
        )
        .select_from(facts.outerjoin(deciding, true()))
        .subquery("decided")
    )


def marked(stage: ColumnElement[int | None], clause: ColumnElement[int]) -> ColumnElement[int]:
    """`stage` of a row whose rule has no stages, with a clause (by its place in the rule) marked as done."""
    bit = literal(1, Integer).op("<<", return_type=Integer())(clause)
    return func.coalesce(stage, 0).op("|", return_type=Integer())(bit)


def _not_marked(stage: ColumnElement[int], clause: ColumnElement[int]) -> ColumnElement[bool]:
    bit = literal(1, Integer).op("<<", return_type=Integer())(clause)
    return func.coalesce(stage, 0).op("&", return_type=Integer(), precedence=6)(bit) == 0


def set_clocks(clock: Clock, subject: Subject, which: Rows, *, leave: bool = False) -> Select[int, int]:
    """The statement that clocks rows, changing those alone that come to something else. `stage` is not among what it
    changes: only doing a stage's action moves a record on.

    With `leave` a row that another rule clocked, and for which this one comes to the same, is left as it is: for a pass
    that will say of the whole class that the other rule stands for this one (`rules.clocked`). What is to be put before
    a reviewer is written all the same, because they decide about a record under one rule.

    It goes by the shape of the rule alone: the class, the rule's hash and the day are given each time, as `CLASS`,
    `RULE` and `TODAY`. It answers with one line: `clocked`, the rows changed, and `newly_due`, those that the change
    has made due.
    """
    table, now = subject.table, decided(clock, subject, which, CLASS)
    before = tuple_(table.c.state, table.c.due_on, table.c.action, table.c.review_on)
    after = tuple_(now.c.state, now.c.due_on, now.c.action, now.c.review_on)
    by_another = table.c.rule_hash.is_distinct_from(RULE)
    if leave:
        by_another = and_(by_another, or_(table.c.rule_hash.is_(None), now.c.action == REVIEW))
    was_due = and_(now.c.due_before.is_not(None), now.c.due_before < TODAY)
    mine = and_(table.c.council_id == now.c.council_id, table.c.id == now.c.id)
    changed = (
        update(table)
        .where(mine, or_(by_another, before.is_distinct_from(after)))
        .values(
            state=now.c.state,
            due_on=now.c.due_on,
            action=now.c.action,
            review_on=now.c.review_on,
            rule_hash=RULE,
        )
        .returning(and_(now.c.due_on.is_not(None), now.c.due_on < TODAY, negate(was_due)).label("newly_due"))
        .cte("changed")
    )
    return select(
        func.count().label("clocked"), func.count().filter(changed.c.newly_due).label("newly_due")
    ).select_from(changed)


@dataclass(frozen=True)
class ByKey:
    """A council's rows whose column `name` is one of the keys; they are sent as one array, however many there are."""

    council_id: UUID
    keys: Keys
    name: str = "id"

    def __call__(self, row: FromClause) -> ColumnElement[bool]:
        return and_(row.c.council_id == self.council_id, any_of(row.c[self.name], self.keys))


def with_ids(session: CouncilSession, ids: Sequence[UUID], name: str = "id") -> ByKey:
    """The council's rows whose column `name` is one of the ids."""
    return ByKey(session.council_id, Keys.of(ids), name)
