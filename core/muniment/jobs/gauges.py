"""What waits for a worker, by kind of work and council: how many jobs, and how long the first of them has.

Each job waits once (`muniment.jobs.waiting`), so what is counted is bounded by the actors and the councils there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from redis import Redis
from sqlalchemy import text

from muniment.database.gauges import Figures, Gauge
from muniment.database.session import Database
from muniment.jobs.actors import JobActor
from muniment.jobs.waiting import on_redis

__all__ = ["queue_gauges"]

PATIENCE_SECONDS = 2.0
LABELS = ("queue", "council")


def queue_gauges(redis_url: str | None, database: Database, actors: Iterable[JobActor]) -> list[Gauge]:
    """Gauges of queues; none without Redis, where one process rings for itself."""
    if redis_url is None:
        return []
    client = Redis.from_url(redis_url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)
    waiting, queues = on_redis(client), {actor.name: actor.queue for actor in actors}

    def ages() -> dict[tuple[str, str], list[float]]:
        """How long each job has waited, in seconds, by queue and council."""
        with database.platform() as session:
            councils = {str(row.id): row.slug for row in session.execute(text("select id, slug from council"))}
        found: dict[tuple[str, str], list[float]]
        found = {(queue, slug): [] for queue in queues.values() for slug in councils.values()}
        now = datetime.now(UTC)
        for job, since in waiting.since():
            actor, council, *_ = job.split()
            if actor in queues and council in councils:
                found[queues[actor], councils[council]].append(max(0.0, (now - since).total_seconds()))
        return found

    def each(figure: Callable[[list[float]], float]) -> Callable[[], Figures]:
        return lambda: {labels: figure(waited) for labels, waited in ages().items()}

    return [
        Gauge("muniment_jobs_waiting", "Jobs that wait for a worker, those to be tried again too", LABELS, each(len)),
        Gauge(
            "muniment_jobs_oldest_seconds",
            "How long the job has waited that has waited longest",
            LABELS,
            each(lambda waited: max(waited, default=0.0)),
        ),
    ]
