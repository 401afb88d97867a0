"""API tokens: what a program shows, a person's or one of its own, scoped to services and permissions.

A token is somebody's, or a program's. What is done with a person's token that person has done: it may do no more than
their roles allow at that moment, and ends with their account. Behind a program's stands nobody: it never counts as a
second person.

A token says which council it is for (`muniment_<slug>_<secret>`), so one that is shown at another council's address can
be refused without looking anywhere else, and a leaked one can be recognised as ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, select, text, update

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission, Role, Services, both, grants_of
from muniment.accounts.sessions import digest_of
from muniment.accounts.tables import ApiToken, StaffRole
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.text import is_blank
from muniment.audit.events import AuditEvent
from muniment.audit.log import record, record_many
from muniment.database.ids import new_id
from muniment.database.session import Actor, CouncilSession
from muniment.web.forms import new_secret

__all__ = [
    "TokenView", "caller_of_token", "council_of_token", "list_tokens", "new_token", "revoke_token", "revoke_tokens_of",
]  # fmt: skip

PREFIX = "muniment"
LONGEST = timedelta(days=366)

CALLER = text(
    "select t.id, t.staff_id, t.permissions, t.services, r.role, r.service from api_token t"
    " left join staff p on p.council_id = t.council_id and p.id = t.staff_id"
    " left join staff_role r on r.council_id = p.council_id and r.staff_id = p.id"
    " where t.council_id = :council_id and t.digest = :digest and t.expires_at > :now and t.revoked_at is null"
    " and p.closed_at is null"
)


class TokenView(msgspec.Struct, frozen=True):
    """A token without its secret. `staff_id` is whose it is, null for a program's; `services` is null for all;
    instants are UTC."""

    id: UUID
    staff_id: UUID | None
    label: str
    permissions: list[str]
    services: list[str] | None
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def council_of_token(token: str) -> str | None:
    """The slug a token says it is for, or None if it is no token of ours."""
    prefix, _, rest = token.partition("_")
    slug, _, secret = rest.partition("_")
    return slug if prefix == PREFIX and slug and secret else None


def new_token(
    session: CouncilSession,
    slug: str,
    label: str,
    permissions: Collection[Permission],
    services: Collection[str] | None,
    expires_at: datetime,
    now: datetime,
    *,
    staff_id: UUID | None = None,
) -> tuple[UUID, str]:
    """Make a token, a program's or that of a member of staff whose account is open; its id and the token itself, which
    is shown this once.

    Raises `InvalidInput` without a label or permissions, for an unknown service, for an expiry that is not within the
    next 366 days, or for a permission that the person's roles give for none of the services.
    """
    if is_blank(label) or len(label) > 100:
        raise InvalidInput("A token has a label of 1 to 100 characters that names the program.", where="label")
    if not permissions:
        raise InvalidInput(f"A token needs a permission: {', '.join(Permission)}.", where="permission")
    if not now < expires_at <= now + LONGEST:
        raise InvalidInput("A token expires within the next 366 days.", where="expires")
    if services is not None and not _all_known(session, services):
        raise InvalidInput("The council has no such service.", where="service")
    if staff_id is not None:
        _refuse_beyond(_held_by(session, staff_id), permissions, services)
    token = f"{PREFIX}_{slug}_{new_secret()}"
    row = ApiToken(
        council_id=session.council_id,
        id=new_id(),
        digest=digest_of(token),
        staff_id=staff_id,
        label=label.strip(),
        permissions=sorted(permissions),
        services=None if services is None else sorted(services),
        made_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    whose = {} if staff_id is None else {"staff": staff_id}
    scope = "every service" if row.services is None else " ".join(row.services)
    may, days = " ".join(row.permissions), (expires_at - now).days
    record(session, AuditEvent.TOKEN_MADE, row.id, permissions=may, services=scope, days=days, **whose)
    return row.id, token


def _held_by(session: CouncilSession, staff_id: UUID) -> dict[Permission, Services]:
    """What somebody's roles give."""
    held = select(StaffRole.role, StaffRole.service)
    rows = session.execute(held.where(StaffRole.council_id == session.council_id, StaffRole.staff_id == staff_id))
    return grants_of((Role(row.role), row.service) for row in rows)


