"""Declaring work that runs in the background, and asking for it.

The database is the queue of record. An actor finds what there is to do by state, may be called twice or not at all, and
takes nothing but ids; the message that wakes it is a doorbell. So a lost message costs time and nothing else: the
schedule rings again.

The decorator only notes. `muniment.jobs.broker` makes Dramatiq actors of the notes on the broker that a composition
root hands over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from muniment.clock import Clock
from muniment.database.session import CouncilSession, Database, PlatformSession
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.settings import Settings

__all__ = ["Argument", "Deployment", "JobActor", "actor", "dispatch"]

Argument = UUID | str | int


@dataclass(frozen=True)
class Deployment:
    """What a process works with; every actor is given it and opens its own transactions."""

    settings: Settings
    database: Database
    clock: Clock
    keys: KeyRing
    plugins: Plugins
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the process is to end: an actor that works in chunks begins no other one."""


@dataclass(frozen=True)
class JobActor:
    """A function `(deployment, council_id, *ids)` and how it is to be run.

    `queue` is a kind of work, so that a long sweep does not keep a letter waiting. `every` has the schedule ring for
    it, for each council with the council's id as its only argument.
    """

    name: str
    queue: str
    run: Callable[..., None]
    time_limit: timedelta
    every: timedelta | None


def actor(
    *,
    name: str,
    queue: str,
    time_limit: timedelta = timedelta(minutes=10),
    every: timedelta | None = None,
) -> Callable[[Callable[..., None]], JobActor]:
    """Declare a function `(deployment: Deployment, council_id: UUID, *ids)` as an actor named `domain.work`.

    It works for one council, on a bounded share of what there is to do, and rings for itself when there is more: so
    that councils take turns on the workers.
    """

    def note(run: Callable[..., None]) -> JobActor:
        return JobActor(name, queue, run, time_limit, every)

    return note


def dispatch(session: CouncilSession | PlatformSession, job: JobActor, *arguments: Argument) -> None:
    """Wake an actor after the session's commit; nothing is sent if it is rolled back.

    Arguments are ids, codes and counts; anything else is refused with `TypeError`, for messages are stored and logged.
    """
    for argument in arguments:
        refuse_data(argument)
    session.ring(job.name, arguments)


def refuse_data(argument: Any) -> None:
    """Raise `TypeError` unless an argument is of a kind that messages may hold."""
    if not isinstance(argument, UUID | str | int) or isinstance(argument, bool):
        raise TypeError("an actor's arguments are ids, codes and counts")
