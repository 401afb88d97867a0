"""Sessions of members of staff: begun, recognised, ended.

A session belongs to one council. It is found by the digest of its secret among that council's alone, so the secret of
one council's session means nothing at another.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, text, update

from muniment.accounts.permissions import Caller, Role, grants_of
from muniment.accounts.tables import StaffSession
from muniment.database.session import Actor, CouncilSession
from muniment.web.forms import new_secret

__all__ = ["LONGEST", "begin_session", "caller_of_session", "digest_of", "end_session", "end_sessions_of"]

LONGEST = timedelta(hours=12)
"""A session ends this long after signing in, whatever happens."""
IDLE = timedelta(hours=1)
"""A session ends after this long without a request."""
TOUCH = timedelta(minutes=5)
"""How old the noted time of the last request may be: not every request should write."""

CALLER = text(
    "select s.id, s.seen_at, p.id as staff_id, r.role, r.service from staff_session s"
    " join staff p on p.council_id = s.council_id and p.id = s.staff_id"
    " left join staff_role r on r.council_id = p.council_id and r.staff_id = p.id"
    " where s.council_id = :council_id and s.digest = :digest and s.expires_at > :now and s.seen_at > :idle_since"
    " and p.closed_at is null"
)


def digest_of(secret: str) -> bytes:
    """What is stored of a secret of 256 random bits; plain SHA-256, since such a secret cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def begin_session(session: CouncilSession, staff_id: UUID, now: datetime) -> str:
    """Begin a session and return its secret, for the cookie. Ended sessions of the council are swept out."""
    ended = (
        select(StaffSession.id)
        .where(
            StaffSession.council_id == session.council_id,
            (StaffSession.expires_at <= now) | (StaffSession.seen_at <= now - IDLE),
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        delete(StaffSession).where(StaffSession.council_id == session.council_id, StaffSession.id.in_(ended))
    )
    secret = new_secret()
    session.add(
        StaffSession(
            council_id=session.council_id,
            digest=digest_of(secret),
            staff_id=staff_id,
            made_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
        )
    )
    session.flush()
    return secret


def caller_of_session(session: CouncilSession, secret: str, now: datetime) -> Caller | None:
    """Who is signed in with this secret at the session's council, with the roles held now; None if nobody is."""
    rows = session.ask(
        CALLER,
        {"council_id": session.council_id, "digest": digest_of(secret), "now": now, "idle_since": now - IDLE},
    )
    if not rows:
        return None
    first = rows[0]
    if first.seen_at < now - TOUCH:
        session.execute(
            update(StaffSession)
            .where(StaffSession.council_id == session.council_id, StaffSession.id == first.id)
            .values(seen_at=now)
        )
    return Caller(
        actor=Actor(kind="staff", id=first.staff_id, name="console"),
        council_id=session.council_id,
        grants=grants_of((Role(row.role), row.service) for row in rows if row.role is not None),
    )


def end_session(session: CouncilSession, secret: str) -> UUID | None:
    """End one session; whose it was, or None if there was none."""
    return session.execute(
        delete(StaffSession)
        .where(StaffSession.council_id == session.council_id, StaffSession.digest == digest_of(secret))
        .returning(StaffSession.staff_id)
    ).scalar_one_or_none()


def end_sessions_of(session: CouncilSession, staff_id: UUID) -> None:
    """End every session of somebody: the password changed, or the account was closed."""
    session.execute(
        delete(StaffSession).where(StaffSession.council_id == session.council_id, StaffSession.staff_id == staff_id)
    )
