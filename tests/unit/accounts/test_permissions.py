"""Roles, permissions and how far they reach."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.accounts.permissions import (
    EVERY_SERVICE,
    PERMISSIONS_OF_ROLE,
    Caller,
    Permission,
    Role,
    command_caller,
    grants_of,
)
from muniment.api.errors import Forbidden
from muniment.database.session import Actor

COUNCIL = UUID(int=1)
held_roles = st.lists(st.tuples(st.sampled_from(Role), st.none() | st.sampled_from(["one", "two"])), min_size=1)


def caller(*roles: tuple[Role, str | None]) -> Caller:
    return Caller(Actor(kind="staff"), COUNCIL, grants_of(roles))


def test_every_role_is_given_something() -> None:
    assert set(PERMISSIONS_OF_ROLE) == set(Role)
    assert all(PERMISSIONS_OF_ROLE.values())


def test_every_permission_is_somebodys() -> None:
    assert set().union(*PERMISSIONS_OF_ROLE.values()) | {Permission.READ_POLICY} == set(Permission)


def test_the_administrator_and_the_auditor_see_no_client() -> None:
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        assert Permission.READ_CLIENTS not in grants_of([(role, None)])


def test_the_data_protection_officer_decides_no_processing() -> None:
    only_reads = {
        Permission.READ_CLIENTS, Permission.READ_RETENTION, Permission.READ_SHARING, Permission.READ_AUDIT,
    }  # fmt: skip
    assert PERMISSIONS_OF_ROLE[Role.DATA_PROTECTION_OFFICER] == only_reads


def test_a_role_for_one_service_reaches_that_service_alone() -> None:
    adviser = caller((Role.ADVISER, "one"))
    adviser.require(Permission.READ_CLIENTS, "one")
    assert adviser.require_somewhere(Permission.READ_CLIENTS) == frozenset({"one"})
    with pytest.raises(Forbidden, match=r"clients\.read for the service two"):
        adviser.require(Permission.READ_CLIENTS, "two")
    with pytest.raises(Forbidden, match="every service"):
        adviser.require(Permission.READ_CLIENTS)
    with pytest.raises(Forbidden):
        adviser.require_somewhere(Permission.ARM_RETENTION)


def test_nobody_without_a_role_may_anything() -> None:
    assert grants_of([]) == {}


@given(held_roles)
def test_grants_are_the_union_of_the_roles(roles: list[tuple[Role, str | None]]) -> None:
    grants = grants_of(roles)
    for permission in set(Permission) - {Permission.READ_POLICY}:
        services = frozenset(service for role, service in roles if permission in PERMISSIONS_OF_ROLE[role])
        if None in services:
            assert grants[permission] is EVERY_SERVICE
        elif services:
            assert grants[permission] == services
        else:
            assert permission not in grants


def test_a_command_may_everything_and_names_itself() -> None:
    asked = command_caller(COUNCIL, "muniment retention arm")
    for permission in Permission:
        asked.require(permission)
    assert asked.actor == Actor(kind="command", id=None, name="muniment retention arm")
