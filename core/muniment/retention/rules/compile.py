"""From a rule as a council declares it to a clock that can be computed: pure, without a database.

A `Clock` is one record class of the adopted policy with its rule made definite: schedule-wide defaults filled in,
references resolved where the other place is declared, and each clause that nothing can compute marked with why. What
it comes to for a record is settled in SQL (`clock_sql`), in one implementation for one file and for a million.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import msgspec

from muniment.api.periods import Period, Span, parse_keep
from muniment.api.retention import Anchor, Clause, RecordClass, RetentionDeclarations, RetentionRule, When
from muniment.policy.model import PLATFORM, Policy, canonical

__all__ = [
    "AWAIT_HOLDER",
    "DESTROY",
    "NOTHING",
    "UNDECLARED",
    "ClauseClock",
    "Clock",
    "State",
    "anchors_of",
    "clocks",
    "undeclared",
]

State = Literal["out", "running", "unclocked", "dated", "permanent"]

COMPILED = 1
"""Raised when the same rule would come to another date: then every record is clocked and armed anew."""

AWAIT_HOLDER = "await-holder"
"""The action of a clause about data that somebody else holds: theirs to do and to confirm; nothing goes here."""

UNDECLARED = "undeclared"
"""What stands for the rule's hash where the adopted policy has no such class."""

DESTROY = "destroy"
"""What is done when a source says how long and not what then: what is no longer needed goes."""

NOTHING = Period()


@dataclass(frozen=True)
class ClauseClock:
    """One clause made definite.

    `fixed` is the state that it has for every record its condition does not put out (`unclocked` with the reason in
    `why`, or `permanent`); without it the clause is dated `period` after `anchor`, less `margin` days. `enrolled`
    limits it to files in one of these programmes, `enrolled_beside` to files in one that is not among these.
    `stage` is the clause's place in its rule.
    """

    clause: Clause
    stage: int
    anchor: Anchor | None
    period: Period
    margin: int
    action: str
    fixed: Literal["unclocked", "permanent"] | None = None
    why: str = ""
    enrolled: tuple[str, ...] = ()
    enrolled_beside: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Clock:
    """A record class, its rule and what it is computed from. `hash` changes whenever a date could."""

    key: str
    record_class: RecordClass | None
    rule: RetentionRule | None
    clauses: tuple[ClauseClock, ...]
    hash: str

    @property
    def combine(self) -> Literal["longest", "earliest", "sequence"]:
        return self.rule.combine if self.rule else "longest"

    @property
    def reads_programmes(self) -> bool:
        """Whether the end of a programme, which is no fact of a file, moves a date here."""
        return any(anchor.event == "programme-end" for entry in self.clauses for anchor in anchors_of(entry))


@lru_cache(maxsize=64)
def _compiled(policy_hash: str, holder: _ByHash) -> dict[str, Clock]:
    return {key: _clock(holder.policy, key) for key in holder.policy.record_class_keys()}


