"""From a rule as a council declares it to a clock that can be computed: pure, without a database.

A `Clock` is one record class of the adopted policy with its rule made definite: schedule-wide defaults filled in,
references resolved where the other place is declared, and each clause that nothing can compute marked with why. What
it comes to for a record is settled in SQL (`clock_sql`), in one implementation for one file and for a million.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

from muniment.api.clients import Cohort
from muniment.api.periods import parse_period
from muniment.api.retention import Anchor, RecordClass, RetentionRule, When
from muniment.defaults.calendars import Calendar, working_days_of
from muniment.policy.model import PLATFORM, Policy, canonical
from muniment.policy.special import Slot, slots_of
from muniment.retention.rules.anonymity import kept_anonymous, kept_pseudonymous
from muniment.retention.rules.definite import (
    ANONYMISE,
    ARCHIVE,
    AWAIT_HOLDER,
    DESTROY,
    PSEUDONYMISE,
    REDACT,
    RESTRICT,
    REVIEW,
    TRANSFER,
    ClauseClock,
    Combine,
    definite,
)

__all__ = [
    "ANONYMISE",
    "ARCHIVE",
    "AWAIT_HOLDER",
    "DESTROY",
    "PSEUDONYMISE",
    "REDACT",
    "RESTRICT",
    "REVIEW",
    "TRANSFER",
    "UNDECLARED",
    "ClauseClock",
    "Clock",
    "State",
    "anchors_of",
    "below",
    "clocks",
    "undeclared",
]

State = Literal["out", "running", "unclocked", "dated", "permanent"]

COMPILED = 3
"""Raised when the same rule would come to another date: then every record is clocked and armed anew."""

UNDECLARED = "undeclared"
"""What stands for the rule's hash where the adopted policy has no such class."""


@dataclass(frozen=True)
class Clock:
    """A record class, its rule and what it is computed from. `hash` changes whenever a date could.

    `combine` is the rule's, or that of a rule it refers to whole. `elsewhere` are clauses about what other holders
    have, beside those about the council's own: they are told and move no date. `cohorts` says how it is known who
    belongs to the cohorts that conditions name, `calendar` which days are no working days; None where none is counted.
    `fewest` is how many must share what is kept of an anonymous record, and how many where it is sensitive.
    """

    key: str
    record_class: RecordClass | None
    rule: RetentionRule | None
    clauses: tuple[ClauseClock, ...]
    hash: str
    combine: Combine = "longest"
    elsewhere: tuple[ClauseClock, ...] = ()
    cohorts: Mapping[str, Cohort] = field(default_factory=dict)
    calendar: Calendar | None = None
    fewest: tuple[int, int] = (5, 10)

    @cached_property
    def shape(self) -> str:
        """What the SQL of the clock goes by, but for the class and the hash: as `hash` without their names."""
        return _digest(_computed_from(self.record_class, self.combine, self.clauses, self.cohorts, self.calendar))

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
    """Every anchor that a clause reads: in its conditions, of the clause that it counts from, inside another."""
    if entry.anchor is not None and (entry.fixed is None or entry.clause.review is not None):
        yield from _within(entry.anchor)
    if entry.after is not None:
        yield from anchors_of(entry.after)
    for condition in entry.conditions:
        yield from _anchors_in(condition)


def _anchors_in(when: When) -> Iterator[Anchor]:
    for anchor in (when.anchor, when.before, when.after):
        if anchor is not None:
            yield from _within(anchor)
    for inner in below(when):
        yield from _anchors_in(inner)


def _within(anchor: Anchor) -> Iterator[Anchor]:
    yield anchor
    for inner in anchor.either:
        yield from _within(inner)


def below(when: When) -> tuple[When, ...]:
    """The conditions that a condition combines."""
    return (*when.either, *((when.never,) if when.never is not None else ()))


