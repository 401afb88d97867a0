"""A job that keeps failing is tried again, later and later, is seen by people, and is forgotten when it succeeds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner
from redis import Redis

from muniment.cli import main
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment, actor
from muniment.jobs.broker import attach, make_broker, make_worker
from muniment.jobs.failures import RETRIES, FailedJobView, failed_jobs, note_failure
from muniment.jobs.upkeep import forget_failures
from muniment.keys import KeyRing
from muniment.settings import Settings
from tests.journeys.test_processes import until

SECRET = "Canary Jones was born on 1 May 1970"


@pytest.fixture
def failed(deployment: Deployment, councils: tuple[UUID, UUID]) -> Callable[[], tuple[FailedJobView, ...]]:
    """The failed jobs of the first council."""

    def look() -> tuple[FailedJobView, ...]:
        with deployment.database.council(councils[0]) as session:
            return failed_jobs(session)

    return look


@pytest.mark.parametrize("over", ["memory", "redis"])
def test_a_poison_job_is_tried_seen_and_given_up_and_blocks_nobody(
    request: pytest.FixtureRequest,
    deployment: Deployment,
    councils: tuple[UUID, UUID],
    failed: Callable[[], tuple[FailedJobView, ...]],
    monkeypatch: pytest.MonkeyPatch,
    over: str,
) -> None:
    monkeypatch.setattr("muniment.jobs.conduct.FIRST_PAUSE_MS", 10)
    monkeypatch.setattr("muniment.jobs.conduct.LONGEST_PAUSE_MS", 50)
    tried, done, poisonous = list[UUID](), list[UUID](), True

    @actor(name="test.poison", queue="test")
    def poison(deployment: Deployment, council_id: UUID) -> None:
        tried.append(council_id)
        if poisonous:
            raise ValueError(SECRET)

    @actor(name="test.sound", queue="test")
    def sound(deployment: Deployment, council_id: UUID) -> None:
        done.append(council_id)

    redis_url = request.getfixturevalue("redis_url") if over == "redis" else None
    broker = make_broker(redis_url)
    attach(broker, [poison, sound], deployment)
    ring = deployment.database.doorbell
    ring(poison.name, (councils[0],))
    worker = make_worker(broker, threads=1)
    worker.start()
    try:
        until(lambda: tried, "the poison is tasted")
        ring(sound.name, (councils[0],))
        until(lambda: done, "the other job is done")
        until(lambda: failed() and failed()[0].for_good, "the job is given up")
        if redis_url is not None:
            with Redis.from_url(redis_url) as redis:
                kept = [redis.dump(key) or b"" for key in redis.scan_iter()]
            assert not any(b"Canary" in value for value in kept), "the words of an error lie on Redis"
        (job,) = failed()
        assert (job.actor, job.failures, job.error) == (poison.name, RETRIES + 1, "ValueError")
        assert len(tried) == RETRIES + 1
        poisonous = False
        ring(poison.name, (councils[0],))  # as the schedule does
        until(lambda: not failed(), "it is forgotten when it succeeds")
    finally:
        worker.stop()
        broker.close()


def test_a_job_past_its_time_is_ended_and_noted(
    deployment: Deployment, councils: tuple[UUID, UUID], failed: Callable[[], tuple[FailedJobView, ...]]
) -> None:
    @actor(name="test.long", queue="test", time_limit=timedelta(milliseconds=200))
    def long(deployment: Deployment, council_id: UUID) -> None:
        until(lambda: False, "the end of time")

    broker = make_broker(None)
    attach(broker, [long], deployment)
    deployment.database.doorbell(long.name, (councils[0],))
    worker = make_worker(broker, threads=1)
    worker.start()
    try:
        until(failed, "it is ended")
    finally:
        worker.stop()
        broker.close()
    assert failed()[0].error == "TimeLimitExceeded"


def test_a_failed_job_is_forgotten_after_a_month(
    deployment: Deployment,
    clock: FixedClock,
    councils: tuple[UUID, UUID],
    failed: Callable[[], tuple[FailedJobView, ...]],
) -> None:
    with deployment.database.council(councils[0]) as session:
        note_failure(session, "test.poison", "busy")
    clock.advance(timedelta(days=30))
    forget_failures.run(deployment, councils[0])
    assert failed()
    clock.advance(timedelta(seconds=1))
    forget_failures.run(deployment, councils[0])
    assert not failed()


def test_an_operator_lists_retries_and_forgets(
    settings: Settings, database: Database, keys: KeyRing, councils: tuple[UUID, UUID]
) -> None:
    keys.save(settings.keys_file)
    environment = {"MUNIMENT_DATA_DIR": str(settings.data_dir), "MUNIMENT_DATABASE_URL": settings.database_url or ""}

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["jobs", *arguments], env=environment)
        return done.exit_code, done.output

    assert run("failed") == (0, "No background work has failed.\n")
    for name in ("audit.seal", "retention.sweep"):
        with database.council(councils[0]) as session:
            note_failure(session, name, "busy")
    status, listed = run("failed")
    assert (status, listed.splitlines()[0].split(",")[0]) == (0, "alpha: audit.seal failed 1 time")
    found = msgspec.json.decode(run("failed", "alpha", "--json")[1])
    assert [(job["actor"], job["error"], job["for_good"]) for job in found["alpha"]] == [
        ("audit.seal", "busy", False),
        ("retention.sweep", "busy", False),
    ]
    assert run("failed", "beta") == (0, "No background work has failed.\n")
    assert run("retry", "alpha", "audit.seal") == (0, "audit.seal is done for alpha.\n")
    assert run("forget", "alpha", "retention.sweep") == (0, "That retention.sweep failed for alpha is forgotten.\n")
    assert run("failed") == (0, "No background work has failed.\n")
    status, told = run("retry", "alpha", "audit.seal")
    assert status == 1
    assert "muniment jobs failed" in told
