"""The schedule: rings for every actor that is due, any number of schedules at a time.

Who may ring is settled by a lease in the database, one for each actor, that runs out when the actor is due again. A
schedule that dies with a lease delays that actor by one period and loses nothing. Leases count the machine's time, not
the deployment's: a pretended day must not stop the clockwork.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import text

from muniment.api.errors import MunimentError
from muniment.database.session import Database
from muniment.jobs.actors import JobActor

__all__ = ["ring_due", "run_schedule"]

log = structlog.get_logger(__name__)

TICK = timedelta(seconds=15)
TAKE = text(
    'insert into lease (name, "until") values (:name, :until)'
    ' on conflict (name) do update set "until" = excluded."until" where lease."until" <= :now returning name'
)


def ring_due(database: Database, actors: Iterable[JobActor], now: datetime | None = None) -> list[str]:
    """Ring once for each actor whose lease has run out; returns their names."""
    now = now or datetime.now(UTC)
    rung = []
    for actor in actors:
        if actor.every is None:
            continue
        with database.platform() as session:
            if session.scalar(TAKE, {"name": actor.name, "now": now, "until": now + actor.every}) is None:
                continue
            for council_id in session.scalars(text("select id from council order by id")):
                session.ring(actor.name, (council_id,))
        rung.append(actor.name)
    return rung


def run_schedule(database: Database, actors: Iterable[JobActor], stop: threading.Event) -> None:
    """Ring for what is due until told to stop. A database that is away is waited for."""
    actors = tuple(actors)
    while not stop.is_set():
        try:
            ring_due(database, actors)
        except MunimentError as error:
            log.warning("schedule_waits", reason=error.code)
        stop.wait(TICK.total_seconds())
