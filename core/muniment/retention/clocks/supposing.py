"""Another policy, for the sake of argument: the adopted one with decisions or rules that nobody has made.

Nothing of it is stored. What may not be decided or declared may not be supposed either, so that a forecast is never of
a policy that the council could not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from muniment.api.decoding import decode_toml
from muniment.api.errors import InvalidInput
from muniment.api.retention import Clause, RetentionDeclarations, RetentionRule
from muniment.database.session import CouncilSession
from muniment.policy.compile import WITHDRAW, settle_all
from muniment.policy.findings import Finding
from muniment.policy.floors import shortened
from muniment.policy.model import Decision, Policy
from muniment.policy.references import unresolved
from muniment.policy.shapes import contradictions
from muniment.policy.store import adopted, declared_of

__all__ = ["Supposed", "Supposition", "suppose"]


INSTEAD: Final = " To suppose another rule, give its whole [[rule]] table and its service instead."


class Supposed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a council might decide for a path; it takes the place of the decision that stands for it."""

    path: str
    value: Any


class Supposition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is supposed: decisions, and rules of one service as `[[rule]]` tables of its `retention.toml`.

    A rule takes the place of the one with its id, and takes its classes out of any other rule. It stands as it is
    written: decisions about the rule whose place it takes are not applied to it.
    """

    decisions: tuple[Supposed, ...] = ()
    service: str = ""
    rules: str = ""


class _Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: tuple[RetentionRule, ...] = msgspec.field(name="rule", default=())


def suppose(session: CouncilSession, supposition: Supposition) -> Policy:
    """The policy as it would be. Raises `InvalidInput` for what could not be decided or contradicts itself,
    `DeclarationError` for rules that do not load, `NotFound` for a service that is not there."""
    if not supposition.decisions and not supposition.rules.strip():
        raise InvalidInput("Suppose something: a decision, or a rule.", where="decisions")
    before = adopted(session)
    policy = _decided(session, before, supposition.decisions) if supposition.decisions else before
    if supposition.rules.strip():
        policy = _with_rules(policy, supposition.service, supposition.rules)
    known = list(_errors(before))
    for found in _errors(policy):
        if found not in known:
            raise InvalidInput(f"{found.path}: {found.message}", where=found.path, code=found.id)
    return policy


def _decided(session: CouncilSession, before: Policy, supposed: Sequence[Supposed]) -> Policy:
    today = session.clock.today()
    wanted = {
        one.path: Decision(
            path=one.path,
            value=msgspec.to_builtins(one.value),
            ground="supposed",
            decided_by="nobody",
            decided_on=today,
        )
        for one in supposed
    }
    standing = [decision for decision in before.decisions if decision.path not in wanted]
    policy, problems = settle_all(declared_of(session, before.hash), [*standing, *wanted.values()], today)
    refused = [problem for problem in problems if problem.level == "error"]
    for problem in sorted(refused, key=lambda problem: problem.path not in wanted):
        instead = INSTEAD if problem.path in wanted and ".rule." in problem.path else ""
        raise InvalidInput(problem.message.removesuffix(WITHDRAW) + instead, where=problem.path, code=problem.id)
    return policy


def _with_rules(policy: Policy, slug: str, written: str) -> Policy:
    rules = decode_toml(written.encode(), _Rules, file="rules").rules
    if not slug:
        raise InvalidInput(
            f"Say of which service the rules are; there are: {', '.join(sorted(policy.services))}.", where="service"
        )
    service = policy.service(slug)
    retention = service.retention
    known = {entry.id for entry in retention.classes}
    for class_id in sorted({class_id for rule in rules for class_id in rule.classes} - known):
        raise InvalidInput(
            f"The service {slug} has no record class {class_id!r}; there are: {', '.join(sorted(known))}.",
            where="rules",
        )
    for old in retention.rules:
        _refuse_below_floor(retention, old, rules)
    ids, taken = {rule.id for rule in rules}, {class_id for rule in rules for class_id in rule.classes}
    kept = (_without(rule, taken) for rule in retention.rules if rule.id not in ids)
    all_rules = (*(rule for rule in kept if rule.classes), *rules)
    changed = msgspec.structs.replace(service, retention=msgspec.structs.replace(retention, rules=all_rules))
    return msgspec.structs.replace(policy, services={**policy.services, slug: changed})


def _refuse_below_floor(retention: RetentionDeclarations, old: RetentionRule, rules: Iterable[RetentionRule]) -> None:
    if not old.floor:
        return
    for rule in rules:
        for class_id in sorted(set(old.classes) & set(rule.classes)):
            for way in shortened(old, retention.defaults, rule, retention.defaults, class_id):
                raise InvalidInput(
                    f"The class {class_id} has a floor set by law, to be extended and never shortened: {way}.",
                    where=f"rule.{rule.id}",
                )


def _without(rule: RetentionRule, taken: set[str]) -> RetentionRule:
    """A rule less some of its classes, and less the clauses that are about those alone."""
    clauses: list[Clause] = []
    for clause in rule.clauses:
        left = tuple(class_id for class_id in clause.classes if class_id not in taken)
        if left or not clause.classes:
            clauses.append(msgspec.structs.replace(clause, classes=left))
    classes = tuple(class_id for class_id in rule.classes if class_id not in taken)
    return msgspec.structs.replace(rule, classes=classes, clauses=tuple(clauses))


def _errors(policy: Policy) -> list[Finding]:
    return [found for found in (*unresolved(policy), *contradictions(policy)) if found.level == "error"]
