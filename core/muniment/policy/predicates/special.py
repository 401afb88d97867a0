"""Special category and criminal offence data: conditions and what each needs (UK GDPR Arts 9, 10; DPA 2018 Sch 1)."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.api.consent import Condition
from muniment.api.law import APPROPRIATE_POLICY, NEEDS_SCHEDULE_1
from muniment.policy.model import ServicePolicy
from muniment.policy.scene import Hit, Predicate, Scene

__all__ = ["PREDICATES"]

NEEDS_POLICY_DOCUMENT = frozenset({"9.2.b", "9.2.g"})
"""Articles whose every Schedule 1 condition, or almost, asks for an appropriate policy document."""


def _characteristics(service: ServicePolicy) -> dict[str, str]:
    """The characteristics that make data special or criminal, with the category each is first found in."""
    found: dict[str, str] = {}
    for category in service.clients.categories:
        for field in category.fields:
            if (field.kind or category.kind) not in (None, "ordinary") or field.characteristic:
                found.setdefault(field.characteristic or category.characteristic or "", category.id)
        if not category.fields and (category.kind not in (None, "ordinary") or category.characteristic):
            found.setdefault(category.characteristic or "", category.id)
    return found


def special_without_condition(scene: Scene) -> Iterator[Hit]:
    """Special category or criminal offence data that no condition covers."""
    for slug, service in scene.services:
        conditions = service.purposes.conditions
        for characteristic, category in sorted(_characteristics(service).items()):
            covered = any(
                characteristic in condition.characteristics if condition.characteristics else True
                for condition in conditions
                if (condition.article == "10") == (characteristic == "criminal-offence") or condition.article is None
            )
            if not covered:
                what = characteristic or f"special category data in {category}"
                yield Hit(f"{slug}.condition.{characteristic or category}", what)


def characteristic_not_stated(scene: Scene) -> Iterator[Hit]:
    """Data marked special, without saying which of the special categories they are."""
    for slug, service in scene.services:
        category = _characteristics(service).get("")
        if category is not None:
            yield Hit(f"{slug}.category.{category}.characteristic", category)


def condition_without_article(scene: Scene) -> Iterator[Hit]:
    """A condition in words alone."""
    yield from (
        Hit(f"{path}.article", condition.id) for path, condition in _conditions(scene) if condition.article is None
    )


def condition_without_schedule_1(scene: Scene) -> Iterator[Hit]:
    """A condition that needs one of Schedule 1 beside it, and cites none."""
    for path, condition in _conditions(scene):
        if condition.article in NEEDS_SCHEDULE_1 and condition.schedule_1 is None:
            yield Hit(f"{path}.schedule_1", f"{condition.article}; one of {_allowed(condition)}")


def condition_wrongly_paired(scene: Scene) -> Iterator[Hit]:
    """A condition of Schedule 1 that does not go with the article cited."""
    for path, condition in _conditions(scene):
        if condition.article is None or condition.schedule_1 is None:
            continue
        if condition.schedule_1 not in NEEDS_SCHEDULE_1.get(condition.article, ()):
            needs = (
                f"it needs one of {_allowed(condition)}" if condition.article in NEEDS_SCHEDULE_1 else "it needs none"
            )
            yield Hit(path, f"{condition.schedule_1} with {condition.article}: {needs}")


def policy_document_absent(scene: Scene) -> Iterator[Hit]:
    """A condition that asks for an appropriate policy document, and none is stated."""
    for path, condition in _conditions(scene):
        if path not in scene.documented and _asks_for_document(condition) and condition.policy_document is None:
            yield Hit(f"{path}.policy_document", condition.id)


def policy_document_not_in_force(scene: Scene) -> Iterator[Hit]:
    """An appropriate policy document that is not in force today, or whose review is overdue."""
    for path, condition in _conditions(scene):
        document = condition.policy_document
        if document is None or path in scene.documented:
            continue
        ended = document.in_force_until is not None and document.in_force_until < scene.today
        if ended or document.in_force_from > scene.today:
            yield Hit(f"{path}.policy_document", "not in force today")
        elif document.review_on is not None and document.review_on < scene.today:
            yield Hit(f"{path}.policy_document", f"to be reviewed by {document.review_on.isoformat()}")


def condition_for_everything(scene: Scene) -> Iterator[Hit]:
    """A condition that does not say which special category data it is for."""
    for path, condition in _conditions(scene):
        if not condition.characteristics:
            yield Hit(f"{path}.characteristics", condition.id)


def equality_duty_instead_of_condition(scene: Scene) -> Iterator[Hit]:
    """Equality monitoring rests on the duty alone: a reason, not a condition."""
    for path, notice, service in scene.notices():
        told = notice.equality is not None and notice.equality.duty is not None
        if told and all(condition.schedule_1 != "2.8" for condition in service.purposes.conditions):
            yield Hit(f"{path}.equality")


def _asks_for_document(condition: Condition) -> bool:
    if condition.schedule_1 is not None and condition.article not in NEEDS_POLICY_DOCUMENT:
        return condition.schedule_1 in APPROPRIATE_POLICY
    return condition.article in NEEDS_POLICY_DOCUMENT


def _allowed(condition: Condition) -> str:
    allowed = NEEDS_SCHEDULE_1.get(condition.article or "", ())
    return allowed[0] if len(allowed) == 1 else f"{allowed[0]} to {allowed[-1]}"


def _conditions(scene: Scene) -> Iterator[tuple[str, Condition]]:
    for slug, service in scene.services:
        for condition in service.purposes.conditions:
            yield f"{slug}.condition.{condition.id}", condition


PREDICATES: tuple[Predicate, ...] = (
    special_without_condition,
    characteristic_not_stated,
    condition_without_article,
    condition_without_schedule_1,
    condition_wrongly_paired,
    policy_document_absent,
    policy_document_not_in_force,
    condition_for_everything,
    equality_duty_instead_of_condition,
)
