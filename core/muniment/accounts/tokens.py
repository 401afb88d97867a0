"""API tokens: what a program of a council shows, scoped to services and permissions.

A token says which council it is for (`muniment_<slug>_<secret>`), so one that is shown at another council's address can
be refused without looking anywhere else, and a leaked one can be recognised as ours.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import select, text, update

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission
from muniment.accounts.sessions import digest_of
from muniment.accounts.tables import ApiToken
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.text import is_blank
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.ids import new_id
from muniment.database.session import Actor, CouncilSession
from muniment.web.forms import new_secret

__all__ = ["TokenView", "caller_of_token", "council_of_token", "list_tokens", "new_token", "revoke_token"]

PREFIX = "muniment"
LONGEST = timedelta(days=366)

CALLER = text(
    "select id, permissions, services from api_token where council_id = :council_id and digest = :digest"
    " and expires_at > :now and revoked_at is null"
)


class TokenView(msgspec.Struct, frozen=True):
    """A token without its secret. `services` is null for all; instants are UTC."""

    id: UUID
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
) -> tuple[UUID, str]:
    """Make a token; its id and the token itself, which is shown this once.

    Raises `InvalidInput` without a label or permissions, for an unknown service, or for an expiry that is not within
    the next 366 days.
    """
    if is_blank(label) or len(label) > 100:
        raise InvalidInput("A token has a label of 1 to 100 characters that names the program.", where="label")
    if not permissions:
        raise InvalidInput(f"A token needs a permission: {', '.join(Permission)}.", where="permission")
    if not now < expires_at <= now + LONGEST:
        raise InvalidInput("A token expires within the next 366 days.", where="expires")
    if services is not None and not _all_known(session, services):
        raise InvalidInput("The council has no such service.", where="service")
    token = f"{PREFIX}_{slug}_{new_secret()}"
    row = ApiToken(
        council_id=session.council_id,
        id=new_id(),
        digest=digest_of(token),
        label=label.strip(),
        permissions=sorted(permissions),
        services=None if services is None else sorted(services),
        made_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    record(session, AuditEvent.TOKEN_MADE, row.id, permissions=len(row.permissions))
    return row.id, token


def _all_known(session: CouncilSession, services: Collection[str]) -> bool:
    known = session.execute(
        text("select count(*) from service where council_id = :council_id and slug = any(:slugs)"),
        {"council_id": session.council_id, "slugs": sorted(set(services))},
    )
    return bool(known.scalar_one() == len(set(services)))


def caller_of_token(session: CouncilSession, token: str, now: datetime) -> Caller | None:
    """Which program shows this token at the session's council; None if it is unknown, expired or revoked."""
    rows = session.ask(CALLER, {"council_id": session.council_id, "digest": digest_of(token), "now": now})
    if not rows:
        return None
    (row,) = rows
    services = EVERY_SERVICE if row.services is None else frozenset(row.services)
    known = {permission.value: permission for permission in Permission}
    return Caller(
        actor=Actor(kind="token", id=row.id, name="api"),
        council_id=session.council_id,
        grants={known[name]: services for name in row.permissions if name in known},
    )


def revoke_token(session: CouncilSession, token_id: UUID, now: datetime) -> None:
    """End a token for good. Raises `NotFound`, or `Conflict` if it was revoked before."""
    revoked_before = session.execute(
        select(ApiToken.revoked_at)
        .where(ApiToken.council_id == session.council_id, ApiToken.id == token_id)
        .with_for_update()
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


def list_tokens(session: CouncilSession) -> list[TokenView]:
    """Every token of the council, the oldest first."""
    rows = session.scalars(
        select(ApiToken).where(ApiToken.council_id == session.council_id).order_by(ApiToken.made_at, ApiToken.id)
    )
    return [
        TokenView(row.id, row.label, row.permissions, row.services, row.made_at, row.expires_at, row.revoked_at)
        for row in rows
    ]
