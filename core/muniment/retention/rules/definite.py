"""Clauses made definite: defaults filled in, references followed, what nothing can compute marked with why. Pure.

What a clause leaves open is never filled with a guess: it becomes *unclocked*, and the record is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import msgspec

from muniment.api.periods import Period, Span, parse_keep, parse_period
from muniment.api.retention import Anchor, Clause, RetentionDeclarations, RetentionRule, When, Whose
from muniment.policy.references import referred_rule
from muniment.retention.rules.anonymity import Kept

__all__ = [
    "ANONYMISE", "ARCHIVE", "AWAIT_HOLDER", "DESTROY", "NOTHING", "PSEUDONYMISE", "REDACT", "RESTRICT", "REVIEW",
    "TRANSFER", "ClauseClock", "Combine", "definite",
]  # fmt: skip

Combine = Literal["longest", "earliest", "sequence"]

AWAIT_HOLDER = "await-holder"
"""The action of a clause about data that somebody else holds: theirs to do and to confirm; nothing goes here."""

DESTROY = "destroy"
"""What is done when a source says how long and not what then: what is no longer needed goes."""

REVIEW = "review"
"""Somebody decides, record by record, whether it goes: the sweep proposes and destroys nothing."""

REDACT, TRANSFER, RESTRICT, PSEUDONYMISE = "redact", "transfer", "restrict", "pseudonymise"
"""A record stays: without some of its values, as one of another class, out of use, or without a name."""

ANONYMISE = "anonymise"
"""The record goes like any that is destroyed; counts that identify nobody stay."""

ARCHIVE = "archive"
"""The record is packed and offered to an archive, and goes when the archivist has it."""

NOTHING = Period()


@dataclass(frozen=True)
class ClauseClock:
    """One clause made definite.

    It counts where all of `conditions` hold: its own, and those of a rule that it refers to. `fixed` is the state that
    it then has for every record (`unclocked` with the reason in `why`, or `permanent`); without it the clause is dated
    `period` after `anchor`, less `margin` days. `enrolled` limits it to files in one of these programmes,
    `enrolled_beside` to files in one that is not among these. `stage` is the clause's place in its rule,
    `after` the clause from whose day this one counts. `kept` is what stays of a record that it makes anonymous or
    pseudonymises.
    """

    clause: Clause
    stage: int
    anchor: Anchor | None
    period: Period
    margin: int
    action: str
    conditions: tuple[When, ...] = ()
    fixed: Literal["unclocked", "permanent"] | None = None
    why: str = ""
    enrolled: tuple[str, ...] = ()
    enrolled_beside: tuple[str, ...] | None = None
    after: ClauseClock | None = None
    kept: tuple[Kept, ...] = ()


def definite(
    retention: RetentionDeclarations, rule: RetentionRule, class_id: str
) -> tuple[Combine, tuple[ClauseClock, ...]]:
    """How the rule combines, and its clauses about one class; those of another rule where it refers to that whole."""
    combine, clauses = _Rules(retention).rule(rule, class_id, (), frozenset())
    return combine, tuple(clauses)


class _Rules:
    """The rules of one schedule, under its defaults."""

    def __init__(self, retention: RetentionDeclarations) -> None:
        self.retention = retention
        self.defaults = retention.defaults

    def rule(
        self, rule: RetentionRule, class_id: str, conditions: tuple[When, ...], seen: frozenset[str]
    ) -> tuple[Combine, list[ClauseClock]]:
        """`conditions` hold beside each clause's own; the rules in `seen` are being followed already."""
        seen |= {rule.id}
        if rule.cohorts:
            conditions = (*conditions, When(either=tuple(When(cohort=cohort) for cohort in rule.cohorts)))
        clauses = _about(rule, class_id)
        if len(clauses) == 1 and (other := referred_rule(self.retention, clauses[0][1], seen)) is not None:
            ((_, clause),) = clauses
            own = _condition(clause.when, self.defaults.client)
            combine, found = self.rule(other, _class_of(clause), (*conditions, *own), seen)
            return combine, [self._taken_over(clause, entry, len(found)) for entry in found]
        made: list[ClauseClock] = []
        for stage, clause in clauses:
            for entry in self._clause(clause, stage, rule.combine, seen):
                made.append(_following(replace(entry, conditions=(*conditions, *entry.conditions)), made))
        return rule.combine, made

    def _clause(self, clause: Clause, stage: int, combine: Combine, seen: frozenset[str]) -> Iterator[ClauseClock]:
        """The clause with defaults filled in and its reference resolved; several where programmes differ."""
        bound = clause.bound or self.defaults.bound
        base = ClauseClock(
            clause,
            stage,
            _ours(clause.anchor or self.defaults.anchor, self.defaults.client),
            NOTHING,
            clause.margin_days if bound == "at-most" else 0,
            AWAIT_HOLDER if clause.holder is not None else clause.action or self.defaults.action or DESTROY,
            _condition(clause.when, self.defaults.client),
        )
        if clause.keep is not None:
            yield _timed(base, parse_keep(clause.keep), bound)
        elif clause.refer is None and clause.anchor is not None and clause.in_words is None:
            yield _timed(base, parse_keep("none"), None)
        elif clause.refer is None:
            why = "it gives a criterion in words and no period" if clause.in_words else "it gives no period"
            yield replace(base, fixed="unclocked", why=why)
        elif clause.refer.to == "programme-notice":
            yield from self._by_programme(base, bound)
        elif clause.refer.to == "class" and clause.refer.id is not None:
            yield from self._as_class(base, combine, seen)
        else:
            yield replace(base, fixed="unclocked", why="its period stands elsewhere and is not declared here")

    def _by_programme(self, base: ClauseClock, bound: str | None) -> Iterator[ClauseClock]:
        """A reference to programmes' own notices: one clause for each programme whose period is declared.

        For a client in a programme whose period is not, the clause is unclocked: that record is never due.
        """
        only = base.clause.refer.id if base.clause.refer is not None else None
        declared = [period for period in self.retention.programmes if only in (None, period.programme)]
        for period in declared:
            anchor = period.anchor or base.clause.anchor  # the council's default anchor says nothing of others' data
            anchor = _ours(_each(anchor, partial(_its_end, period.programme)), self.defaults.client)
            timed = replace(base, anchor=anchor, enrolled=(period.programme,))
            if period.keep is None:
                yield replace(timed, fixed="unclocked", why="the programme's notice gives no period")
            else:
                yield _timed(timed, parse_keep(period.keep), bound)
        names = tuple(period.programme for period in declared)
        why = "it refers to the notice of a programme whose period is not declared"
        if only is None:
            yield replace(base, fixed="unclocked", why=why, enrolled_beside=names)
        elif not declared:
            yield replace(base, fixed="unclocked", why=why)

    def _as_class(self, base: ClauseClock, combine: Combine, seen: frozenset[str]) -> Iterator[ClauseClock]:
        """A reference to another class's rule, beside other clauses: well-defined where that rule comes to a single
        clause, or combines its clauses as this one does."""
        other = referred_rule(self.retention, base.clause, seen)
        if other is not None:
            theirs, found = self.rule(other, _class_of(base.clause), base.conditions, seen)
            if len(found) == 1 or (theirs == combine and combine != "sequence"):
                for entry in found:
                    yield replace(self._taken_over(base.clause, entry, len(found)), stage=base.stage)
                return
        why = "it is kept as another class is, whose rule does not come to a single period here"
        yield replace(base, fixed="unclocked", why=why)

    @staticmethod
    def _taken_over(clause: Clause, entry: ClauseClock, count: int) -> ClauseClock:
        """Another rule's clause in the name of the one that refers to it, whose own action, if any, is what is done.

        A *transfer* is no end: the record is then kept, and goes, as that class's do.
        """
        own = msgspec.structs.replace(
            entry.clause,
            id=clause.id if count == 1 else f"{clause.id}/{entry.clause.id}",
            holder=clause.holder or entry.clause.holder,
            authority=clause.authority + entry.clause.authority,
            review=clause.review or entry.clause.review,
        )
        action = clause.action if clause.action not in (None, "transfer") else entry.action
        period = entry.period + _on_top(clause) if entry.fixed is None else entry.period
        done = AWAIT_HOLDER if own.holder is not None else action or entry.action
        return replace(entry, clause=own, period=period, action=done)


