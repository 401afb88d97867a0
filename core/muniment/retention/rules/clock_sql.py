"""The one implementation of clocks: a rule as SQL over whole sets of records.

For each row the facts that the rule reads are fetched once (`row_facts`); each clause then gives a state and a day
(`clause_sql`); the deciding clause is picked by sorting, not by `greatest` and `least`, which pass over nulls in
silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    null,
    select,
    true,
    tuple_,
    update,
    values,
)
from sqlalchemy import not_ as negate

from muniment.retention.rules.clause_sql import ClauseCompiler
from muniment.retention.rules.compile import ClauseClock, Clock
from muniment.retention.subjects import Subject

__all__ = ["Rows", "clauses_of_rows", "decided", "set_clocks", "with_ids"]

Rows = Callable[[FromClause], ColumnElement[bool]]
"""Which rows of a clocked table are meant, as a condition on it (or on an alias of it)."""


def clauses_of_rows(clock: Clock, subject: Subject, which: Rows) -> tuple[Subquery, FromClause | None]:
    """The facts of the rows whose ids a query gives, and beside each its clauses; None where the rule has no clause.

    Facts: `id, due_before, stage_before, …`. Clauses: `place, stage, state, anchor_on, due_on, action`, where `place`
    counts the clauses of the clock from 0.
    """
    row = subject.table.alias("r")
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


def _line(place: int, entry: ClauseClock, compiler: ClauseCompiler) -> tuple[ColumnElement[Any], ...]:
    holds, anchor_on, due_on, missing = compiler.clause(entry)
    timed = literal(entry.fixed, Text) if entry.fixed else case((due_on.is_(None), missing), else_="dated")
    # Not `holds is null` first: SQLAlchemy writes no brackets about a `not` there, and it would bind the wrong way.
    state = case((holds, timed), (negate(holds), "out"), else_="unclocked")
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
