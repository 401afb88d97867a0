"""Members of staff: adding them, their roles, signing in, changing the password.

Nobody gets a password that somebody else knows for longer than it takes to change it: a generated one is shown once.
Who tries to sign in learns only whether email and password together were right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from muniment.accounts.limits import (
    SIGN_IN_ACCOUNT,
    SIGN_IN_ADDRESS,
    count_attempts,
    forget_attempts,
    seconds_left,
)
from muniment.accounts.passwords import check_password, hash_password, needs_new_hash
from muniment.accounts.permissions import Role
from muniment.accounts.sessions import begin_session, end_sessions_of
from muniment.accounts.tables import Staff, StaffRole
from muniment.accounts.tokens import revoke_tokens_of
from muniment.api.errors import Conflict, InvalidInput, NotFound, TooManyRequests
from muniment.api.text import is_blank
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.errors import constraint_of
from muniment.database.ids import new_id
from muniment.database.session import Actor, CouncilSession
from muniment.keys import KeyRing

__all__ = [
    "SignIn",
    "StaffView",
    "add_staff",
    "change_password",
    "close_account",
    "list_staff",
    "reset_password",
    "set_roles",
    "sign_in",
    "staff_by_email",
]

RoleHeld = tuple[Role, str | None]
"""A role and the service it is held for; None: all services."""


class StaffView(msgspec.Struct, frozen=True):
    """A member of staff as the administrator sees them; `roles` holds `role` or `role:service`."""

    id: UUID
    email: str
    name: str
    roles: list[str]
    closed_at: datetime | None


class SignIn(msgspec.Struct, frozen=True):
    """How an attempt to sign in went: the session's `secret`, or None; `wait` is in seconds, 0 unless limited."""

    secret: str | None
    wait: int = 0


def email_key(email: str) -> str:
    """An address as it is looked up: trimmed, without case. Raises `InvalidInput` if it cannot be one."""
    key = email.strip().casefold()
    local, at, domain = key.rpartition("@")
    if not at or not local or not domain or len(key) > 254 or any(c.isspace() or not c.isprintable() for c in key):
        raise InvalidInput("This is not an email address such as name@council.example.", where="email")
    return key


def add_staff(
    session: CouncilSession,
    email: str,
    name: str,
    password: str,
    roles: Collection[RoleHeld],
    now: datetime,
) -> UUID:
    """Add somebody with a first password and roles; their id.

    Raises `InvalidInput` for a malformed email or name, a short password, no role or an unknown service, `Conflict` if
    the council has an account with this email.
    """
    if (name and is_blank(name)) or len(name) > 200:
        raise InvalidInput("A name can be left out, or is one of 1 to 200 characters that can be seen.", where="name")
    if not roles:
        raise InvalidInput(f"Name a role: {', '.join(Role)}.", where="role")
    staff = Staff(
        council_id=session.council_id,
        id=new_id(),
        email=email.strip(),
        email_key=email_key(email),
        name=name.strip(),
        password_hash=hash_password(password),
        made_at=now,
    )
    try:
        with session.begin_nested():
            session.add(staff)
    except IntegrityError as error:
        if constraint_of(error) == "uq_staff_council_id_email_key":
            raise Conflict("This council has an account with this email already.") from None
        raise
    record(session, AuditEvent.STAFF_ADDED, staff.id)
    set_roles(session, staff.id, roles)
    return staff.id


def set_roles(session: CouncilSession, staff_id: UUID, roles: Collection[RoleHeld]) -> None:
    """Have somebody hold exactly `roles` from now on; sessions go on with the new ones.

    Raises `NotFound`, or `InvalidInput` for a service the council does not have.
    """
    mine = (Staff.council_id == session.council_id) & (Staff.id == staff_id)
    if session.scalar(select(Staff.id).where(mine).with_for_update()) is None:
        raise NotFound("There is no such member of staff in this council.")
    held = {
        (Role(row.role), row.service): row
        for row in session.scalars(
            select(StaffRole).where(StaffRole.council_id == session.council_id, StaffRole.staff_id == staff_id)
        )
    }
    for role, service in sorted(held.keys() - set(roles), key=str):
        session.delete(held[role, service])
        record(session, AuditEvent.STAFF_ROLE_TAKEN, staff_id, role=_written(role, service))
    given = sorted(set(roles) - held.keys(), key=str)
    try:
        with session.begin_nested():
            session.add_all(
                StaffRole(council_id=session.council_id, staff_id=staff_id, role=role, service=service)
                for role, service in given
            )
    except IntegrityError as error:
        if constraint_of(error) == "fk_staff_role_council_id_service":
            raise InvalidInput("The council has no such service.", where="service") from None
        raise
    for role, service in given:
        record(session, AuditEvent.STAFF_ROLE_GIVEN, staff_id, role=_written(role, service))


def _written(role: str, service: str | None) -> str:
    return f"{role}:{service}" if service else str(role)