def _about(rule: RetentionRule, class_id: str) -> list[tuple[int, Clause]]:
    """The clauses of a rule that are about a class, each with its place."""
    return [
        (stage, clause) for stage, clause in enumerate(rule.clauses) if not clause.classes or class_id in clause.classes
    ]


def _class_of(clause: Clause) -> str:
    return (clause.refer.id if clause.refer is not None else None) or ""


def _on_top(clause: Clause) -> Period:
    """What a clause adds to the period that it refers to."""
    return parse_period(clause.refer.plus) if clause.refer is not None and clause.refer.plus is not None else NOTHING


def _following(entry: ClauseClock, earlier: list[ClauseClock]) -> ClauseClock:
    """The clause with the one from whose day it counts, found among the earlier ones of its rule."""
    if entry.anchor is None or entry.anchor.stage is None:
        return entry
    found = [other for other in earlier if other.clause.id == entry.anchor.stage]
    if len(found) == 1 and found[0].fixed is None:
        return replace(entry, after=found[0])
    if entry.fixed is not None:
        return entry
    return replace(entry, fixed="unclocked", why="the clause that it counts from comes to no single day here")


def _timed(base: ClauseClock, span: Span, bound: str | None) -> ClauseClock:
    match span.kind:
        case "permanent":
            return replace(base, fixed="permanent")
        case "variable":
            return replace(base, fixed="unclocked", why="its period is variable")
        case "range":
            return replace(base, fixed="unclocked", why="its period is a range")
    if bound == "about":
        return replace(base, fixed="unclocked", why="its period is only approximate")
    anchor = base.anchor
    if anchor is None:
        return replace(base, fixed="unclocked", why="it does not say from which day it counts")
    if not anchor.is_named:
        return replace(base, fixed="unclocked", why="the day it counts from is stated in words alone")
    return replace(base, period=span.shortest + _on_top(base.clause))


