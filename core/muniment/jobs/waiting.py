"""Which jobs have been rung for and have not begun: so that each waits once, however often somebody rings.

Without it the queue would belong to whoever rings most: a council whose import rings after each chunk would have
hundreds of messages before another's one, and each of them would begin a turn of its own.

It is a hint and no authority. A note whose message was lost with a killed worker is believed for `BELIEVED` and no
longer; one too few or too many costs a message that finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from redis import Redis

__all__ = ["BELIEVED", "Waiting", "in_memory", "on_redis"]

BELIEVED = timedelta(minutes=1)
"""How long after the last message for a job another one is held back: as long as the broker takes to notice that a
worker is dead, and to give what it had to another."""

KEY = "muniment:__waiting__"


class Notes(Protocol):
    """Text by job, in one process or seen by all."""

    def get(self, job: str) -> str | None: ...

    def put(self, job: str, note: str) -> None: ...

    def drop(self, job: str) -> None: ...

    def all(self) -> Iterable[tuple[str, str]]: ...


class Waiting:
    """The jobs that wait, each known by a text, with the times of the first and the last message for it."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def rung(self, job: str, now: datetime | None = None) -> bool:
        """Note that somebody rings for a job; whether a message must be sent for it."""
        now = now or datetime.now(UTC)
        known = self._notes.get(job)
        first, last = _times(known) if known is not None else (now, None)
        if last is not None and now - last < BELIEVED:
            return False
        self._notes.put(job, f"{first.timestamp()} {now.timestamp()}")
        return True

    def begun(self, job: str) -> None:
        """A worker has begun it: whoever rings from now on wants it once more."""
        self._notes.drop(job)

    def since(self) -> Iterator[tuple[str, datetime]]:
        """Every job that waits, and since when."""
        for job, note in self._notes.all():
            yield job, _times(note)[0]


def on_redis(client: Redis) -> Waiting:
    """The notes that all processes share."""
    return Waiting(_OnRedis(client))


def in_memory() -> Waiting:
    """The notes of one process that rings for itself."""
    return Waiting(_InMemory({}))


class _OnRedis:
    def __init__(self, client: Redis) -> None:
        self._client = client

    def get(self, job: str) -> str | None:
        found = self._client.hget(KEY, job)
        return _text(found) if isinstance(found, bytes | str) else None

    def put(self, job: str, note: str) -> None:
        self._client.hset(KEY, job, note)

    def drop(self, job: str) -> None:
        self._client.hdel(KEY, job)

    def all(self) -> Iterable[tuple[str, str]]:
        return [(_text(job), _text(note)) for job, note in dict(self._client.hgetall(KEY)).items()]


class _InMemory:
    """One dictionary; each step on it is atomic."""

    def __init__(self, notes: MutableMapping[str, str]) -> None:
        self._known = notes

    def get(self, job: str) -> str | None:
        return self._known.get(job)

    def put(self, job: str, note: str) -> None:
        self._known[job] = note

    def drop(self, job: str) -> None:
        self._known.pop(job, None)

    def all(self) -> Iterable[tuple[str, str]]:
        return tuple(self._known.items())


def _text(found: bytes | str) -> str:
    return found.decode() if isinstance(found, bytes) else found


def _times(note: str) -> tuple[datetime, datetime]:
    first, last = (datetime.fromtimestamp(float(part), UTC) for part in note.split())
    return first, last