def sign_in(session: CouncilSession, keys: KeyRing, email: str, password: str, address: str, now: datetime) -> SignIn:
    """Try to sign somebody in. Every attempt is counted by account and by address before the password is looked at.

    Returns rather than raises, so that a refused attempt is counted and audited by the same commit.
    """
    try:
        key = email_key(email)
    except InvalidInput:
        key = ""
    account = keys.digest("sign-in.account", key)
    within = count_attempts(session, SIGN_IN_ADDRESS, keys.digest("sign-in.address", address), now)
    within = min(within, count_attempts(session, SIGN_IN_ACCOUNT, account, now))
    if not within:
        session.actor = Actor(kind="system", name="sign-in")
        record(session, AuditEvent.SIGN_IN_REFUSED, None, reason="limit")
        return SignIn(None, seconds_left(SIGN_IN_ACCOUNT, now))
    staff = session.scalar(
        select(Staff).where(Staff.council_id == session.council_id, Staff.email_key == key, Staff.closed_at.is_(None))
    )
    if not check_password(staff.password_hash if staff else None, password) or staff is None:
        session.actor = Actor(kind="system", name="sign-in")
        record(session, AuditEvent.SIGN_IN_REFUSED, staff.id if staff else None, reason="credentials")
        return SignIn(None)
    session.actor = Actor(kind="staff", id=staff.id, name="console")
    forget_attempts(session, SIGN_IN_ACCOUNT, account)
    if needs_new_hash(staff.password_hash):
        staff.password_hash = hash_password(password)
    record(session, AuditEvent.SIGNED_IN, staff.id)
    return SignIn(begin_session(session, staff.id, now))


def change_password(
    session: CouncilSession, keys: KeyRing, staff_id: UUID, current: str, new: str, now: datetime
) -> None:
    """Change one's own password and end every session, this one too.

    An attempt counts as one to sign in to the account, so that a session somebody left open is no way to guess its
    password. Whoever catches what is raised must let the transaction commit, or nothing was counted. Raises
    `TooManyRequests`, and `InvalidInput` if `current` is wrong, or `new` too short or the same.
    """
    mine = (Staff.council_id == session.council_id) & (Staff.id == staff_id)
    account = keys.digest("sign-in.account", session.scalars(select(Staff.email_key).where(mine)).one())
    if not count_attempts(session, SIGN_IN_ACCOUNT, account, now):
        wait = seconds_left(SIGN_IN_ACCOUNT, now)
        message = f"There were too many attempts with a wrong password. Try again in {(wait + 59) // 60} min."
        raise TooManyRequests(message, retry_after=wait)
    stored = session.scalar(select(Staff.password_hash).where(mine).with_for_update())
    if not check_password(stored, current):
        raise InvalidInput("The current password is not right.", where="current", code="wrong-password")
    forget_attempts(session, SIGN_IN_ACCOUNT, account)
    if current == new:
        raise InvalidInput("The new password is the same as the current one.", where="new")
    _set_password(session, staff_id, new)


def staff_by_email(session: CouncilSession, email: str) -> UUID:
    """The open account with an email address. Raises `NotFound`, without repeating the address."""
    staff_id = session.scalar(
        select(Staff.id).where(
            Staff.council_id == session.council_id,
            Staff.email_key == email_key(email),
            Staff.closed_at.is_(None),
        )
    )
    if staff_id is None:
        raise NotFound("This council has no open account with that email address.")
    return staff_id


def reset_password(session: CouncilSession, staff_id: UUID, new: str) -> None:
    """Give somebody who lost theirs a new password, and end their sessions. Raises `InvalidInput` if too short."""
    _set_password(session, staff_id, new)


def close_account(session: CouncilSession, staff_id: UUID, now: datetime) -> None:
    """Close an account and end its sessions and tokens; its row stays for the audit log until its retention period
    ends."""
    session.execute(
        update(Staff).where(Staff.council_id == session.council_id, Staff.id == staff_id).values(closed_at=now)
    )
    end_sessions_of(session, staff_id)
    revoke_tokens_of(session, staff_id, now)
    record(session, AuditEvent.STAFF_CLOSED, staff_id)


def _set_password(session: CouncilSession, staff_id: UUID, new: str) -> None:
    session.execute(
        update(Staff)
        .where(Staff.council_id == session.council_id, Staff.id == staff_id)
        .values(password_hash=hash_password(new))
    )
    end_sessions_of(session, staff_id)
    record(session, AuditEvent.PASSWORD_CHANGED, staff_id)


def list_staff(session: CouncilSession) -> Sequence[StaffView]:
    """Everybody with an account at the council, by email."""
    roles: dict[UUID, list[str]] = {}
    held = select(StaffRole).where(StaffRole.council_id == session.council_id)
    for row in session.scalars(held):
        roles.setdefault(row.staff_id, []).append(_written(row.role, row.service))
    staff = session.scalars(select(Staff).where(Staff.council_id == session.council_id).order_by(Staff.email_key))
    return [StaffView(row.id, row.email, row.name, sorted(roles.get(row.id, [])), row.closed_at) for row in staff]
