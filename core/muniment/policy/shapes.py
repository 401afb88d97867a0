"""Contradictions inside one declaration: what fits its types and still cannot be meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from muniment.api.clients import Cohort, FieldType
from muniment.api.consent import PolicyDocument
from muniment.api.retention import BORN_ON, POSTCODE, Anchor, Clause, RetentionDeclarations, RetentionRule, When
from muniment.policy.findings import Finding
from muniment.policy.model import PLATFORM, Policy
from muniment.policy.paths import walk_policy
from muniment.policy.references import referred_rule
from muniment.policy.special import slots_of

__all__ = ["contradictions"]

NUMBERS: Final = frozenset({"integer", "money"})
NEVER_ANONYMOUS: Final = frozenset({"text", "long-text", "email", "phone", "ni-number"})
"""Types of fields of which nothing can stay when a record is made anonymous."""
OF_REGISTERS: Final = frozenset({"anonymise", "archive", "destroy", "publish", "review"})
"""What can be done with a record about several people; all else is about one client's (docs/decisions/0023)."""


def contradictions(policy: Policy) -> Iterator[Finding]:
    """A finding for each declaration that contradicts itself."""
    types = {slug: {name: slot.field.type for name, slot in slots_of(policy.services[slug]).items()}
             for slug in policy.services}  # fmt: skip
    for scope, path, node in walk_policy(policy):
        match node:
            case Anchor():
                yield from _anchor(path, node)
            case When():
                yield from _when(path, node)
                if _limits(node) and node.field is not None and types.get(scope, {}).get(node.field) not in NUMBERS:
                    yield _error(path, f"{node.field} is no number: only integers and money have limits.")
            case Clause():
                yield from _clause(path, node)
                yield from _kept(path, node, types.get(scope, {}))
            case RetentionRule():
                yield from _rule(path, node)
            case Cohort() if node.equals and node.field is None:
                yield _error(path, "`equals` says what `field` holds for who belongs; give `field`.")
            case PolicyDocument() if node.in_force_until is not None and node.in_force_until < node.in_force_from:
                yield _error(path, "It ends before it begins.")
    for scope, retention in [
        (PLATFORM, policy.platform),
        *((slug, policy.services[slug].retention) for slug in sorted(policy.services)),
    ]:
        yield from _classes_ruled_once(scope, retention)
        yield from _registers(scope, retention)


def _error(path: str, message: str) -> Finding:
    return Finding(id="policy.contradiction", level="error", path=path, message=message)


def _limits(when: When) -> list[int]:
    return [limit for limit in (when.more_than, when.at_least, when.less_than) if limit is not None]


def _anchor(path: str, anchor: Anchor) -> Iterator[Finding]:
    given = [name for name in ("event", "milestone", "on", "either", "stage") if getattr(anchor, name)]
    if len(given) > 1 or not (given or anchor.in_words):
        yield _error(path, "A first day is one of `event`, `milestone`, `on`, `either`, `stage`, or in `in_words`.")
    if len(anchor.either) == 1:
        yield _error(path, "`either` names several days; a single one stands by itself.")
    if anchor.stage is not None and path.split(".")[-3::2] != ["clause", "from"]:
        yield _error(path, "`stage` goes in the `from` of a clause alone.")
    if anchor.birthday is not None and anchor.event != "birth":
        yield _error(path, '`birthday` goes with `event = "birth"`.')
    if anchor.whose != "client" and (anchor.on is not None or anchor.event in ("collection", "programme-end")):
        yield _error(path, "`whose` goes with what happens to a person: a birth, a death or another milestone.")
    if anchor.whose != "client" and (anchor.either or anchor.stage):
        yield _error(path, "`whose` goes with each of the days in `either`, and not with another clause's.")
    if anchor.occurrence == "first" and (anchor.on is not None or anchor.stage is not None):
        yield _error(path, "A fixed day, or that of another clause, has no first occurrence.")


def _when(path: str, when: When) -> Iterator[Finding]:
    if (when.before or when.after) and when.anchor is None:
        yield _error(path, "`before` and `after` compare the day in `anchor` with another; give `anchor`.")
    if when.anchor is not None and not (when.before or when.after):
        yield _error(path, "`anchor` is compared with `before` or `after`; give one of them.")
    if (when.equals or _limits(when)) and when.field is None:
        yield _error(path, "`equals`, `more_than`, `at_least` and `less_than` are about a `field`; give it.")
    if when.equals and _limits(when):
        yield _error(path, "A field is compared with values (`equals`) or with numbers, not with both.")
    if when == When():
        yield _error(path, "The condition is empty; leave `when` out where there is none.")


