"""`muniment staff` and `muniment token`: who may use the console and the API of a council.

There is no default account and no default password: the first administrator is made here, on the host.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any, TypeVar
from uuid import UUID

import click

from muniment.accounts.passwords import generate_password
from muniment.accounts.permissions import Permission, Role
from muniment.accounts.staff import (
    RoleHeld,
    add_staff,
    close_account,
    list_staff,
    reset_password,
    set_roles,
    staff_by_email,
)
from muniment.accounts.tokens import list_tokens, new_token, revoke_token
from muniment.cli.context import Context, json_option, pass_context, show

__all__ = ["staff", "token"]

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def staff() -> None:
    """Staff of a council: add, list, roles, password, close."""


def _roles_options(command: F) -> F:
    service = click.option(
        "--service", "services", multiple=True, metavar="SLUG", help="Only for this service; again for more."
    )
    role = click.option(
        "--role", "roles", multiple=True, required=True, type=click.Choice([role.value for role in Role]),
        metavar="ROLE", help=f"A role to hold, again for more: {', '.join(Role)}.",
    )  # fmt: skip
    return role(service(command))


def _password_option(command: F) -> F:
    return click.option(
        "--generate-password", "generate", is_flag=True, help="Make a random password and print it, once."
    )(command)


def _held(roles: tuple[str, ...], services: tuple[str, ...]) -> list[RoleHeld]:
    return [(Role(role), service) for role, service in product(roles, services or (None,))]


def _password(generate: bool) -> str:
    if generate:
        return generate_password()
    given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return given


@staff.command("add")
@click.argument("council")
@click.option("--email", required=True, help="The address to sign in with.")
@click.option("--name", default="", help="The name shown to colleagues.")
@_roles_options
@_password_option
@json_option
@pass_context
def add(
    context: Context,
    council: str,
    email: str,
    name: str,
    roles: tuple[str, ...],
    services: tuple[str, ...],
    generate: bool,
    as_json: bool,
) -> None:
    """Add a member of staff to COUNCIL."""
    password = _password(generate)
    with context.council(council) as (session, _):
        staff_id = add_staff(session, email, name, password, _held(roles, services), context.clock.now())
    shown = {"password": password} if generate else {}
    lines = [f"password {password}"] if generate else []
    show({"id": staff_id, **shown}, as_json, f"added {staff_id}", *lines)


@staff.command("list")
@click.argument("council")
@json_option
@pass_context
def list_(context: Context, council: str, as_json: bool) -> None:
    """List the accounts of COUNCIL with their roles."""
    with context.council(council) as (session, _):
        everybody = list_staff(session)
    lines = [
        f"{one.email}  {' '.join(one.roles)}{'  closed' if one.closed_at is not None else ''}" for one in everybody
    ]
    show(everybody, as_json, *lines)


@staff.command("roles")
@click.argument("council")
@click.argument("email")
@_roles_options
@json_option
@pass_context
def roles_(
    context: Context, council: str, email: str, roles: tuple[str, ...], services: tuple[str, ...], as_json: bool
) -> None:
    """Have EMAIL of COUNCIL hold exactly these roles from now on."""
    with context.council(council) as (session, _):
        staff_id = staff_by_email(session, email)
        set_roles(session, staff_id, _held(roles, services))
    show({"id": staff_id}, as_json, f"changed {staff_id}")


@staff.command("password")
@click.argument("council")
@click.argument("email")
@_password_option
@json_option
@pass_context
def password_(context: Context, council: str, email: str, generate: bool, as_json: bool) -> None:
    """Give EMAIL of COUNCIL a new password; everywhere they are signed in ends."""
    password = _password(generate)
    with context.council(council) as (session, _):
        staff_id = staff_by_email(session, email)
        reset_password(session, staff_id, password)
    shown = {"password": password} if generate else {}
    lines = [f"password {password}"] if generate else []
    show({"id": staff_id, **shown}, as_json, f"changed {staff_id}", *lines)


@staff.command("close")
@click.argument("council")
@click.argument("email")
@json_option
@pass_context
def close(context: Context, council: str, email: str, as_json: bool) -> None:
    """Close the account of EMAIL at COUNCIL."""
    with context.council(council) as (session, _):
        staff_id = staff_by_email(session, email)
        close_account(session, staff_id, context.clock.now())
    show({"id": staff_id}, as_json, f"closed {staff_id}")


@click.group()
def token() -> None:
    """API tokens of a council: new, list, revoke."""


@token.command("new")
@click.argument("council")
@click.option("--label", required=True, help="The program that will use it.")
@click.option("--staff", "email", metavar="EMAIL", help="Whose it is: what it does, this person has done.")
@click.option(
    "--permission", "permissions", multiple=True, required=True,
    type=click.Choice([permission.value for permission in Permission]), metavar="PERMISSION",
    help=f"What it may do, again for more: {', '.join(Permission)}.",
)  # fmt: skip
@click.option("--service", "services", multiple=True, metavar="SLUG", help="Only for this service; again for more.")
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, help="Days until it expires.")
@json_option
@pass_context
def new(
    context: Context,
    council: str,
    label: str,
    email: str | None,
    permissions: tuple[str, ...],
    services: tuple[str, ...],
    days: int,
    as_json: bool,
) -> None:
    """Make a token for COUNCIL and print it, once: a person's, or a program's of its own.

    A program of its own is never a second person: it decides nothing that somebody proposed.
    """
    now = context.clock.now()
    with context.council(council) as (session, _):
        made = new_token(
            session,
            council,
            label,
            [Permission(permission) for permission in permissions],
            services or None,
            now + timedelta(days=days),
            now,
            staff_id=None if email is None else staff_by_email(session, email),
        )
    show({"id": made[0], "token": made[1]}, as_json, f"made {made[0]}", f"token {made[1]}")


@token.command("list")
@click.argument("council")
@json_option
@pass_context
def list_of_tokens(context: Context, council: str, as_json: bool) -> None:
    """List the tokens of COUNCIL, without their secrets."""
    with context.council(council) as (session, _):
        tokens, emails = list_tokens(session), {one.id: one.email for one in list_staff(session)}
    lines = [
        f"{one.id}  {one.label}  {emails[one.staff_id] if one.staff_id else 'a program'}  {' '.join(one.permissions)}  "
        + ("revoked" if one.revoked_at is not None else f"until {one.expires_at:%Y-%m-%d}")
        for one in tokens
    ]
    show(tokens, as_json, *lines)


@token.command("revoke")
@click.argument("council")
@click.argument("token_id", metavar="ID", type=click.UUID)
@json_option
@pass_context
def revoke(context: Context, council: str, token_id: UUID, as_json: bool) -> None:
    """End the token ID of COUNCIL for good."""
    with context.council(council) as (session, _):
        revoke_token(session, token_id, context.clock.now())
    show({"id": token_id}, as_json, f"revoked {token_id}")
