"""What adopting a policy would change, before anybody does it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import msgspec

from muniment.api.retention import RetentionDeclarations
from muniment.database.session import CouncilSession
from muniment.policy.model import PLATFORM, Policy, ServicePolicy, canonical

__all__ = ["Change", "DueDatesMoved", "Moved", "Plan", "plan_adoption"]


class Change(msgspec.Struct, frozen=True):
    """One thing that would differ. `what` is the kind of thing, `path` which one."""

    what: str
    path: str
    how: str
    """`new`, `gone` or `changed`."""


class Moved(msgspec.Struct, frozen=True):
    """Due dates of one record class that would move; contributed by `muniment.retention`. `month` is the new one,
    as `2027-03`, empty for records that would have no date."""

    record_class: str
    month: str
    records: int


DueDatesMoved = Callable[[CouncilSession, Policy], tuple[Moved, ...]]
"""What counts the due dates that a policy would move: of a higher layer, so the composition roots hand it over."""


class Plan(msgspec.Struct, frozen=True):
    """What adopting would change. `before` is null when nothing was adopted yet."""

    before: str | None
    after: str
    changes: tuple[Change, ...]
    notices: tuple[str, ...]
    """Notices to publish again, as `service/notice`."""
    consents: tuple[str, ...]
    """Purposes whose consents name other recipients than before, as `service/purpose`: fresh consent is needed."""
    moved: tuple[Moved, ...] = ()


def plan_adoption(before: Policy | None, after: Policy, moved: tuple[Moved, ...] = ()) -> Plan:
    """Compare the adopted policy with the one to adopt."""
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
    return Plan(before.hash if before else None, after.hash, tuple(changes), tuple(notices), tuple(consents), moved)


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
