"""What a rule comes to, in plain Python and one record at a time: the yardstick for the SQL that does it by the set.

Written from the rules' definitions and sharing nothing with the implementation but the declared format and the one
rule for adding periods. `reference_facts.py` knows what is so about a record, `reference_days.py` reckons with days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from muniment.api.clients import Cohort
from muniment.api.periods import parse_keep, parse_period
from muniment.api.retention import Anchor, Clause, ProgrammePeriod, RetentionDeclarations, RetentionRule
from tests.integration.retention.reference_days import add
from tests.integration.retention.reference_facts import Before, Dating, Facts, History, Line, both, either

__all__ = ["Answer", "History", "expected"]


class Answer(NamedTuple):
    """State, the last day kept, what is done then, the next review."""

    state: str
    due_on: date | None = None
    action: str | None = None
    review_on: date | None = None


Timed = tuple[str, date | None, Dating | None]
UNCLOCKED: Timed = ("unclocked", None, None)


def expected(
    retention: RetentionDeclarations, class_id: str, history: History, cohorts: Sequence[Cohort] = ()
) -> Answer:
    return Reckoning(retention, class_id, history, {cohort.id: cohort for cohort in cohorts}).answer()


class Reckoning(Facts):
    """One record under one schedule: what its rule comes to."""

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


def gated(truth: bool | None, line: Line) -> Line:
    """A clause where its condition is true, false or unknown."""
    if truth is False or line.state == "out":
        return line._replace(state="out")
    return line if truth else line._replace(state="unclocked")


def dated(dating: Dating) -> Timed:
    due = add(dating.day, dating.period)
    if due is None:
        return UNCLOCKED
    return "dated", due - timedelta(days=dating.margin), dating
