"""Joining what several plugins declare into one policy, before any decision.

Lists are joined in the order in which plugins are asked: core's defaults, what the council uses, the council. An id
declared twice in one list is an error; a council's retention rule replaces a default for the same class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from muniment.api.council import Council, Service
from muniment.api.errors import DeclarationError
from muniment.api.retention import RetentionDeclarations, RetentionRule, ScheduleDefaults
from muniment.plugins.digest import digest_of
from muniment.plugins.facade import Answers, CouncilFacade
from muniment.policy.findings import Finding
from muniment.policy.floors import shortened
from muniment.policy.model import PLATFORM, PluginUsed, Policy, ServicePolicy
from muniment.policy.paths import COUNCIL, RESERVED, fields_of, key_name, key_of, walk

__all__ = ["Joined", "does_not_load", "join"]

B = TypeVar("B", bound=msgspec.Struct)

FILES: Mapping[str, str] = {
    "clients": "categories.toml",
    "purposes": "purposes.toml",
    "recipients": "recipients.toml",
    "retention": "retention.toml",
    "notices": "notice.toml",
}
"""The file that each part of a service's policy stands in, unless a plugin declares it in Python."""


@dataclass
class Joined:
    """The declarations alone. `said_by` gives the distribution that declared each element, by its path."""

    policy: Policy | None = None
    said_by: dict[str, str] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)


def join(facade: CouncilFacade) -> Joined:
    """Ask every plugin of a council and join the answers. What does not load is a problem, never an exception.

    Raises `PluginError` when a plugin's code fails.
    """
    joined = Joined()
    try:
        council = facade.council()
    except DeclarationError as error:
        joined.problems.append(does_not_load(COUNCIL, error, facade.own))
        return joined
    _note(joined, council, COUNCIL, facade.own)
    services = {service.slug: _service(facade, service, joined) for service in council.services}
    _check_council(joined, council, facade)
    platform = _bundle(joined, PLATFORM, facade.retention_rules(PLATFORM), RetentionDeclarations, facade.own)
    joined.policy = Policy(
        council=council,
        services=services,
        platform=platform,
        plugins=tuple(
            PluginUsed(source.distribution, source.version, digest_of(source.package)) for source in facade.asked
        ),
    )
    return joined


def does_not_load(path: str, error: DeclarationError, plugin: str) -> Finding:
    """The finding for a file that does not load."""
    return Finding(id="policy.does-not-load", level="error", path=path, message=f"{error}.", plugin=plugin)


def _check_council(joined: Joined, council: Council, facade: CouncilFacade) -> None:
    for slug in sorted(RESERVED & {service.slug for service in council.services}):
        _error(joined, "policy.reserved-name", COUNCIL, f"A service cannot be called {slug!r}; the word is taken.")
    for name in facade.missing:
        _error(joined, "policy.plugin-missing", f"{COUNCIL}.uses", f"The plugin {name} is used and not installed.")
    if not council.services:
        _error(joined, "policy.no-service", f"{COUNCIL}.service", "The council declares no service.")


def _service(facade: CouncilFacade, service: Service, joined: Joined) -> ServicePolicy:
    asked: Mapping[str, Callable[[str], Answers[Any]]] = {
        "clients": facade.client_categories,
        "purposes": facade.consent_purposes,
        "recipients": facade.sharing_recipients,
        "retention": facade.retention_rules,
        "notices": facade.privacy_notices,
    }
    empty = ServicePolicy(service=service)
    bundles = {
        name: _bundle(joined, service.slug, ask(service.slug), type(getattr(empty, name)), facade.own)
        for name, ask in asked.items()
    }
    return msgspec.structs.replace(empty, **bundles)


def _bundle(joined: Joined, scope: str, answers: Answers[B], kind: type[B], own: str) -> B:
    for problem in answers.errors:
        joined.problems.append(does_not_load(scope, problem.value, problem.plugin))
    whole = kind()
    for said in answers.said:
        value = said.value
        if isinstance(value, RetentionDeclarations) and isinstance(whole, RetentionDeclarations) and said.plugin == own:
            whole, value = _settled_between(joined, scope, whole, value)  # type: ignore[assignment]  # B is that struct
        whole = _add(joined, scope, whole, value)
        _note(joined, value, scope, said.plugin)
    _refuse_twice(joined, scope, whole)
    return whole