class _ByHash:
    """A policy as a cache key: equal when its hash is."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def __hash__(self) -> int:
        return hash(self.policy.hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByHash) and other.policy.hash == self.policy.hash


def clocks(policy: Policy) -> dict[str, Clock]:
    """The clock of every record class of a policy, by key."""
    return _compiled(policy.hash, _ByHash(policy))


def undeclared(key: str) -> Clock:
    """The clock of a class that the adopted policy does not have: nothing of it is ever due."""
    return Clock(key, None, None, (), UNDECLARED)


def anchors_of(entry: ClauseClock) -> Iterator[Anchor]:
    """Every anchor that a clause reads, in its condition too."""
    if entry.anchor is not None and entry.fixed is None:
        yield entry.anchor
    if entry.clause.when is not None:
        yield from _anchors_in(entry.clause.when)


def _anchors_in(when: When) -> Iterator[Anchor]:
    yield from (anchor for anchor in (when.anchor, when.before, when.after) if anchor is not None)
    for inner in (*when.either, *((when.never,) if when.never else ())):
        yield from _anchors_in(inner)


def _clock(policy: Policy, key: str) -> Clock:
    scope = key.partition("/")[0]
    retention = policy.platform if scope == PLATFORM else policy.service(scope).retention
    record_class, rule = policy.record_class(key), policy.rule_for(key)
    if rule is None:
        return Clock(key, record_class, None, (), _hash(key, record_class))
    clauses = tuple(
        made
        for stage, clause in enumerate(rule.clauses)
        if not clause.classes or record_class.id in clause.classes
        for made in _definite(retention, clause, stage, frozenset({rule.id}))
    )
    return Clock(key, record_class, rule, clauses, _hash(key, record_class, rule, clauses))


def _definite(
    retention: RetentionDeclarations, clause: Clause, stage: int, seen: frozenset[str]
) -> Iterator[ClauseClock]:
    """The clause with defaults filled in and its reference resolved; several where programmes differ."""
    defaults = retention.defaults
    anchor = clause.anchor or defaults.anchor
    bound = clause.bound or defaults.bound
    base = ClauseClock(
        clause,
        stage,
        anchor,
        NOTHING,
        clause.margin_days if bound == "at-most" else 0,
        AWAIT_HOLDER if clause.holder is not None else clause.action or defaults.action or DESTROY,
    )
    if clause.keep is not None:
        yield _timed(base, parse_keep(clause.keep), bound)
    elif clause.refer is None:
        why = "it gives a criterion in words and no period" if clause.in_words else "it gives no period"
        yield replace(base, fixed="unclocked", why=why)
    elif clause.refer.to == "programme-notice":
        yield from _by_programme(retention, base, bound)
    elif clause.refer.to == "class" and clause.refer.id is not None:
        yield from _as_class(retention, base, clause.refer.id, seen)
    else:
        yield replace(base, fixed="unclocked", why="its period stands elsewhere and is not declared here")


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
    if base.anchor is None:
        return replace(base, fixed="unclocked", why="it does not say from which day it counts")
    if base.anchor.in_words is not None:
        return replace(base, fixed="unclocked", why="the day it counts from is stated in words alone")
    if base.anchor.whose != "client":
        return replace(base, fixed="unclocked", why="it counts from another person's date, which is not stored")
    return replace(base, period=span.shortest)


def _by_programme(retention: RetentionDeclarations, base: ClauseClock, bound: str | None) -> Iterator[ClauseClock]:
    """A reference to programmes' own notices: one clause for each programme whose period is declared.

    For a client in a programme whose period is not, the clause is unclocked: that record is never due.
    """
    refer = base.clause.refer
    only = refer.id if refer is not None else None
    declared = [period for period in retention.programmes if only in (None, period.programme)]
    for period in declared:
        anchor = period.anchor or base.clause.anchor  # the council's schedule-wide anchor says nothing of others' data
        if anchor is not None and anchor.event == "programme-end" and anchor.programme is None:
            anchor = msgspec.structs.replace(anchor, programme=period.programme)
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


def _as_class(
    retention: RetentionDeclarations, base: ClauseClock, class_id: str, seen: frozenset[str]
) -> Iterator[ClauseClock]:
    """A reference to another class's rule, where that rule is a single clause; else unclocked."""
    rule = next((rule for rule in retention.rules if class_id in rule.classes), None)
    if rule is not None and rule.id not in seen and len(rule.clauses) == 1 and rule.clauses[0].when is None:
        other = msgspec.structs.replace(rule.clauses[0], id=base.clause.id, when=base.clause.when)
        yield from _definite(retention, other, base.stage, seen | {rule.id})
    else:
        yield replace(base, fixed="unclocked", why="it is kept as another class is, whose period is not a single one")


def _hash(
    key: str,
    record_class: RecordClass | None,
    rule: RetentionRule | None = None,
    clauses: tuple[ClauseClock, ...] = (),
) -> str:
    """Sha256 over everything that a date of this class rests on in the policy."""
    rests_on = {
        "compiled": COMPILED,
        "key": key,
        "form": record_class.form if record_class else None,
        "combine": rule.combine if rule else None,
        "rule": rule.id if rule else None,
        "clauses": [
            {
                "when": entry.clause.when,
                "stage": entry.stage,
                "anchor": entry.anchor,
                "period": (entry.period.months, entry.period.days),
                "margin": entry.margin,
                "action": entry.action,
                "into": entry.clause.into,
                "redact": entry.clause.redact,
                "fixed": entry.fixed,
                "enrolled": entry.enrolled,
                "beside": entry.enrolled_beside,
            }
            for entry in clauses
        ],
    }
    return hashlib.sha256(canonical(rests_on)).hexdigest()
