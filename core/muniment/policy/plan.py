"""What adopting a policy would change, before anybody does it; and the promise that this is what will be adopted.

A plan has a hash in four parts, one for each thing that it rests on. Adopting by it compares them with those of the
plan as it would be now, and so can say what has changed since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from muniment.api.errors import Conflict, InvalidInput
from muniment.api.retention import RetentionDeclarations
from muniment.database.session import CouncilSession
from muniment.policy.model import PLATFORM, Policy, ServicePolicy, canonical

__all__ = [
    "NONE",
    "PARTS",
    "Change",
    "Consequences",
    "Foresee",
    "Moved",
    "Plan",
    "Waiting",
    "keep_promise",
    "plan_adoption",
    "stale",
]

PARTS: Final = (
    "the adopted policy",
    "what the plugins declare",
    "the decisions",
    "the counts of records, or what they rest on,",
)
"""What a plan rests on, in the order of the parts of its hash."""

PART: Final = 16
"""Hexadecimal digits of each."""


class Change(msgspec.Struct, frozen=True):
    """One thing that would differ. `what` is the kind of thing, `path` which one."""

    what: str
    path: str
    how: str
    """`new`, `gone` or `changed`."""


class Moved(msgspec.Struct, frozen=True):
    """Records of one class whose last day kept would be another: from one month to one, a calendar month in London as
    `2027-03`, empty where there is no day. `newly_due` of them would be past their last day at once, and are not now.
    """

    record_class: str
    was: str
    month: str
    records: int
    newly_due: int


class Waiting(msgspec.Struct, frozen=True):
    """Records of one class that the rule in force has not clocked yet: where they would move from is not known."""

    record_class: str
    records: int


class Consequences(msgspec.Struct, frozen=True):
    """What a policy would do to what is stored; contributed by `muniment.retention`. Of `disarmed` classes the rule
    that somebody approved would be replaced, so that nothing goes until the new one is approved."""

    moved: tuple[Moved, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    disarmed: tuple[str, ...] = ()


NONE: Final = Consequences()

Foresee = Callable[[CouncilSession, Policy], Consequences]
"""What tells the consequences of a policy: of a higher layer, so the composition roots hand it over."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What adopting would change. `before` is null when nothing was adopted yet. `hash` is the promise: adopting by it
    adopts this or nothing."""

    hash: str
    before: str | None
    after: str
    changes: tuple[Change, ...]
    notices: tuple[str, ...]
    """Notices to publish again, as `service/notice`."""
    consents: tuple[str, ...]
    """Purposes whose consents name other recipients than before, as `service/purpose`: fresh consent is needed."""
    moved: tuple[Moved, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    disarmed: tuple[str, ...] = ()


def plan_adoption(before: Policy | None, after: Policy, declared: Policy, consequences: Consequences = NONE) -> Plan:
    """Compare the adopted policy with the one to adopt; `declared` is that one without decisions."""
    old = before or Policy(council=after.council)
    changes = [*_council(old, after, first=before is None), *_platform(old, after)]
    notices: list[str] = []
    consents: list[str] = []
    for slug in sorted(old.services.keys() | after.services.keys()):
        was, now = old.services.get(slug), after.services.get(slug)
        if was is None or now is None:
            changes.append(Change("service", slug, "new" if was is None else "gone"))
        if now is None:
            continue
        empty = ServicePolicy(service=now.service)
        changes += _service(slug, was or empty, now)
        if was != now or old.council != after.council or before is None:
            notices += [f"{slug}/{notice.id}" for notice in now.notices.notices]
        consents += _consents(slug, was or empty, now)
    rests_on = (before.hash if before else None, declared.hash, after.decisions, consequences)
    return Plan(
        hash="-".join(hashlib.sha256(canonical(part)).hexdigest()[:PART] for part in rests_on),
        before=before.hash if before else None,
        after=after.hash,
        changes=tuple(changes),
        notices=tuple(notices),
        consents=tuple(consents),
        moved=consequences.moved,
        waiting=consequences.waiting,
        disarmed=consequences.disarmed,
    )


def keep_promise(promised: str, plan: Plan, council: str) -> None:
    """Raise `Conflict` unless the plan as it is now is the one whose hash was promised, saying what has changed since.

    A plan that has been adopted already is kept. Raises `InvalidInput` for what is no plan's hash.
    """
    then, now = promised.strip().split("-"), plan.hash.split("-")
    if len(then) != len(PARTS) or any(len(part) != PART for part in then):
        raise InvalidInput(
            f"This is not the hash of a plan. It stands in: muniment policy plan {council}", where="plan"
        )
    changed = [name for name, was, part in zip(PARTS, then, now, strict=True) if was != part]
    if changed and not (plan.before == plan.after and then[1:3] == now[1:3]):
        raise stale(council, *changed)


def stale(council: str, *changed: str) -> Conflict:
    """What is raised where these have changed since a plan was made."""
    what = " and ".join((", ".join(changed[:-1]), changed[-1]) if len(changed) > 1 else changed)
    have = "has" if changed == PARTS[:1] else "have"
    return Conflict(
        f"Nothing was adopted: {what} {have} changed since the plan. Look again: muniment policy plan {council}",
        code="plan-stale",
    )


def _council(old: Policy, new: Policy, *, first: bool) -> Iterator[Change]:
    if not first and old.council != new.council:
        yield Change("council", "council", "changed")
    before = {decision.path: decision for decision in old.decisions}
    after = {decision.path: decision for decision in new.decisions}
    yield from _compared("decision", "", before, after)


def _platform(old: Policy, new: Policy) -> Iterator[Change]:
    yield from _rules(PLATFORM, old.platform, new.platform)


def _service(slug: str, was: ServicePolicy, now: ServicePolicy) -> Iterator[Change]:
    yield from _rules(slug, was.retention, now.retention)
    for what, before, after in (
        ("category", was.clients.categories, now.clients.categories),
        ("purpose", was.purposes.purposes, now.purposes.purposes),
        ("basis", was.purposes.bases, now.purposes.bases),
        ("condition", was.purposes.conditions, now.purposes.conditions),
        ("recipient", was.recipients.recipients, now.recipients.recipients),
        ("notice", was.notices.notices, now.notices.notices),
    ):
        yield from _compared(
            what, f"{slug}/", {entry.id: entry for entry in before}, {entry.id: entry for entry in after}
        )


def _rules(scope: str, was: RetentionDeclarations, now: RetentionDeclarations) -> Iterator[Change]:
    yield from _compared("retention rule of class", f"{scope}/", _ruled(was), _ruled(now))


def _ruled(retention: RetentionDeclarations) -> dict[str, str]:
    """For each class, the hash of everything that its clock reads."""
    around = canonical((retention.defaults, retention.programmes))
    rules = {class_id: rule for rule in retention.rules for class_id in rule.classes}
    return {
        entry.id: hashlib.sha256(canonical((entry, rules.get(entry.id))) + around).hexdigest()
        for entry in retention.classes
    }


def _consents(slug: str, was: ServicePolicy, now: ServicePolicy) -> Iterator[str]:
    before = {purpose.id: frozenset(purpose.recipients) for purpose in was.purposes.purposes if purpose.consent}
    for purpose in now.purposes.purposes:
        if purpose.consent and purpose.id in before and before[purpose.id] != frozenset(purpose.recipients):
            yield f"{slug}/{purpose.id}"


def _compared(what: str, prefix: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            how = "new" if name not in before else "gone" if name not in after else "changed"
            yield Change(what, f"{prefix}{name}", how)
