"""What waits for a worker, as `/metrics` tells it by queue and council."""

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
from muniment.jobs.broker import attach, make_broker, make_worker
from muniment.retention.actors import recompute, sweep
from muniment.wiring import actors
from tests.journeys.test_processes import until

READING = re.compile(r'^(muniment_jobs_\w+)\{council="(\w+)",queue="(\w+)"\} (\S+)$', re.MULTILINE)
Readings = dict[tuple[str, str, str], float]


@pytest.fixture
def read(deployment: Deployment) -> Callable[[str], Readings]:
    """Ask for `/metrics` of an application that rings over the Redis at an address: what is not nought there."""

    def ask(redis_url: str) -> Readings:
        settings = msgspec.structs.replace(deployment.settings, redis_url=redis_url)
        with TestClient(open_application(dataclasses.replace(deployment, settings=settings))) as client:
            answer = client.get("/metrics")
        assert answer.status_code == 200, answer.text
        found = {(name, queue, council): float(figure) for name, council, queue, figure in READING.findall(answer.text)}
        assert {queue for _, queue, _ in found} == {actor.queue for actor in actors()}
        return {reading: figure for reading, figure in found.items() if figure}

    return ask


def test_what_waits_is_told_by_queue_and_council_and_each_job_waits_once(
    deployment: Deployment, councils: tuple[UUID, UUID], redis_url: str, read: Callable[[str], Readings]
) -> None:
    broker = make_broker(redis_url)
    attach(broker, actors(), deployment)
    assert read(redis_url) == {}
    with deployment.database.council(councils[0]) as session:
        for _ in range(3):
            dispatch(session, sweep, councils[0])
        dispatch(session, recompute, councils[0])
        assert read(redis_url) == {}, "nothing is rung before the commit"
    with deployment.database.council(councils[1]) as session:
        dispatch(session, sweep, councils[1])
    found = read(redis_url)
    waiting = {key[1:]: figure for key, figure in found.items() if key[0] == "muniment_jobs_waiting"}
    assert waiting == {("retention", "alpha"): 2, ("retention", "beta"): 1}
    ages = {key[1:] for key in found if key[0] == "muniment_jobs_oldest_seconds"}
    assert ages == set(waiting)
    worker = make_worker(broker, threads=2)
    worker.start()
    until(lambda: read(redis_url) == {}, "all that waits is begun")
    worker.stop()
    broker.close()
