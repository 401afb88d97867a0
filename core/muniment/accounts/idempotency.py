"""`Idempotency-Key`: a write that a program may send again without doing it twice.

The key's row is inserted first, in the write's own transaction: a second request with the key waits for the first to
end and then finds either its answer or, if it failed, nothing. Of the answer only status, location and ids are kept,
for a day; the replay carries no body, so no personal data is stored a second time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response
from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert

from muniment.accounts.permissions import Caller
from muniment.accounts.tables import IdempotencyKey
from muniment.api.errors import InvalidInput
from muniment.clock import Clock
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing

__all__ = ["KEPT", "Made", "Once", "Replayed", "SentKey", "once", "read_key"]

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LONGEST = 255

FORGET = text(
    "delete from idempotency_key where council_id = :council_id and (caller_id, key) in (select caller_id, key"
    " from idempotency_key where council_id = :council_id and made_at <= :before for update skip locked)"
)


class SentKey(msgspec.Struct, frozen=True):
    """The key a request came with and what it asked for; both None without the header."""

    key: str | None
    request: bytes


class Made(msgspec.Struct, frozen=True):
    """The key of what was made."""

    id: UUID


class Replayed(msgspec.Struct, frozen=True):
    """What is answered when a write is sent again: which things it made the first time."""

    ids: list[UUID]


class Once:
    """One write under its key, if it has one. The dependency `once`.

    Most handlers make one thing and answer with its key, which is `making`. Any other asks `replay` first, and passes
    its answer through `answer`:

        if (again := once.replay()) is not None:
            return again
        ...
        return once.answer(201, location=..., ids=[...], body=view)
    """

    def __init__(self, session: CouncilSession, caller: Caller, keys: KeyRing, sent: SentKey, now: datetime) -> None:
        self._session = session
        self._now = now
        self._sent = sent
        self._caller_id = caller.actor.id or session.council_id
        self._key = keys.digest("idempotency.key", sent.key) if sent.key is not None else b""
        self._requests = keys.digests("idempotency.request", sent.request) if sent.key is not None else []

    def making(self, make: Callable[[], UUID], location: Callable[[UUID], str] | None = None) -> Response[Any]:
        """Make one thing and answer 201 with its key (`Made`); sent again, make nothing and answer as `replay` does.

        `location` says of the key where the thing is found.
        """
        if (again := self.replay()) is not None:
            return again
        key = make()
        return self.answer(201, location=location and location(key), ids=[key], body=Made(key))

    def replay(self) -> Response[Any] | None:
        """The answer given before to the same request, or None if this is the first time.

        Raises `InvalidInput` (422) when the key was used for another request.
        """
        if self._sent.key is None:
            return None
        self._session.execute(FORGET, {"council_id": self._session.council_id, "before": self._now - KEPT})
        first = self._session.execute(
            insert(IdempotencyKey)
            .values(
                council_id=self._session.council_id,
                caller_id=self._caller_id,
                key=self._key,
                request=self._requests[0],
                made_at=self._now,
            )
            .on_conflict_do_nothing()
            .returning(IdempotencyKey.made_at)
        ).first()
        if first is not None:
            return None
        row = self._session.get_one(IdempotencyKey, (self._session.council_id, self._caller_id, self._key))
        if row.request not in self._requests:
            message = f"This {HEADER} was used for another request. Use a new key for each write."
            raise InvalidInput(message, where=HEADER, code="idempotency-key-reused")
        return Response(
            Replayed([UUID(entry) for entry in row.ids or []]),
            status_code=row.status or 200,
            headers={"Idempotency-Replayed": "true"} | ({"Location": row.location} if row.location else {}),
        )

    def answer(
        self, status: int, *, body: Any = None, location: str | None = None, ids: Sequence[UUID] = ()
    ) -> Response[Any]:
        """The answer to a write, remembered without its body under the key."""
        if self._sent.key is not None:
            row = self._session.get_one(IdempotencyKey, (self._session.council_id, self._caller_id, self._key))
            row.status, row.location, row.ids = status, location, [str(entry) for entry in ids]
        return Response(body, status_code=status, headers={"Location": location} if location else {})

    def forget(self) -> None:
        """Nothing was made: what comes under the key next is the first again."""
        self._session.execute(
            delete(IdempotencyKey).where(
                IdempotencyKey.council_id == self._session.council_id,
                IdempotencyKey.caller_id == self._caller_id,
                IdempotencyKey.key == self._key,
            )
        )


async def read_key(request: Request[Any, Any, Any]) -> SentKey:
    """The dependency `sent_key`: the header, and a digest of method, address and body."""
    key = request.headers.get(HEADER)
    if key is None:
        return SentKey(None, b"")
    if not key or len(key) > LONGEST or not key.isascii() or not key.isprintable():
        message = f"An {HEADER} has 1 to {LONGEST} printable ASCII characters."
        raise InvalidInput(message, where=HEADER, code="invalid-idempotency-key")
    asked = hashlib.sha256()
    query = request.scope["query_string"].decode("latin-1")
    for part in (request.method, request.scope["path"], query):
        asked.update(part.encode() + b"\0")
    asked.update(await request.body())
    return SentKey(key, asked.digest())


def once(
    session: CouncilSession,
    caller: Caller,
    keys: KeyRing,
    sent_key: SentKey,
    clock: Clock,
) -> Once:
    """The provider of `once`."""
    return Once(session, caller, keys, sent_key, clock.now())
