"""Addresses inside a policy: `housing.rule.tenancies.clause.closed.from` and the like.

A path begins with a service's slug, `council` (what `council.toml` says) or `platform` (core's own tables), and goes on
in the names that the TOML files use. An element of a list goes by its id; the few without one by what tells them apart,
or by position, counted from 1.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Union

import msgspec

from muniment.api.clients import Column
from muniment.api.council import ControllerRole, Service
from muniment.api.notices import DeclaredRight
from muniment.api.retention import ProgrammePeriod
from muniment.policy.model import PLATFORM, Policy, ServicePolicy

__all__ = [
    "COUNCIL",
    "RESERVED",
    "field_named",
    "fields_of",
    "item_type",
    "key_name",
    "key_of",
    "names_in",
    "struct_type",
    "table_of",
    "walk",
    "walk_policy",
]

COUNCIL = "council"
RESERVED = frozenset({COUNCIL, PLATFORM})
"""First steps that are no service's."""

KEYS: dict[type[msgspec.Struct], str] = {
    Service: "slug",
    ControllerRole: "party",
    DeclaredRight: "right",
    ProgrammePeriod: "programme",
    Column: "name",
}
"""What an element goes by that has no id."""


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of a struct. Kept, because msgspec works them out anew each time and a walk asks for every table."""
    return msgspec.structs.fields(struct)


@cache
def field_named(struct: type[msgspec.Struct], name: str) -> msgspec.structs.FieldInfo | None:
    """The field of a struct by the name that TOML uses."""
    return next((field for field in fields_of(struct) if field.encode_name == name), None)


def names_in(struct: type[msgspec.Struct]) -> list[str]:
    """The names that TOML uses in a table of that kind."""
    return sorted(field.encode_name for field in fields_of(struct))


@cache
def table_of() -> dict[str, str]:
    """For each table of a service's files (`category`, `rule`, `notice`), the attribute of `ServicePolicy` it is in."""
    found: dict[str, str] = {}
    for bundle in fields_of(ServicePolicy):
        struct = struct_type(bundle.type)
        if bundle.name != "service" and struct is not None:
            found |= dict.fromkeys(names_in(struct), bundle.name)
    return found


def struct_type(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a field's type holds, None for a field of anything else (a list of structs too)."""
    if typing.get_origin(kind) is Annotated:
        return struct_type(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (Union, types.UnionType):
        return next((found for option in typing.get_args(kind) if (found := struct_type(option))), None)
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def item_type(kind: Any) -> type[msgspec.Struct] | None:
    """The struct that a field is a list of; None for any other field."""
    return struct_type(typing.get_args(kind)[0]) if typing.get_origin(kind) is tuple else None


@cache
def key_name(struct: type[msgspec.Struct]) -> str | None:
    """The name of the field that an element of a list goes by; None when it goes by its position."""
    return "id" if field_named(struct, "id") else KEYS.get(struct)


def key_of(element: msgspec.Struct, position: int) -> str:
    """What the element at `position` (from 1) of its list goes by."""
    name = key_name(type(element))
    return str(position) if name is None else str(getattr(element, name))


def walk(node: msgspec.Struct, path: str) -> Iterator[tuple[str, msgspec.Struct]]:
    """`node` and every table below it, each with its path."""
    yield path, node
    for field in fields_of(type(node)):
        value = getattr(node, field.name)
        below = f"{path}.{field.encode_name}"
        if isinstance(value, msgspec.Struct):
            yield from walk(value, below)
        elif isinstance(value, tuple):
            for position, element in enumerate(value, 1):
                if isinstance(element, msgspec.Struct):
                    yield from walk(element, f"{below}.{key_of(element, position)}")


def walk_policy(policy: Policy) -> Iterator[tuple[str, str, msgspec.Struct]]:
    """Every table of a policy: its scope (`council`, `platform`, a slug), its path and itself."""
    scopes: list[tuple[str, list[msgspec.Struct]]] = [(COUNCIL, [policy.council]), (PLATFORM, [policy.platform])]
    for slug, service in sorted(policy.services.items()):
        parts = (service.clients, service.purposes, service.recipients, service.retention, service.notices)
        scopes.append((slug, list(parts)))
    for scope, bundles in scopes:
        for bundle in bundles:
            for path, node in walk(bundle, scope):
                if path != scope:
                    yield scope, path, node
