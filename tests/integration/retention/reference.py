"""What a rule comes to, in plain Python and one record at a time: the yardstick for the SQL that does it by the set.

Written from the rules' definitions and sharing nothing with the implementation but the declared format and the one
rule for adding periods.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from muniment.api.clients import Cohort
from muniment.api.periods import Period, add_period, parse_keep, parse_period
from muniment.api.retention import Anchor, Clause, ProgrammePeriod, RetentionDeclarations, RetentionRule, When
from muniment.defaults.calendars import working_days_of


@dataclass
class History:
    """Everything about one record that a clause can read. A milestone is its kind, day, whether it was the client's
    own act, and whose it is."""

    recorded_on: date
    medium: str = "digital"
    born_on: date | None = None
    milestones: list[tuple[str, date, bool, str]] = field(default_factory=list)
    enrolled: list[str] = field(default_factory=list)
    ended: dict[str, date] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    stage: int = 0
    reviewed_on: date | None = None
    extended: list[tuple[date, bool, bool]] = field(default_factory=list)
    """Extensions: until when, whether of the record alone, whether it was withdrawn."""


class Answer(NamedTuple):
    """State, the last day kept, what is done then, the next review."""

    state: str
    due_on: date | None = None
    action: str | None = None
    review_on: date | None = None


class Line(NamedTuple):
    """One clause as it stands. `anchor_on` and `period` are what it is dated from, where that can be computed."""

    stage: int
    state: str
    due_on: date | None
    action: str
    review_on: date | None
    dating: Dating | None = None


class Dating(NamedTuple):
    """From which day, how long, and how many days before that limit."""

    day: date
    period: Period
    margin: int


Before = dict[str, list[Line]]
"""The clauses of a rule that stand before another, each as it stands; empty where it comes to several."""

Timed = tuple[str, date | None, Dating | None]
UNCLOCKED: Timed = ("unclocked", None, None)


def expected(
    retention: RetentionDeclarations, class_id: str, history: History, cohorts: Sequence[Cohort] = ()
) -> Answer:
    return Reckoning(retention, class_id, history, {cohort.id: cohort for cohort in cohorts}).answer()


class Reckoning:
    """One record under one schedule."""

    def __init__(
        self, retention: RetentionDeclarations, class_id: str, history: History, cohorts: dict[str, Cohort]
    ) -> None:
        self.retention, self.class_id, self.history, self.cohorts = retention, class_id, history, cohorts
        self.defaults = retention.defaults

    def answer(self) -> Answer:
        rule = self.rule_of(self.class_id)
        if rule is None:
            return Answer("unclocked")
        combine, lines = self.lines(rule, self.class_id, [])
        own = [line for line in lines if line[1].holder is None]
        standing = [line for line, _ in own or lines if line.state != "out"]
        if combine == "sequence":
            standing = [line for line in standing if line.stage >= self.history.stage]
            first = min((line.stage for line in standing), default=0)
            standing = [line for line in standing if line.stage == first]
        else:
            standing = [line for line in standing if not self.history.stage & 2**line.stage]
        state = self.state(combine, [line.state for line in standing])
        soonest = min((line.review_on for line in standing if line.review_on), default=None)
        if state != "dated":
            return Answer(state, review_on=soonest)
        days = [line.due_on for line in standing if line.state == "dated" and line.due_on is not None]
        by_rule = min(days) if combine == "earliest" else max(days)
        action = next(line.action for line in standing if line.state == "dated" and line.due_on == by_rule)
        longer = [until for until, _, withdrawn in self.history.extended if not withdrawn]
        due = max([by_rule, *longer])
        return Answer(state, due, action, soonest if soonest is not None and soonest <= due else None)

    @staticmethod
    def state(combine: str, states: list[str]) -> str:
        if not states:
            return "unclocked"
        order = ["permanent", "unclocked", "running", "dated"]
        if combine == "earliest":
            order = ["dated", "unclocked", "running", "permanent"]
        return next(state for state in order if state in states)

    def rule_of(self, class_id: str | None) -> RetentionRule | None:
        return next((rule for rule in self.retention.rules if class_id in rule.classes), None)

    def lines(self, rule: RetentionRule, class_id: str, seen: list[str]) -> tuple[str, list[tuple[Line, Clause]]]:
        """The clauses of a rule about a class, as they stand; those of another rule where it is nothing but a
        reference to that."""
        seen = [*seen, rule.id]
        mine = [(at, one) for at, one in enumerate(rule.clauses) if not one.classes or class_id in one.classes]
        belongs = either([self.belongs(cohort) for cohort in rule.cohorts]) if rule.cohorts else True
        if len(mine) == 1 and (other := self.other(mine[0][1], seen)) is not None:
            clause = mine[0][1]
            assert clause.refer is not None
            combine, whole = self.lines(other, clause.refer.id or "", seen)
            truth = both([belongs, self.holds(clause.when)])
            return combine, [self.taken(truth, clause, line, theirs) for line, theirs in whole]
        found: list[tuple[Line, Clause]] = []
        before: Before = {}
        for at, clause in mine:
            lines = list(self.clause(clause, at, rule.combine, seen, before))
            before[clause.id] = [gated(belongs, line) for line, _ in lines]
            if self.several(clause, len(mine), rule.combine, seen) != 1:
                before[clause.id] = []
            found += [(gated(belongs, line), theirs) for line, theirs in lines]
        return rule.combine, found

    def other(self, clause: Clause, seen: list[str]) -> RetentionRule | None:
        if clause.keep is not None or clause.refer is None or clause.refer.to != "class":
            return None
        rule = self.rule_of(clause.refer.id)
        return rule if rule is not None and rule.id not in seen else None

    def taken(self, truth: bool | None, clause: Clause, line: Line, theirs: Clause) -> tuple[Line, Clause]:
        holder = clause if clause.holder is not None else theirs
        action = line.action
        if clause.action is not None and clause.action != "transfer":
            action = clause.action
        if holder.holder is not None:
            action = "await-holder"
        review = line.review_on
        if clause.review is not None:
            review = None  # generated references carry no review of their own
        if line.dating is not None and clause.refer is not None and clause.refer.plus is not None:
            longer = line.dating._replace(period=line.dating.period + parse_period(clause.refer.plus))
            state, due, _ = dated(longer)
            line = line._replace(state=state if line.state == "dated" else line.state, due_on=due, dating=longer)
        return gated(truth, line._replace(action=action, review_on=review)), holder

    def clause(
        self, clause: Clause, at: int, combine: str, seen: list[str], before: Before
    ) -> Iterator[tuple[Line, Clause]]:
        action = "await-holder" if clause.holder is not None else clause.action or self.defaults.action or "destroy"
        truth = self.holds(clause.when)
        anchor = clause.anchor or self.defaults.anchor
        review = self.review(clause, anchor, before)
        if clause.keep is not None:
            bound = clause.bound or self.defaults.bound
            state, due, dating = self.timed(clause, anchor, clause.keep, bound, before)
            yield gated(truth, Line(at, state, due, action, review, dating)), clause
        elif clause.refer is not None and clause.refer.to == "programme-notice":
            for state, due, dating in self.by_programme(clause, before):
                yield gated(truth, Line(at, state, due, action, review, dating)), clause
        elif (other := self.other(clause, seen)) is not None and clause.refer is not None:
            theirs, found = self.lines(other, clause.refer.id or "", seen)
            if self.count(other, clause.refer.id or "", seen) != 1 and (theirs != combine or combine == "sequence"):
                yield gated(truth, Line(at, "unclocked", None, action, review)), clause
                return
            for line, their in found:
                taken, holder = self.taken(truth, clause, line, their)
                yield taken._replace(stage=at), holder
        elif clause.refer is None and clause.anchor is not None and clause.in_words is None:
            state, due, dating = self.timed(clause, anchor, "none", None, before)
            yield gated(truth, Line(at, state, due, action, review, dating)), clause
        else:
            yield gated(truth, Line(at, "unclocked", None, action, review)), clause

    def count(self, rule: RetentionRule, class_id: str, seen: list[str]) -> int:
        """How many clauses a rule comes to in the declarations, whatever the history."""
        seen = [*seen, rule.id]
        mine = [one for one in rule.clauses if not one.classes or class_id in one.classes]
        return sum(self.several(clause, len(mine), rule.combine, seen) for clause in mine)

    def several(self, clause: Clause, beside: int, combine: str, seen: list[str]) -> int:
        """How many clauses one of a rule comes to."""
        other, refer = self.other(clause, seen), clause.refer
        if clause.keep is None and refer is not None and refer.to == "programme-notice":
            known = [one for one in self.retention.programmes if refer.id in (None, one.programme)]
            return len(known) + (1 if refer.id is None or not known else 0)
        if other is None or refer is None:
            return 1
        inner = self.count(other, refer.id or "", seen)
        theirs = self.combine_of(other, refer.id or "", seen)
        return inner if beside == 1 or inner == 1 or (theirs == combine and combine != "sequence") else 1

    def combine_of(self, rule: RetentionRule, class_id: str, seen: list[str]) -> str:
        return self.lines(rule, class_id, seen)[0]

    def by_programme(self, clause: Clause, before: Before) -> Iterator[Timed]:
        declared = {period.programme: period for period in self.retention.programmes}
        only = clause.refer.id if clause.refer is not None else None
        if only is not None and only not in declared:
            yield UNCLOCKED
            return
        for name in dict.fromkeys(self.history.enrolled):
            if only in (None, name):
                yield self.programme(clause, declared.get(name), before)
        if not any(only in (None, name) for name in self.history.enrolled):
            yield "out", None, None

    def programme(self, clause: Clause, period: ProgrammePeriod | None, before: Before) -> Timed:
        anchor = None if period is None else period.anchor or clause.anchor
        if period is None or period.keep is None:
            return UNCLOCKED
        return self.timed(clause, anchor, period.keep, clause.bound or self.defaults.bound, before, period.programme)

    def timed(
        self,
        clause: Clause,
        anchor: Anchor | None,
        keep: str,
        bound: str | None,
        before: Before,
        programme: str | None = None,
    ) -> Timed:
        span = parse_keep(keep)
        if span.kind == "permanent":
            return "permanent", None, None
        if span.kind in ("variable", "range") or bound == "about" or anchor is None or self.in_words(anchor):
            return UNCLOCKED
        day, missing = self.anchored(anchor, before, programme)
        if day is None:
            return missing, None, None
        period = span.shortest
        if clause.refer is not None and clause.refer.plus is not None:
            period += parse_period(clause.refer.plus)
        at_most = (clause.bound or self.defaults.bound) == "at-most"
        return dated(Dating(day, period, clause.margin_days if at_most else 0))

    def review(self, clause: Clause, anchor: Anchor | None, before: Before) -> date | None:
        if clause.review is None:
            return None
        first = None if anchor is None else self.anchored(anchor, before)[0]
        since = max(day for day in (first or self.history.recorded_on, self.history.reviewed_on) if day is not None)
        return add(since, parse_period(clause.review.every))

    @staticmethod
    def in_words(anchor: Anchor) -> bool:
        named = (anchor.event, anchor.milestone, anchor.on, anchor.stage)
        return not anchor.either and all(one is None for one in named)

    def anchored(self, anchor: Anchor, before: Before, programme: str | None = None) -> tuple[date | None, str]:
        """The day, or what its absence means. `programme` is whose end is meant where none is named."""
        if anchor.either:
            day, missing = self.one_of(anchor, before, programme)
        else:
            day, missing = self.event(anchor, before, anchor.programme or programme)
        if day is None:
            return None, missing
        for length in (Period(months=12 * (anchor.birthday or 0)), parse_period(anchor.plus) if anchor.plus else None):
            if day is not None and length is not None:
                day = add(day, length)
        return (None, "unclocked") if day is None else (aligned(day, anchor.align), "")

    def one_of(self, anchor: Anchor, before: Before, programme: str | None) -> tuple[date | None, str]:
        found = [self.anchored(inner, before, programme) for inner in anchor.either]
        there = [day for day, _ in found if day is not None]
        unknown = any(missing == "unclocked" for _, missing in found)
        if anchor.occurrence == "first" and there:
            return min(there), ""
        if there and not unknown:
            return max(there), ""
        return None, "unclocked" if unknown else "running"

    def event(self, anchor: Anchor, before: Before, programme: str | None) -> tuple[date | None, str]:
        history = self.history
        if anchor.on is not None:
            return anchor.on, ""
        if anchor.stage is not None:
            lines = before.get(anchor.stage, [])
            if len(lines) == 1 and lines[0].state == "dated":
                return lines[0].due_on, ""
            return None, "running" if len(lines) == 1 and lines[0].state == "running" else "unclocked"
        if self.in_words(anchor):
            return None, "unclocked"
        if anchor.event == "collection":
            return history.recorded_on, ""
        if anchor.event == "programme-end":
            names = [programme] if programme else history.enrolled
            ended = [history.ended[name] for name in names if name in history.ended]
            return (max(ended) if names and len(ended) == len(names) else None), "running"
        whose = "client" if anchor.whose == self.defaults.client else anchor.whose
        if anchor.event == "birth" and whose == "client":
            return history.born_on, "unclocked"
        days = self.days(anchor.event or anchor.milestone or "", whose)
        missing = "unclocked" if anchor.event == "birth" else "running"
        return ((max if anchor.occurrence == "latest" else min)(days) if days else None), missing

    def days(self, kind: str, whose: str = "client") -> list[date]:
        return [
            day
            for of, day, own, theirs in self.history.milestones
            if of == kind and theirs == whose and (own or kind != "last-contact")
        ]

    def belongs(self, cohort_id: str) -> bool | None:
        cohort = self.cohorts.get(cohort_id)
        told: list[bool | None] = []
        if cohort is not None and cohort.field is not None:
            told.append(self.value(cohort.field, cohort.equals))
        if cohort is not None and cohort.in_programme is not None:
            told.append(cohort.in_programme in self.history.enrolled)
        return either(told) if told else None

    def value(self, name: str, equals: tuple[str, ...]) -> bool | None:
        stored = self.history.values.get(name)
        return (None if stored is None else stored["v"] in equals) if equals else stored is not None

    def holds(self, when: When | None) -> bool | None:
        """Kleene's three values: None is unknown."""
        if when is None:
            return True
        history = self.history
        parts: list[bool | None] = []
        if when.in_words is not None:
            parts.append(None)
        if when.cohort is not None:
            parts.append(self.belongs(when.cohort))
        for kind, wanted in (
            (when.milestone, True),
            (when.no_milestone, False),
            ("request" if when.request else None, True),
        ):
            if kind is not None:
                parts.append(bool(self.days(kind)) is wanted)
        if when.in_programme is not None:
            inside = when.in_programme in history.enrolled
            parts.append(bool(history.enrolled) if when.in_programme == "any" else inside)
        if when.field is not None:
            parts.append(self.within(when) if self.limits(when) else self.value(when.field, when.equals))
        if when.medium is not None:
            parts.append(history.medium == when.medium)
        if when.form is not None:
            of_class = next(entry for entry in self.retention.classes if entry.id == self.class_id)
            parts.append(of_class.form == when.form)
        if when.purpose is not None:
            held = [when.purpose in value["p"] for value in history.values.values()]
            parts.append(any(held) if held else None)
        if when.anchor is not None:
            parts.append(self.compared(when))
        if when.either:
            parts.append(either([self.holds(inner) for inner in when.either]))
        if when.never is not None:
            answer = self.holds(when.never)
            parts.append(None if answer is None else not answer)
        return both(parts)

    @staticmethod
    def limits(when: When) -> list[tuple[int, Callable[[Any, int], bool]]]:
        given = [(when.more_than, operator.gt), (when.at_least, operator.ge), (when.less_than, operator.lt)]
        return [(limit, compare) for limit, compare in given if limit is not None]

    def within(self, when: When) -> bool | None:
        stored = self.history.values.get(when.field or "")
        amount = None if stored is None else number(stored["v"])
        return None if amount is None else all(compare(amount, limit) for limit, compare in self.limits(when))

    def compared(self, when: When) -> bool | None:
        assert when.anchor is not None
        day, missing = self.anchored(when.anchor, {})
        if day is None:
            return None if missing == "unclocked" else False
        answers: list[bool | None] = []
        for other, later in ((when.before, True), (when.after, False)):
            if other is not None:
                than, _ = self.anchored(other, {})
                answers.append(None if than is None else (day < than if later else day > than))
        return both(answers)