def _refuse_beyond(
    held: Mapping[Permission, Services], permissions: Collection[Permission], services: Collection[str] | None
) -> None:
    """A token that could do nothing of what it says would be found out too late."""
    beyond = sorted(set(permissions) - both(held, dict.fromkeys(permissions, _scope(services))).keys())
    if beyond:
        raise InvalidInput(f"The person's roles do not give this there: {', '.join(beyond)}.", where="permission")


def _scope(services: Collection[str] | None) -> Services:
    return EVERY_SERVICE if services is None else frozenset(services)


def _all_known(session: CouncilSession, services: Collection[str]) -> bool:
    known = session.execute(
        text("select count(*) from service where council_id = :council_id and slug = any(:slugs)"),
        {"council_id": session.council_id, "slugs": sorted(set(services))},
    )
    return bool(known.scalar_one() == len(set(services)))


def caller_of_token(session: CouncilSession, token: str, now: datetime) -> Caller | None:
    """Who or which program shows this token at the session's council, with what it may do now; None if it is unknown,
    expired or revoked, or the account of whose it is was closed."""
    rows = session.ask(CALLER, {"council_id": session.council_id, "digest": digest_of(token), "now": now})
    if not rows:
        return None
    first = rows[0]
    known = {permission.value: permission for permission in Permission}
    given = {known[name]: _scope(first.services) for name in first.permissions if name in known}
    if first.staff_id is None:
        return Caller(Actor(kind="token", id=first.id, name="api"), session.council_id, given)
    held = grants_of((Role(row.role), row.service) for row in rows if row.role is not None)
    actor = Actor(kind="staff", id=first.staff_id, name="api")
    return Caller(actor, session.council_id, both(held, given))


def revoke_tokens_of(session: CouncilSession, staff_id: UUID, now: datetime) -> None:
    """End every token of somebody whose account is closed."""
    mine = (ApiToken.council_id == session.council_id, ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None))
    ended = session.scalars(update(ApiToken).where(*mine).values(revoked_at=now).returning(ApiToken.id)).all()
    record_many(session, AuditEvent.TOKEN_REVOKED, sorted(ended))


def revoke_token(session: CouncilSession, token_id: UUID, now: datetime, *, staff_id: UUID | None = None) -> None:
    """End a token for good; with `staff_id`, one of that person's alone. Raises `NotFound`, or `Conflict` if it was
    revoked before."""
    revoked_before = session.execute(
        select(ApiToken.revoked_at).where(*_whose(session, staff_id), ApiToken.id == token_id).with_for_update()
    ).one_or_none()
    if revoked_before is None:
        raise NotFound("There is no such token in this council.")
    if revoked_before.revoked_at is not None:
        raise Conflict("This token was revoked before.")
    session.execute(
        update(ApiToken)
        .where(ApiToken.council_id == session.council_id, ApiToken.id == token_id)
        .values(revoked_at=now)
    )
    record(session, AuditEvent.TOKEN_REVOKED, token_id)


def list_tokens(session: CouncilSession, *, staff_id: UUID | None = None) -> list[TokenView]:
    """Every token of the council, or of one member of staff, the oldest first."""
    rows = session.scalars(select(ApiToken).where(*_whose(session, staff_id)).order_by(ApiToken.made_at, ApiToken.id))
    return [
        TokenView(
            row.id, row.staff_id, row.label, row.permissions, row.services, row.made_at, row.expires_at, row.revoked_at
        )
        for row in rows
    ]


def _whose(session: CouncilSession, staff_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    here = ApiToken.council_id == session.council_id
    return (here,) if staff_id is None else (here, ApiToken.staff_id == staff_id)