def _add(joined: Joined, scope: str, whole: B, more: B) -> B:
    """Lists end to end; a single value is taken from whoever gives one, and two different ones are an error."""
    changes: dict[str, Any] = {}
    for info in fields_of(type(whole)):
        before, new = getattr(whole, info.name), getattr(more, info.name)
        if isinstance(before, tuple):
            changes[info.name] = before + new
        elif new != info.default:
            if before not in (info.default, new):
                path = f"{scope}.{info.encode_name}"
                _error(joined, "policy.declared-twice", path, "Two plugins declare this and do not agree.")
            changes[info.name] = new
    return msgspec.structs.replace(whole, **changes)


def _settled_between(
    joined: Joined, scope: str, defaults: RetentionDeclarations, own: RetentionDeclarations
) -> tuple[RetentionDeclarations, RetentionDeclarations]:
    """The defaults less what the council's rules replace, and the council's.

    A floor set by law is replaced only by a rule that cannot end sooner, which is then a floor itself, so that no
    decision shortens it either.
    """
    ruled = {class_id: rule for rule in own.rules for class_id in rule.classes}
    floors: set[str] = set()
    rules: list[RetentionRule] = []
    for rule in defaults.rules:
        if rule.floor:
            _refuse_shorter(joined, scope, rule, ruled, (defaults.defaults, own.defaults))
            floors |= {ruled[class_id].id for class_id in rule.classes if class_id in ruled}
        kept = tuple(class_id for class_id in rule.classes if class_id not in ruled)
        if kept:
            rules.append(msgspec.structs.replace(rule, classes=kept))
    longer = tuple(msgspec.structs.replace(rule, floor=True) if rule.id in floors else rule for rule in own.rules)
    return msgspec.structs.replace(defaults, rules=tuple(rules)), msgspec.structs.replace(own, rules=longer)


def _refuse_shorter(
    joined: Joined,
    scope: str,
    floor: RetentionRule,
    ruled: dict[str, RetentionRule],
    under: tuple[ScheduleDefaults, ScheduleDefaults],
) -> None:
    """An error for each way in which the council's declarations could end a floor set by law sooner."""
    if under[1].bound == "at-most" and any(clause.bound is None for clause in floor.clauses):
        message = "The period is a floor set by law; a schedule of upper bounds alone would shorten it."
        _error(joined, "policy.floor", f"{scope}.rule.{floor.id}", message)
    for class_id in floor.classes:
        if class_id in ruled:
            for way in shortened(floor, under[0], ruled[class_id], under[1], class_id):
                message = (
                    f"The class {class_id} has a floor set by law (the rule {floor.id}), to be extended and never"
                    f" shortened: {way}."
                )
                _error(joined, "policy.floor", f"{scope}.rule.{ruled[class_id].id}", message)


def _refuse_twice(joined: Joined, scope: str, whole: msgspec.Struct) -> None:
    """Within one list an id, or what stands for one, names one element."""
    for path, node in walk(whole, scope):
        for info in fields_of(type(node)):
            value = getattr(node, info.name)
            if isinstance(value, tuple):
                _refuse_twice_in(joined, f"{path}.{info.encode_name}", value)


def _refuse_twice_in(joined: Joined, path: str, elements: Iterable[Any]) -> None:
    structs = [element for element in elements if isinstance(element, msgspec.Struct)]
    if not structs or key_name(type(structs[0])) in (None, "party"):  # a party may have several roles
        return
    for name, count in Counter(key_of(element, 0) for element in structs).items():
        if count > 1:
            _error(joined, "policy.duplicate-id", f"{path}.{name}", f"{name!r} is declared {count} times in one list.")


def _note(joined: Joined, value: msgspec.Struct, scope: str, plugin: str) -> None:
    for path, _ in walk(value, scope):
        joined.said_by.setdefault(path, plugin)


def _error(joined: Joined, finding: str, path: str, message: str) -> None:
    joined.problems.append(Finding(id=finding, level="error", path=path, message=message))
