"""The composition root of background work: `muniment worker`, `muniment schedule`, and both inside `muniment serve`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dramatiq import Worker

from muniment.clients.pretending import refuse_real_people
from muniment.jobs.actors import Deployment
from muniment.jobs.broker import attach, make_broker, make_worker
from muniment.jobs.schedule import run_schedule
from muniment.wiring import actors, wire

__all__ = ["send_to_workers", "working"]


def send_to_workers(deployment: Deployment) -> None:
    """Have this process ring for workers elsewhere, over Redis."""
    attach(make_broker(deployment.settings.redis_url), actors(), deployment)


@contextmanager
def working(
    deployment: Deployment, *, threads: int = 4, queues: set[str] | None = None, schedule: bool = False
) -> Iterator[Worker]:
    """Work in threads of this process while the block runs, then finish the chunks that were begun, and no more.

    With `schedule`, ring for what is due as well. Without Redis this is all the working there is. Raises
    `SettingsError` where a day is pretended and there are real people.
    """
    refuse_real_people(deployment.database)
    wire()
    deployment.stopping.clear()
    broker = make_broker(deployment.settings.redis_url)
    attach(broker, actors(), deployment)
    worker = make_worker(broker, threads=threads, queues=queues)
    stop = threading.Event()
    clockwork = threading.Thread(
        target=run_schedule, args=(deployment.database, actors(), stop), name="schedule", daemon=True
    )
    worker.start()
    if schedule:
        clockwork.start()
    try:
        yield worker
    finally:
        stop.set()
        deployment.stopping.set()
        if schedule:
            clockwork.join()
        worker.stop()
        broker.close()
