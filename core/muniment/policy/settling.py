"""Applying one decision to a policy: only what the declarations leave open can be settled.

A decision never changes what a council's document states. It may fill an attribute that is absent, add an element to a
list that may grow, narrow a clause whose breadth the source leaves in doubt, and pick a period where the source gives
a range or none that can be computed. Everything else is refused with what would be allowed.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, NoReturn, TypeVar

import msgspec

from muniment.api.decoding import allowed_at
from muniment.api.errors import InvalidInput
from muniment.api.notices import Notice
from muniment.api.periods import add_period, parse_keep
from muniment.api.retention import Anchor, Clause, RetentionDeclarations, RetentionRule, When
from muniment.api.sharing import Recipient
from muniment.policy.model import PLATFORM, Decision, Policy
from muniment.policy.paths import COUNCIL, field_named, item_type, key_name, key_of, names_in, struct_type, table_of

__all__ = ["GROWING", "settle"]

GROWING = frozenset(
    {
        "basis", "body", "condition", "contact", "document", "given_before", "import", "layer", "notice", "party",
        "programme", "right", "rule", "source", "statement", "statute", "system",
    }
)  # fmt: skip
"""Lists to which a decision may add an element. A category, purpose, recipient or clause it may not: new processing,
or another reading of a stated rule, belongs in the council's document first. Of notices it may add those of programmes,
which are other bodies' and come into force beside the council's."""

CLOSED = frozenset(
    {"wording", "remark", "id", "cohorts", "combine", "when", "holder", "in_words", "services", "occurrence", "whose"}
)
"""Attributes whose absence already says something: no condition, all people, the council itself."""

S = TypeVar("S", bound=msgspec.Struct)
YARDSTICK = date(2001, 1, 1)
"""Where two periods are laid out to compare them: no leap day lies near."""


def settle(policy: Policy, decision: Decision) -> Policy:
    """`policy` with one decision applied; the list of decisions is not touched.

    Raises `InvalidInput` when the path does not exist, when what it addresses is declared already, or when the value
    is not one that is allowed there.
    """
    scope, *steps = decision.path.split(".")
    if not steps or not all(steps):
        _refuse(decision.path, "a path is a service and names below it: housing.rule.tenancies.clause.all.from")
    at = _Place(decision.path, scope)
    if scope == COUNCIL:
        return msgspec.structs.replace(policy, council=_settle(policy.council, steps, decision.value, at))
    if scope == PLATFORM:
        return msgspec.structs.replace(policy, platform=_settle(policy.platform, steps, decision.value, at))
    if scope not in policy.services:
        _refuse(decision.path, f"there is no service {scope!r}; there are: {', '.join(sorted(policy.services))}")
    service = policy.services[scope]
    bundle = table_of().get(steps[0])
    if bundle is None:
        _refuse(decision.path, f"there is no {steps[0]!r} in a service; there are: {', '.join(sorted(table_of()))}")
    settled = msgspec.structs.replace(service, **{bundle: _settle(getattr(service, bundle), steps, decision.value, at)})
    return msgspec.structs.replace(policy, services={**policy.services, scope: settled})


class _Place:
    """Where the walk has got to, for messages."""

    def __init__(self, path: str, at: str) -> None:
        self.path, self.at = path, at

    def below(self, step: str) -> _Place:
        return _Place(self.path, f"{self.at}.{step}")

    def refuse(self, message: str) -> NoReturn:
        _refuse(self.path, message)


def _refuse(path: str, message: str) -> NoReturn:
    raise InvalidInput(f"{path} cannot be decided: {message}.", where=path, code="decision-refused")


def _settle(node: S, steps: list[str], value: Any, place: _Place) -> S:
    name, *rest = steps
    field = field_named(type(node), name)
    if field is None:
        place.refuse(f"there is no {name!r} at {place.at}; allowed there: {', '.join(names_in(type(node)))}")
    if isinstance(node, RetentionRule) and node.floor and name != "extension":
        place.refuse(f"{place.at} is set by law; it can be extended, not changed")
    current = getattr(node, field.name)
    below = place.below(name)
    item = item_type(field.type)
    if rest and item is not None:
        if name == "rule" and isinstance(node, RetentionDeclarations):
            _refuse_second_rule(node, rest, value, place)
        new = _settle_element(current, item, rest, value, below, grows=name in GROWING)
    elif rest:
        if struct_type(field.type) is None:
            place.refuse(f"{below.at} holds one value, there is nothing below it")
        if current is None:
            place.refuse(f"nothing stands at {below.at} yet: decide the whole of it")
        new = _settle(current, rest, value, below)
    else:
        if not _is_open(node, name, current, field):
            place.refuse(f"{below.at} is declared; only what the declarations leave open can be decided")
        new = _decoded(value, field.type, below)
        _refuse_outside(node, name, current, new, below)
    return msgspec.structs.replace(node, **{field.name: new})


def _settle_element(
    current: tuple[Any, ...], item: type[msgspec.Struct], steps: list[str], value: Any, place: _Place, *, grows: bool
) -> tuple[Any, ...]:
    key, *rest = steps
    keys = [key_of(element, position) for position, element in enumerate(current, 1)]
    if key in keys:
        if not rest:
            place.refuse(f"{place.at}.{key} is declared; an attribute that it leaves open can be decided")
        at = keys.index(key)
        return (*current[:at], _settle(current[at], rest, value, place.below(key)), *current[at + 1 :])
    there = f"there are: {', '.join(keys)}" if keys else "there is none"
    if not grows or rest:
        place.refuse(f"there is no {key!r} at {place.at}; {there}")
    name = key_name(item)
    if not isinstance(value, dict):
        place.refuse(f"a new {place.at}.{key} is a table of: {', '.join(names_in(item))}")
    if name is None:
        if key != str(len(current) + 1):
            place.refuse(f"the next one at {place.at} goes by its position, {len(current) + 1}")
    elif value.get(name, key) != key:
        place.refuse(f"its {name} is {value[name]!r} and its path says {key!r}")
    else:
        value = {name: key, **value}
    new = _decoded(value, item, place.below(key))
    if isinstance(new, Notice) and new.programme is None:
        place.refuse(f"a notice that is decided is a programme's own: give {place.at}.{key} its `programme`")
    return (*current, new)


def _is_open(node: msgspec.Struct, name: str, current: Any, field: msgspec.structs.FieldInfo) -> bool:
    """Whether the declarations leave an attribute open."""
    match node, name:
        case Clause(), "classes":
            return node.breadth_open
        case Clause(), "keep":
            return current is None or parse_keep(current).kind in ("variable", "range")
        case Clause(), "bound":
            return current in (None, "about")
        case Clause(), "refer":
            return current is None and node.keep is None
        case Anchor(), _ if node.is_named:
            return False
        case When(), _ if msgspec.structs.replace(node, in_words=None) != When():
            return False
        case Recipient(), "agreement" | "on_request" | "competent_authority":
            return current is False  # no notice says so of a recipient: the council knows
        case Notice(), "programme":
            return False  # a notice that names none is for everybody
    if name in CLOSED or isinstance(current, bool):
        return False
    return current in (None, "", (), {}, "not-stated") or (
        isinstance(current, msgspec.Struct) and current == field.default
    )


def _refuse_outside(node: msgspec.Struct, name: str, current: Any, new: Any, place: _Place) -> None:
    """What fits the type and yet not what is declared around it."""
    if isinstance(node, Clause) and name == "keep" and current is not None:
        span, chosen = parse_keep(current), parse_keep(new)
        if span.kind == "range":
            ends = (add_period(YARDSTICK, span.shortest), add_period(YARDSTICK, span.longest))
            if chosen.kind != "period" or not ends[0] <= add_period(YARDSTICK, chosen.shortest) <= ends[1]:
                place.refuse(f"the source says {current!r}, and {new!r} lies outside it")
    if new in (None, (), {}):
        place.refuse("to leave it open, withdraw the decision instead of deciding nothing")


def _refuse_second_rule(node: RetentionDeclarations, steps: list[str], value: Any, place: _Place) -> None:
    """A new rule may cover only classes that no declared rule covers: it would be another reading of theirs."""
    if len(steps) > 1 or not isinstance(value, dict) or any(rule.id == steps[0] for rule in node.rules):
        return
    wanted = value.get("classes")
    covered = {class_id: rule.id for rule in node.rules for class_id in rule.classes}
    for class_id in wanted if isinstance(wanted, list) else ():
        if class_id in covered:
            place.refuse(f"the class {class_id!r} has a rule already: {covered[class_id]}")


def _decoded(value: Any, kind: Any, place: _Place) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, at = str(error).partition(" - at ")
        allowed = allowed_at(kind, at.strip("`") or "$") if _is_inspectable(kind) else []
        names = f"; allowed there: {', '.join(allowed)}" if allowed else ""
        problem = re.sub(r"matching regex .*", "in the form that is allowed there", problem)
        place.refuse(f"{problem[0].lower()}{problem[1:]}{f' at {at}' if at else ''}{names}")


def _is_inspectable(kind: Any) -> bool:
    try:
        msgspec.inspect.type_info(kind)
    except TypeError:
        return False
    return True