def _clause(path: str, clause: Clause) -> Iterator[Finding]:
    if clause.keep is None and clause.refer is None and clause.in_words is None and clause.anchor is None:
        yield _error(path, "A clause has a period (`keep`), a reference (`refer`), an event (`from`), or `in_words`.")
    if clause.keep is not None and clause.refer is not None and clause.refer.to in ("class", "programme-notice"):
        yield _error(path, "A period is stated here or taken over from elsewhere: give `keep` or `refer`, not both.")
    if clause.into is not None and clause.action not in ("transfer", "archive", "pseudonymise"):
        yield _error(path, "`into` says where records go, so the action is `transfer`, `archive` or `pseudonymise`.")
    if clause.action == "transfer" and clause.into is None:
        yield _error(path, "A transfer says in `into` which class the record moves to.")


def _kept(path: str, clause: Clause, types: Mapping[str, FieldType]) -> Iterator[Finding]:
    """What `keep_fields` names, by the types of a service's fields."""
    if clause.keep_fields is None:
        return
    if clause.action not in ("anonymise", "pseudonymise"):
        yield _error(path, "`keep_fields` says what stays of a record, so the action is `anonymise` or `pseudonymise`.")
    for name in clause.keep_fields:
        if clause.action == "anonymise" and types.get(name) in NEVER_ANONYMOUS:
            yield _error(
                path, f"{name} may hold anything, or says who somebody is: it cannot stay in what is anonymous."
            )
        if clause.action == "pseudonymise" and name in (BORN_ON, POSTCODE):
            yield _error(path, f"`{name}` belongs to the client file, and stays there when a record is pseudonymised.")


def _rule(path: str, rule: RetentionRule) -> Iterator[Finding]:
    if not rule.clauses:
        yield _error(path, "A rule has at least one clause.")
    before: list[str] = []
    for clause in rule.clauses:
        stage = clause.anchor.stage if clause.anchor is not None else None
        if stage is not None and stage not in before:
            there = f"there are: {', '.join(before)}" if before else "there is none"
            yield _error(f"{path}.clause.{clause.id}.from", f"No clause {stage!r} stands before this one; {there}.")
        before.append(clause.id)
        for outside in sorted(set(clause.classes) - set(rule.classes)):
            there = ", ".join(rule.classes)
            message = f"A clause narrows its rule, which is not about the class {outside!r} but about: {there}."
            yield _error(f"{path}.clause.{clause.id}.classes", message)


def _classes_ruled_once(scope: str, retention: RetentionDeclarations) -> Iterator[Finding]:
    rules: dict[str, list[str]] = defaultdict(list)
    for rule in retention.rules:
        for class_id in rule.classes:
            rules[class_id].append(rule.id)
    for class_id, ids in rules.items():
        if len(ids) > 1:
            message = f"Several rules are about this class: {', '.join(ids)}. Make them clauses of one rule."
            yield _error(f"{scope}.class.{class_id}", message)


def _registers(scope: str, retention: RetentionDeclarations) -> Iterator[Finding]:
    """Rules that ask of a register what can be done with one client's records alone."""
    registers = {entry.id for entry in retention.classes if entry.shape == "register"}
    for rule in retention.rules:
        for class_id in (name for name in rule.classes if name in registers):
            for clause, action in _actions(retention, rule, class_id, frozenset()):
                if action not in OF_REGISTERS:
                    message = (
                        f"The class {class_id!r} is a register, which is about several people and goes as one: there"
                        f' is no "{action}" of it. Give the clause action = "destroy", "archive" or "anonymise", or'
                        ' "review" so that somebody sees to it before it goes; or declare the class without shape,'
                        " where its records are about one client each."
                    )
                    yield _error(f"{scope}.rule.{rule.id}.clause.{clause.id}.action", message)


def _actions(
    retention: RetentionDeclarations, rule: RetentionRule, class_id: str, seen: frozenset[str]
) -> Iterator[tuple[Clause, str]]:
    """What a rule's clauses about a class come to, those of a rule that one refers to included."""
    for clause in rule.clauses:
        if (
            clause.holder is not None
            or clause.keep == "permanent"
            or (clause.classes and class_id not in clause.classes)
        ):
            continue
        seen = seen | {rule.id}
        other = referred_rule(retention, clause, seen) if clause.action in (None, "transfer") else None
        if other is not None and clause.refer is not None:
            for _, action in _actions(retention, other, clause.refer.id or "", seen):
                yield clause, action
        else:
            yield clause, clause.action or retention.defaults.action or "destroy"
