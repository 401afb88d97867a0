"""Whether everything that a declaration names is declared.

Attributes that name other declarations have the same name everywhere (`purposes`, `categories`, `classes`), so one
table says what each refers to; the few that differ have a line of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import msgspec

from muniment.api.clients import Cohort, Column, ImportSource, System
from muniment.api.council import Document
from muniment.api.notices import Notice
from muniment.api.retention import (
    ATTACHMENTS,
    BORN_ON,
    POSTCODE,
    Clause,
    Reference,
    RetentionDeclarations,
    RetentionRule,
    When,
)
from muniment.api.sharing import Recipient
from muniment.policy.findings import Finding
from muniment.policy.model import PLATFORM, Policy, ServicePolicy
from muniment.policy.paths import COUNCIL, fields_of, walk_policy

__all__ = ["referred_rule", "unresolved"]

MANY: Mapping[str, str] = {
    "cohorts": "cohort",
    "categories": "category",
    "gives": "category",
    "purposes": "purpose",
    "statutes": "statute",
    "bases": "basis",
    "systems": "system",
    "classes": "class",
    "recipients": "recipient",
    "compatible": "purpose",
}
ONE: Mapping[str, str] = {
    "cohort": "cohort",
    "purpose": "purpose",
    "system": "system",
    "record_class": "class",
    "party": "party",
    "operator": "party",
    "own_party": "party",
}

STUB = (BORN_ON, POSTCODE)

Known = Mapping[str, frozenset[str]]


def referred_rule(retention: RetentionDeclarations, clause: Clause, but: Set[str]) -> RetentionRule | None:
    """The rule of the class that a clause refers to instead of giving a period; None for the rules `but`, by id: those
    by which it was come to, so that no reference leads in a circle."""
    if clause.keep is not None or clause.refer is None or clause.refer.to != "class":
        return None
    found = next((rule for rule in retention.rules if clause.refer.id in rule.classes), None)
    return found if found is not None and found.id not in but else None


def unresolved(policy: Policy) -> Iterator[Finding]:
    """A finding for each name that refers to nothing, saying what there is."""
    parties = frozenset(party.id for party in policy.council.parties)
    classes = frozenset(entry.id for entry in policy.platform.classes)
    plugins = frozenset(plugin.name for plugin in policy.plugins)
    known: dict[str, Known] = {COUNCIL: {"party": parties}, PLATFORM: {"class": classes}}
    known |= {slug: _known_in(service) | {"party": parties} for slug, service in policy.services.items()}
    for scope, path, node in walk_policy(policy):
        if scope == COUNCIL and path.startswith(f"{COUNCIL}.service."):
            service = path.split(".")[2]
            scope = service if service in known else scope
        for attribute, table, name in _references(node):
            there = known[scope].get(table, frozenset())
            if name not in there:
                choice = f"there are: {', '.join(sorted(there))}" if there else f"no {table} is declared"
                yield Finding(
                    id="policy.unknown-id",
                    level="error",
                    path=f"{path}.{attribute}",
                    message=f"There is no {table} {name!r}; {choice}.",
                )
        if isinstance(node, Notice):
            for slug in node.services:
                if slug not in policy.services:
                    yield _unknown_service(f"{path}.services", slug, policy)
        if isinstance(node, System) and node.connector is not None and node.connector not in plugins:
            choice = ", ".join(sorted(plugins)) or "none"
            yield Finding(
                id="policy.unknown-connector",
                level="error",
                path=f"{path}.connector",
                message=f"The council uses no plugin {node.connector!r}; it uses: {choice}.",
            )
        if isinstance(node, Reference) and node.to == "service" and node.id and node.id not in policy.services:
            yield _unknown_service(f"{path}.id", node.id, policy)


def _unknown_service(path: str, slug: str, policy: Policy) -> Finding:
    there = ", ".join(sorted(policy.services))
    message = f"There is no service {slug!r}; there are: {there}."
    return Finding(id="policy.unknown-id", level="error", path=path, message=message)


def _known_in(service: ServicePolicy) -> dict[str, frozenset[str]]:
    return {
        "cohort": frozenset(entry.id for entry in service.clients.cohorts),
        "category": frozenset(entry.id for entry in service.clients.categories),
        "field": frozenset(
            f"{category.id}.{field.id}" for category in service.clients.categories for field in category.fields
        ),
        "source": frozenset(entry.id for entry in service.clients.sources),
        "system": frozenset(entry.id for entry in service.clients.systems),
        "purpose": frozenset(entry.id for entry in service.purposes.purposes),
        "basis": frozenset(entry.id for entry in service.purposes.bases),
        "statute": frozenset(entry.id for entry in service.purposes.statutes),
        "recipient": frozenset(entry.id for entry in service.recipients.recipients),
        "class": frozenset(entry.id for entry in service.retention.classes),
    }


def _references(node: msgspec.Struct) -> Iterator[tuple[str, str, str]]:
    """What a node names: the attribute, the table it refers to, the name."""
    for field in fields_of(type(node)):
        value = getattr(node, field.name)
        if field.name in MANY and isinstance(value, tuple):
            yield from ((field.encode_name, MANY[field.name], name) for name in value if isinstance(name, str))
        elif field.name in ONE and isinstance(value, str):
            yield field.encode_name, ONE[field.name], value
    match node:
        case ImportSource():
            yield "source", "source", node.source
        case Document() if node.whose is not None:
            yield "whose", "party", node.whose
        case Reference() if node.to == "class" and node.id is not None:
            yield "id", "class", node.id
        case Clause() if node.action == "transfer" and node.into is not None:
            yield "into", "class", node.into
        case Clause() if node.action == "redact":
            yield from (("redact", "field", name) for name in node.redact if name != ATTACHMENTS)
        case Clause() if node.action in ("anonymise", "pseudonymise"):
            yield from (("keep_fields", "field", name) for name in node.keep_fields or () if name not in STUB)
            yield from (("into", "class", name) for name in [node.into] if name is not None)
        case When() | Cohort() if node.field is not None:
            yield "field", "field", node.field
        case Recipient():
            yield from (("fields", "field", name) for name in node.fields)
        case Column() if node.to.startswith("field:"):
            yield "to", "field", node.to.removeprefix("field:")