def _clock(policy: Policy, key: str) -> Clock:
    scope = key.partition("/")[0]
    service = None if scope == PLATFORM else policy.service(scope)
    retention = policy.platform if service is None else service.retention
    record_class, rule = policy.record_class(key), policy.rule_for(key)
    if rule is None:
        return Clock(key, record_class, None, (), _hash(key, record_class))
    combine, clauses = definite(retention, rule, record_class.id)
    own = tuple(entry for entry in clauses if entry.clause.holder is None)
    elsewhere = tuple(entry for entry in clauses if entry.clause.holder is not None) if own else ()
    slots = {} if service is None else slots_of(service)
    clauses = tuple(_with_kept(entry, slots, record_class) for entry in own or clauses)
    fewest = (retention.defaults.fewest, retention.defaults.fewest_sensitive)
    named = {name for entry in clauses for condition in entry.conditions for name in _cohorts_in(condition)}
    declared = () if service is None else service.clients.cohorts
    cohorts = {cohort.id: cohort for cohort in declared if cohort.id in named}
    calendar = working_days_of(policy.council.nation) if any(map(_counts_working_days, clauses)) else None
    shared_by = fewest if any(entry.action == ANONYMISE for entry in clauses) else None
    rests_on = _hash(key, record_class, rule, combine, clauses, cohorts, calendar, shared_by)
    return Clock(key, record_class, rule, clauses, rests_on, combine, elsewhere, cohorts, calendar, fewest)


def _with_kept(entry: ClauseClock, slots: Mapping[str, Slot], record_class: RecordClass) -> ClauseClock:
    """The clause with what stays of a record when it is carried out."""
    if entry.action == ANONYMISE:
        return replace(entry, kept=kept_anonymous(slots, record_class, entry.clause))
    if entry.action == PSEUDONYMISE:
        return replace(entry, kept=kept_pseudonymous(slots, entry.clause))
    return entry


def _counts_working_days(entry: ClauseClock) -> bool:
    lengths = [anchor.plus for anchor in anchors_of(entry)]
    lengths += [entry.clause.review.every] if entry.clause.review is not None else []
    before = entry.after is not None and _counts_working_days(entry.after)
    return before or any(period.working_days for period in (entry.period, *map(parse_period, filter(None, lengths))))


def _cohorts_in(when: When) -> Iterator[str]:
    if when.cohort is not None:
        yield when.cohort
    for inner in below(when):
        yield from _cohorts_in(inner)


def _hash(
    key: str,
    record_class: RecordClass | None,
    rule: RetentionRule | None = None,
    combine: Combine | None = None,
    clauses: tuple[ClauseClock, ...] = (),
    cohorts: Mapping[str, Cohort] | None = None,
    calendar: Calendar | None = None,
    fewest: tuple[int, int] | None = None,
) -> str:
    """Sha256 over everything that a date of this class rests on in the policy."""
    named = {"compiled": COMPILED, "key": key, "rule": rule.id if rule else None}
    shared_by = {} if fewest is None else {"fewest": fewest}
    return _digest(named | _computed_from(record_class, combine, clauses, cohorts or {}, calendar) | shared_by)


def _computed_from(
    record_class: RecordClass | None,
    combine: Combine | None,
    clauses: tuple[ClauseClock, ...],
    cohorts: Mapping[str, Cohort],
    calendar: Calendar | None,
) -> dict[str, object]:
    return {
        "form": record_class.form if record_class else None,
        "combine": combine,
        "cohorts": {name: (cohort.field, cohort.equals, cohort.in_programme) for name, cohort in cohorts.items()},
        "clauses": list(map(_rests_on, clauses)),
        "holidays": calendar,
    }


def _digest(said: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical(said)).hexdigest()


def _rests_on(entry: ClauseClock) -> dict[str, object]:
    return {
        "when": entry.conditions,
        "stage": entry.stage,
        "anchor": entry.anchor,
        "period": (entry.period.months, entry.period.days, entry.period.working_days),
        "margin": entry.margin,
        "action": entry.action,
        "into": entry.clause.into,
        "redact": entry.clause.redact,
        "review": entry.clause.review.every if entry.clause.review else None,
        "fixed": entry.fixed,
        "enrolled": entry.enrolled,
        "beside": entry.enrolled_beside,
        "after": _rests_on(entry.after) if entry.after is not None else None,
    } | ({"kept": [(kept.name, kept.how, kept.sensitive) for kept in entry.kept]} if entry.kept else {})
