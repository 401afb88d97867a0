"""Making Dramatiq actors of our notes, on Redis or inside one process.

With Redis, any process sends and `muniment worker` works. Without, the one process has a broker in memory and works
itself. Dramatiq's own global broker is never touched.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_type_hints

import dramatiq
import msgspec
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, TimeLimit

from muniment.jobs.actors import Deployment, JobActor
from muniment.jobs.conduct import Conduct, job_key
from muniment.jobs.waiting import in_memory, on_redis

__all__ = ["NAMESPACE", "attach", "make_broker", "make_worker"]

log = structlog.get_logger(__name__)

NAMESPACE = "muniment"
"""What the keys on Redis begin with."""

OLDEST_MS = 60 * 60 * 1000
"""Messages older than an hour are dropped: the schedule has rung again since."""


def make_broker(redis_url: str | None) -> dramatiq.Broker:
    """A broker on Redis, or one in this process's memory."""
    middleware = [AgeLimit(max_age=OLDEST_MS), TimeLimit()]
    if redis_url is None:
        return StubBroker(middleware=middleware)
    return RedisBroker(  # type: ignore[no-untyped-call]  # the library leaves it untyped
        url=redis_url, middleware=middleware, namespace=NAMESPACE, dead_message_ttl=OLDEST_MS
    )


def attach(broker: dramatiq.Broker, actors: Iterable[JobActor], deployment: Deployment) -> None:
    """Declare every actor on the broker and have the database's doorbell send to it, unless the same job waits already.

    Redis being away is logged and changes nothing else: the schedule rings again.
    """
    waiting = on_redis(broker.client) if isinstance(broker, RedisBroker) else in_memory()
    # First of all, so that what it does after a job is outside the job's time limit.
    broker.add_middleware(Conduct(deployment.database, waiting), before=AgeLimit)
    declared = {note.name: _declare(broker, note, deployment) for note in actors}

    def ring(name: str, arguments: Sequence[object]) -> None:
        if waiting.rung(job_key(name, arguments)):
            declared[name].send(*msgspec.to_builtins(list(arguments)))

    deployment.database.doorbell = ring


def make_worker(broker: dramatiq.Broker, *, threads: int, queues: set[str] | None = None) -> dramatiq.Worker:
    """A worker, not started: for all queues, or for those named. One for each broker."""
    broker.emit_after("process_boot")  # what the library's own command does: without it no time limit is kept
    return dramatiq.Worker(broker, worker_threads=threads, queues=queues)


def _declare(broker: dramatiq.Broker, note: JobActor, deployment: Deployment) -> dramatiq.Actor[Any, Any]:
    limits = {"time_limit": int(note.time_limit.total_seconds() * 1000)}
    return dramatiq.Actor(
        _runner(note, deployment),
        actor_name=note.name,
        queue_name=note.queue,
        priority=0,
        broker=broker,
        options=limits,
    )


def _runner(note: JobActor, deployment: Deployment) -> Callable[..., None]:
    """The function that Dramatiq calls: with arguments as JSON has them, turned back into ids."""
    hints = get_type_hints(note.run)
    kinds = [hints[name] for name in list(inspect.signature(note.run).parameters)[1:]]

    @functools.wraps(note.run)
    def run(*arguments: object) -> None:
        given = [msgspec.convert(value, kind) for value, kind in zip(arguments, kinds, strict=True)]
        note.run(deployment, *given)

    return run
