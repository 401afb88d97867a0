"""Fields as a policy declares them, and which conditions are for them (UK GDPR Arts 9(2), 10; DPA 2018 s.10, Sch 1).

Recording and disclosing both ask here, so that what may be held on a condition and what may be given on one are judged
alike. Whether a condition's appropriate policy document is in force is asked elsewhere: it depends on the day.
"""

from __future__ import annotations

from typing import Final

import msgspec

from muniment.api.clients import Category, Field
from muniment.api.consent import Condition
from muniment.api.law import NEEDS_SCHEDULE_1, DataKind
from muniment.policy.model import ServicePolicy

__all__ = ["Slot", "covers", "slots_of"]


EQUALITY: Final = frozenset(
    {"racial-or-ethnic-origin", "religious-or-philosophical-beliefs", "health", "sexual-orientation"}
)
"""What may be looked at for equality of opportunity or treatment, and nothing else (DPA 2018 Sch 1 para 8(2))."""


class Slot(msgspec.Struct, frozen=True):
    """A declared field with what its category says."""

    category: Category
    field: Field

    @property
    def kind(self) -> DataKind:
        """What a characteristic implies unless the field itself says otherwise; unstated is taken at its most
        sensitive."""
        if self.field.kind is not None:
            return self.field.kind
        if self.characteristic is not None:
            return "criminal" if self.characteristic == "criminal-offence" else "special"
        return self.category.kind or "special"

    @property
    def characteristic(self) -> str | None:
        """What makes it special category or criminal offence data, where that is stated."""
        return self.field.characteristic or self.category.characteristic


def slots_of(service: ServicePolicy) -> dict[str, Slot]:
    """Every declared field of a service by its name `category.field`."""
    return {
        f"{category.id}.{field.id}": Slot(category, field)
        for category in service.clients.categories
        for field in category.fields
    }


def covers(condition: Condition, slot: Slot, purpose: str) -> bool:
    """Whether a condition is complete in law and is for these data and that purpose."""
    if condition.article is None or (condition.article == "10") != (slot.kind == "criminal"):
        return False
    needed = NEEDS_SCHEDULE_1.get(condition.article)
    if needed is not None and condition.schedule_1 not in needed:
        return False
    if condition.schedule_1 == "2.8" and slot.characteristic not in EQUALITY:
        return False
    if condition.characteristics and slot.characteristic not in condition.characteristics:
        return False
    return not condition.purposes or purpose in condition.purposes
