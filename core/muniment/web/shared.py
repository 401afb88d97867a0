"""Answers that are the same for everybody, given again without asking the application.

A handler that has worked one out says so (`share`), and what it rests on has been noted on the way (`rests_on`): what
was read from the database and is believed for some seconds. While all of that stands, the very messages that were sent
are sent again to whoever asks the same, before anything is routed. Nothing has to be told when something changes: what
is no longer believed no longer stands.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from copy import copy
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Message, Scope

__all__ = ["Believed", "Kept", "SharedAnswer", "SharedAnswers", "header_of", "not_modified", "rests_on", "share"]

GROUNDS = "muniment_grounds"
SHARED = "muniment_shared"
HELD = "muniment_held"
OF_CONTENT = (b"content-type", b"content-length")
LONGEST_QUESTION = 500
"""Bytes of an address and an `Accept` header together that are worth remembering."""

T = TypeVar("T")


class Kept(Generic[T]):
    """So many values by their key; what was not asked for the longest goes first."""

    def __init__(self, most: int) -> None:
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._most = most

    def get(self, key: Hashable) -> T | None:
        """The value, which thereby counts as asked for."""
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: Hashable, value: T) -> None:
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)


class Believed(Generic[T]):
    """Something read from the database just now, believed for so many seconds."""

    __slots__ = ("_until", "value")

    def __init__(self, value: T, seconds: float) -> None:
        self.value = value
        self._until = time.monotonic() + seconds

    @property
    def stands(self) -> bool:
        """Whether it is still believed."""
        return time.monotonic() < self._until

    def doubt(self) -> None:
        """Believe it no longer: it has been changed here."""
        self._until = 0.0


def rests_on(request: Request[Any, Any, Any], *grounds: Believed[Any]) -> None:
    """Note what the answer to a request rests on, in case it is shared."""
    request.scope["state"].setdefault(GROUNDS, []).extend(grounds)


def share(request: Request[Any, Any, Any]) -> None:
    """Let the answer to this request be given to everybody who asks the same, while what it rests on stands.

    It must depend on nothing but address, query, `Accept` and what was noted.
    """
    request.scope["state"][SHARED] = True


def header_of(scope: Scope, name: bytes) -> bytes:
    """A request's header by its name in lower case; empty without it."""
    return next((value for key, value in scope["headers"] if key == name), b"")


class SharedAnswer(msgspec.Struct, frozen=True):
    """An answer as it was first sent: its messages, the route that it came from and what it rests on."""

    route: str
    start: Message
    body: Message
    grounds: tuple[Believed[Any], ...]

    @property
    def stands(self) -> bool:
        return all(ground.stands for ground in self.grounds)


class SharedAnswers:
    """The answers that are kept, by what was asked. One for an application."""

    def __init__(self, most: int = 512) -> None:
        self._answers: Kept[SharedAnswer] = Kept(most)

    def find(self, scope: HTTPScope) -> SharedAnswer | None:
        """The answer to a GET request, if there is one that still stands."""
        question = _question(scope)
        answer = None if question is None else self._answers.get(question)
        return answer if answer is not None and answer.stands else None

    async def keep(self, message: Message, scope: Scope) -> None:
        """Keep an answer that is shared while it is sent (a Litestar `before_send` hook, after the headers')."""
        state = scope["state"]
        if scope["type"] != ScopeType.HTTP or not (shared := state.get(SHARED)):
            return
        if message["type"] == "http.response.start":
            state[SHARED] = copy(message) if message["status"] == HTTPStatus.OK else None
        elif (question := _question(scope)) is not None:
            answer = SharedAnswer(scope.get("path_template", ""), shared, copy(message), tuple(state[GROUNDS]))
            self._answers.put(question, answer)


async def not_modified(message: Message, scope: Scope) -> None:
    """Answer 304 to whoever holds already what would be sent (RFC 9110 section 13.1.2); a Litestar `before_send` hook.

    It goes by the `ETag`: an answer without one is sent as it is.
    """
    if message["type"] == "http.response.body" and HELD in scope["state"]:
        message["body"] = b""
    if scope["type"] != ScopeType.HTTP or message["type"] != "http.response.start":
        return
    header = header_of(scope, b"if-none-match")
    if not header or message["status"] != HTTPStatus.OK or scope["method"] != "GET":
        return
    held = [entry.strip().removeprefix(b"W/") for entry in header.split(b",")]
    if any(name == b"etag" and (tag in held or b"*" in held) for name, tag in message["headers"]):
        message["status"] = HTTPStatus.NOT_MODIFIED.value
        message["headers"] = [entry for entry in message["headers"] if entry[0] not in OF_CONTENT]
        scope["state"][HELD] = True


def _question(scope: HTTPScope) -> tuple[Hashable, ...] | None:
    """All of a request that a shared answer may depend on; None if it is too long to be remembered."""
    accept = header_of(scope, b"accept")
    path, query = scope["path"], scope["query_string"]
    if len(path) + len(query) + len(accept) > LONGEST_QUESTION:
        return None
    return (scope["method"], scope["scheme"], path, query, accept)
