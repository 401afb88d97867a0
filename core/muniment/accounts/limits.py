"""How often something may be tried, counted in PostgreSQL so that it holds for all processes together.

Windows are fixed: an attempt counts until its window ends. Sign-in attempts are counted before the password is looked
at, and the count's row lock makes attempts on one account queue up, so sending many at once gains nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil
from threading import Lock
from uuid import UUID

import msgspec
from sqlalchemy import delete, text

from muniment.accounts.tables import Attempt
from muniment.api.errors import TooManyRequests
from muniment.database.session import CouncilSession, Database

__all__ = [
    "API_CALLS",
    "SIGN_IN_ACCOUNT",
    "SIGN_IN_ADDRESS",
    "ApiAllowance",
    "Limit",
    "count_attempts",
    "forget_attempts",
    "seconds_left",
]

FORGET = text(
    "delete from attempt where council_id = :council_id and (kind, subject, until) in (select kind, subject, until"
    " from attempt where council_id = :council_id and until <= :now for update skip locked)"
)
COUNT = text(
    "insert into attempt (council_id, kind, subject, until, tried)"
    " values (:council_id, :kind, :subject, :until, :tried)"
    " on conflict (council_id, kind, subject, until) do update set tried = attempt.tried + excluded.tried"
    " returning tried"
)


class Limit(msgspec.Struct, frozen=True):
    """At most `most` attempts of a `kind` within each `window`."""

    kind: str
    most: int
    window: timedelta


SIGN_IN_ACCOUNT = Limit("sign-in.account", 10, timedelta(minutes=15))
SIGN_IN_ADDRESS = Limit("sign-in.address", 100, timedelta(minutes=15))
API_CALLS = Limit("api.token", 1200, timedelta(minutes=1))


def _window_end(limit: Limit, now: datetime) -> datetime:
    seconds = limit.window.total_seconds()
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, UTC)


def count_attempts(session: CouncilSession, limit: Limit, subject: bytes, now: datetime, attempts: int = 1) -> int:
    """Count `attempts` and return how many of them are within the limit (0 to `attempts`).

    Windows that have ended are swept out on the way.
    """
    session.execute(FORGET, {"council_id": session.council_id, "now": now})
    tried: int = session.execute(
        COUNT,
        {
            "council_id": session.council_id,
            "kind": limit.kind,
            "subject": subject,
            "until": _window_end(limit, now),
            "tried": attempts,
        },
    ).scalar_one()
    return max(0, min(attempts, limit.most - (tried - attempts)))


def forget_attempts(session: CouncilSession, limit: Limit, subject: bytes) -> None:
    """Start an account's count afresh, because its owner has just proved to be who they are."""
    session.execute(
        delete(Attempt).where(
            Attempt.council_id == session.council_id, Attempt.kind == limit.kind, Attempt.subject == subject
        )
    )


def seconds_left(limit: Limit, now: datetime) -> int:
    """Whole seconds until the current window ends, at least 1: what `Retry-After` says."""
    return ceil((_window_end(limit, now) - now).total_seconds())


class ApiAllowance:
    """The API's limit without a write for every call: a process draws calls from the token's window in small lots.

    What is drawn is counted in the database at once, so all processes together never let through more than the limit; a
    process that ends with calls undrawn only wastes them.
    """

    LOT = 60
    USED_UP = -1

    def __init__(self, database: Database, limit: Limit = API_CALLS) -> None:
        self._database = database
        self._limit = limit
        self._drawn: dict[tuple[UUID, bytes], tuple[datetime, int]] = {}
        self._lock = Lock()

    def take(self, council_id: UUID, subject: bytes, now: datetime) -> bool:
        """Use one call of those drawn; False if more must be drawn.

        Raises `TooManyRequests` when the window is used up.
        """
        until = _window_end(self._limit, now)
        with self._lock:
            window, left = self._drawn.get((council_id, subject), (until, 0))
            if window == until and left == self.USED_UP:
                raise self._refusal(now)
            if window != until or left == 0:
                return False
            self._drawn[council_id, subject] = (until, left - 1)
            return True

    def draw(self, council_id: UUID, subject: bytes, now: datetime) -> None:
        """Draw a lot from the window and use one call of it, in a transaction of its own.

        It takes a connection: the caller's own must have been given back. Raises `TooManyRequests`.
        """
        until = _window_end(self._limit, now)
        with self._database.council(council_id) as session:
            session.execute(text("set local synchronous_commit = off"))
            granted = count_attempts(session, self._limit, subject, now, min(self.LOT, self._limit.most))
        with self._lock:
            window, left = self._drawn.get((council_id, subject), (until, 0))
            total = granted + (max(left, 0) if window == until else 0)
            self._drawn[council_id, subject] = (until, total - 1 if total else self.USED_UP)
            self._forget_past(now)
        if not total:
            raise self._refusal(now)

    def _refusal(self, now: datetime) -> TooManyRequests:
        message = f"This token may make {self._limit.most} calls a minute. Wait until the next."
        return TooManyRequests(message, retry_after=seconds_left(self._limit, now))

    def _forget_past(self, now: datetime) -> None:
        for key in [key for key, (window, _) in self._drawn.items() if window <= now]:
            del self._drawn[key]