def gated(truth: bool | None, line: Line) -> Line:
    """A clause where its condition is true, false or unknown."""
    if truth is False or line.state == "out":
        return line._replace(state="out")
    return line if truth else line._replace(state="unclocked")


def either(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def both(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def number(stored: object) -> Decimal | None:
    try:
        return Decimal(str(stored))
    except InvalidOperation:
        return None


def dated(dating: Dating) -> Timed:
    due = add(dating.day, dating.period)
    if due is None:
        return UNCLOCKED
    return "dated", due - timedelta(days=dating.margin), dating


def aligned(day: date, to: str | None) -> date:
    """The last day of the month, quarter or year that a day lies in."""
    match to:
        case "month-end":
            return add_period(day.replace(day=1), Period(months=1)) - timedelta(days=1)
        case "quarter-end":
            return next(end for end in ends_of(day.year, [(3, 31), (6, 30), (9, 30), (12, 31)]) if end >= day)
        case "calendar-year-end":
            return date(day.year, 12, 31)
        case "financial-year-end":
            return next(end for end in ends_of(day.year, [(3, 31)]) if end >= day)
        case "tax-year-end":
            return next(end for end in ends_of(day.year, [(4, 5)]) if end >= day)
        case "academic-year-end":
            return next(end for end in ends_of(day.year, [(8, 31)]) if end >= day)
    return day


def ends_of(year: int, ends: list[tuple[int, int]]) -> list[date]:
    return [date(one, *end) for one in (year, year + 1) for end in ends]


def add(day: date, period: Period) -> date | None:
    """The day a period later, at the latest the last there is; None where working days leave the years that are
    known. The councils of these tests are in England."""
    try:
        moved = add_period(day, Period(period.months, period.days))
    except OverflowError:
        moved = date.max
    if not period.working_days:
        return moved
    calendar = working_days_of("england")
    if moved < calendar.first or moved > calendar.last:
        return None
    reached = add_period(moved, Period(working_days=period.working_days), calendar.days)
    return reached if reached <= calendar.last else None
