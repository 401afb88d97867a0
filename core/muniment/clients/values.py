"""What may be recorded: values against the adopted policy. Pure; the day is an argument.

A value may be stored if its category and field are declared, the record's class stores that category, the value is of
the field's type, its source and every purpose it is held for are declared and, for special category and criminal
offence data, a condition stands today for each of those purposes (UK GDPR Art 9(2) and 10; DPA 2018 s.10, Sch 1). What
a policy leaves open is refused, never assumed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from muniment.api.clients import Field, Medium
from muniment.api.consent import Condition
from muniment.api.errors import InvalidInput
from muniment.api.law import APPROPRIATE_POLICY
from muniment.api.retention import RecordClass
from muniment.clients.parsing import EARLIEST, BadValue, Stored, parse_field
from muniment.policy.model import Policy
from muniment.policy.special import Slot, covers, slots_of

__all__ = ["LONGEST_KEY", "GivenValue", "Problem", "ValueRules", "as_stored", "refuse"]

LONGEST_KEY = 200
"""Characters of the key by which another system knows a record."""

NO_CONDITION = (
    "The adopted policy has no condition for recording this kind of data for that purpose (UK GDPR Art 9(2) or 10)."
)
NO_POLICY_DOCUMENT = (
    "The condition for this kind of data needs an appropriate policy document, and none is in force "
    "(DPA 2018 Sch 1 Part 4)."
)


class GivenValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value somebody wants to store: a declared source, the day it was given, the purposes it is held for."""

    value: str | int | float | bool
    source: str
    on: date
    purposes: tuple[str, ...]


class Problem(msgspec.Struct, frozen=True, order=True):
    """Why a value is not taken. `where` is `category.field`; `code` is stable; `message` holds no value."""

    where: str
    code: str
    message: str


class ValueRules:
    """What one service may record on one day, made once for a transaction or an import.

    `documented` are the conditions whose appropriate policy document is in force (`muniment.policy.documents`). Raises
    `NotFound` for a service that the policy does not have.
    """

    def __init__(self, policy: Policy, service: str, today: date, documented: Collection[str] = ()) -> None:
        of_service = policy.service(service)
        self.service = service
        self.today = today
        self.classes: dict[str, RecordClass] = {entry.id: entry for entry in of_service.retention.classes}
        self.sources = frozenset(source.id for source in of_service.clients.sources)
        self.systems = frozenset(system.id for system in of_service.clients.systems if system.medium == "other-system")
        self.purposes = frozenset(purpose.id for purpose in of_service.purposes.purposes)
        self._categories = {category.id: category for category in of_service.clients.categories}
        self._slots = slots_of(of_service)
        self._conditions = of_service.purposes.conditions
        self._documented = frozenset(documented)
        self._barred: dict[tuple[str, str], tuple[str, str] | None] = {}

    def record_class(self, class_id: str, medium: Medium) -> RecordClass:
        """The class of a record in a file. Raises `InvalidInput` if there is none, or not in that medium or shape."""
        found = self.classes.get(class_id)
        if found is None:
            known = ", ".join(sorted(self.classes)) or "none"
            raise InvalidInput(
                f"The service {self.service} has no such record class; it has: {known}.",
                where="record_class",
                code="unknown-class",
            )
        if medium not in found.media:
            raise InvalidInput(
                f"Records of the class {class_id} are kept as: {', '.join(found.media)}.", where="medium", code="medium"
            )
        return found

    def field(self, name: str) -> Field | None:
        """The declared field `category.field`, or None."""
        slot = self._slots.get(name)
        return None if slot is None else slot.field

    def check(self, record_class: RecordClass, given: Mapping[str, GivenValue]) -> tuple[dict[str, Any], list[Problem]]:
        """The values in stored form, and every problem with the others.

        Keys are `category.field`; the stored form is that of the column `record.values`.
        """
        stored: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, value in given.items():
            problem = self.bar(record_class, name, value.source, value.purposes)
            if problem is None and value.on > self.today:
                problem = Problem(name, "date-in-future", "The day the value was given lies in the future.")
            if problem is None and value.on < EARLIEST:
                message = f"The day the value was given lies before {EARLIEST.isoformat()}."
                problem = Problem(name, "date-too-early", message)
            if problem is None:
                try:
                    stored[name] = as_stored(
                        parse_field(self._slots[name].field, value.value), value.source, value.on, value.purposes
                    )
                except BadValue as error:
                    problem = Problem(name, error.code, f"The field {name} {error}.")
            if problem is not None:
                problems.append(problem)
        return stored, problems

    def bar(self, record_class: RecordClass, name: str, source: str, purposes: Sequence[str]) -> Problem | None:
        """Why no value at all may be stored under `name` in that class, from that source, for those purposes."""
        slot = self._slots.get(name)
        category_id = name.partition(".")[0]
        if slot is None:
            if category_id not in self._categories:
                return Problem(name, "undeclared-category", "The adopted policy declares no such category.")
            return Problem(name, "undeclared-field", "The adopted policy declares no such field in that category.")
        if category_id not in record_class.categories:
            message = f"Records of the class {record_class.id} do not store that category."
            return Problem(name, "not-in-class", message)
        if source not in self.sources:
            return Problem(name, "undeclared-source", "The adopted policy declares no such source.")
        if not purposes or not self.purposes.issuperset(purposes):
            return Problem(name, "undeclared-purpose", "A value is held for one or more declared purposes.")
        if slot.kind != "ordinary":
            for purpose in purposes:
                barred = self._condition(name, slot, purpose)
                if barred is not None:
                    return Problem(name, *barred)
        return None

    def _condition(self, name: str, slot: Slot, purpose: str) -> tuple[str, str] | None:
        known = (name, purpose)
        if known not in self._barred:
            self._barred[known] = self._look_for_condition(slot, purpose)
        return self._barred[known]

    def _look_for_condition(self, slot: Slot, purpose: str) -> tuple[str, str] | None:
        """None if a condition stands, else the code and message of what comes closest."""
        covering = [entry for entry in self._conditions if covers(entry, slot, purpose)]
        if not covering:
            return "no-condition", NO_CONDITION
        if not any(self._is_documented(entry) for entry in covering):
            return "no-policy-document", NO_POLICY_DOCUMENT
        return None

    def _is_documented(self, condition: Condition) -> bool:
        return condition.schedule_1 not in APPROPRIATE_POLICY or condition.id in self._documented


def as_stored(value: Stored, source: str, on: date, purposes: Sequence[str]) -> dict[str, Any]:
    """One entry of the column `record.values`."""
    return {"v": value, "s": source, "on": on.isoformat(), "p": list(purposes)}


def refuse(problems: Sequence[Problem]) -> None:
    """Raise `InvalidInput` for the first of `problems`, if there are any, saying how many there are in all."""
    if problems:
        first = min(problems)
        more = f" ({len(problems)} values are refused in all.)" if len(problems) > 1 else ""
        raise InvalidInput(f"{first.message}{more}", where=f"values.{first.where}", code=first.code)