def _each(anchor: Anchor | None, change: Callable[[Anchor], Anchor]) -> Anchor | None:
    """The anchor with a change made to it and to all that it is the first or latest of."""
    if anchor is None:
        return None
    either = tuple(found for inner in anchor.either if (found := _each(inner, change)) is not None)
    return change(msgspec.structs.replace(anchor, either=either))


def _its_end(programme: str, anchor: Anchor) -> Anchor:
    """*The end of the programme*, said in a programme's own notice, is of that one."""
    if anchor.event != "programme-end" or anchor.programme is not None:
        return anchor
    return msgspec.structs.replace(anchor, programme=programme)


def _ours(anchor: Anchor | None, client: Whose | None) -> Anchor | None:
    """The anchor with the client called so, whatever the schedule calls them."""
    return _each(anchor, lambda one: msgspec.structs.replace(one, whose="client") if one.whose == client else one)


def _condition(when: When | None, client: Whose | None) -> tuple[When, ...]:
    return () if when is None else (_of_client(when, client),)


def _of_client(when: When, client: Whose | None) -> When:
    return msgspec.structs.replace(
        when,
        anchor=_ours(when.anchor, client),
        before=_ours(when.before, client),
        after=_ours(when.after, client),
        either=tuple(_of_client(inner, client) for inner in when.either),
        never=_of_client(when.never, client) if when.never is not None else None,
    )
