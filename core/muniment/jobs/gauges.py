"""What lies on Redis: messages that wait for a worker, and those given up after their retries.

A dead message is a doorbell that failed, not work that is lost: the schedule rings again. Many of them say that an
actor fails each time; the log says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dramatiq.common import dq_name, xq_name
from redis import Redis

from muniment.database.gauges import Figures, Gauge
from muniment.jobs.broker import NAMESPACE

__all__ = ["queue_gauges"]

PATIENCE_SECONDS = 2.0


def queue_gauges(redis_url: str | None, queues: Sequence[str]) -> list[Gauge]:
    """Gauges of queues by name; none without Redis, where one process rings for itself."""
    if redis_url is None:
        return []
    client = Redis.from_url(redis_url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)

    def each(count: Callable[[str], int]) -> Callable[[], Figures]:
        return lambda: {(queue,): float(count(queue)) for queue in queues}

    def waiting(queue: str) -> int:
        return int(client.llen(_key(queue))) + int(client.llen(_key(dq_name(queue))))

    def dead(queue: str) -> int:
        return int(client.zcard(_key(xq_name(queue))))

    return [
        Gauge("muniment_jobs_waiting", "Messages that wait for a worker, delayed ones too", ("queue",), each(waiting)),
        Gauge("muniment_jobs_dead", "Messages given up after their retries, kept for a week", ("queue",), each(dead)),
    ]


def _key(queue: str) -> str:
    return f"{NAMESPACE}:{queue}"
