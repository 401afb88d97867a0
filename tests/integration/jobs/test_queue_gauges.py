"""What lies on Redis, as `/metrics` tells it by queue: what waits for a worker, and what was given up."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest
from litestar.testing import TestClient

from muniment.app import open_application
from muniment.jobs.actors import Deployment, dispatch
from muniment.jobs.broker import attach, make_broker
from muniment.retention.actors import recompute, sweep
from muniment.wiring import actors

READING = re.compile(r'^(muniment_jobs_\w+)\{queue="(\w+)"\} (\S+)$', re.MULTILINE)
Readings = dict[tuple[str, str], float]


@pytest.fixture
def read(deployment: Deployment) -> Callable[[str], Readings]:
    """Ask for `/metrics` of an application that rings over the Redis at an address: what is not nought there."""

    def ask(redis_url: str) -> Readings:
        settings = msgspec.structs.replace(deployment.settings, redis_url=redis_url)
        with TestClient(open_application(dataclasses.replace(deployment, settings=settings))) as client:
            answer = client.get("/metrics")
        assert answer.status_code == 200, answer.text
        found = {(name, queue): float(figure) for name, queue, figure in READING.findall(answer.text)}
        assert {queue for _, queue in found} == {actor.queue for actor in actors()}
        return {reading: figure for reading, figure in found.items() if figure}

    return ask


def test_what_waits_and_what_was_given_up_is_told_by_queue(
    deployment: Deployment, councils: tuple[UUID, UUID], redis_url: str, read: Callable[[str], Readings]
) -> None:
    broker = make_broker(redis_url)
    attach(broker, actors(), deployment)
    assert read(redis_url) == {}
    with deployment.database.council(councils[0]) as session:
        dispatch(session, sweep, councils[0])
        dispatch(session, recompute, councils[0])
        assert read(redis_url) == {}, "nothing is rung before the commit"
    broker.get_actor(sweep.name).send_with_options(args=(str(councils[0]),), delay=60_000)
    assert read(redis_url) == {("muniment_jobs_waiting", "retention"): 3}
    consumer = broker.consume("retention", timeout=1_000)
    message = next(consumer)
    assert message is not None
    consumer.nack(message)
    consumer.close()
    assert read(redis_url) == {("muniment_jobs_waiting", "retention"): 2, ("muniment_jobs_dead", "retention"): 1}
    broker.close()
