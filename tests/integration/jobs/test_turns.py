"""Councils take turns on the workers: neither many records nor a storm of rings nor failing keeps others waiting.

Counted in turns, not in seconds: which council's job a single worker took first, second, third.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from uuid import UUID

import pytest

from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment, JobActor, actor
from muniment.jobs.broker import attach, make_broker, make_worker
from muniment.plugins.manager import Plugins
from muniment.policy.store import adopt
from muniment.retention import actors as retention_actors
from muniment.retention.actors import recompute, sweep
from muniment.retention.clocks.current import unset
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.disposal import sweep as sweeping
from muniment.retention.rules.clock_sql import Rows
from muniment.retention.subjects import RECORDS
from muniment.settings import Settings
from tests.integration.retention.kit import RETENTION, House, policy_of
from tests.journeys.test_processes import until

MANY, FEW = 150, 10
A_TURN = 2
CLOSED = {"case-closed": date(2020, 1, 1)}


class Turns:
    """An actor whose turns are noted, council by council, in the order in which they were begun."""

    def __init__(self, actor: JobActor) -> None:
        self.taken: list[UUID] = []

        def run(deployment: Deployment, council_id: UUID) -> None:
            self.taken.append(council_id)
            actor.run(deployment, council_id)

        self.actor = dataclasses.replace(actor, run=run)

    def before(self, council_id: UUID) -> int:
        """How many turns others had before the first of a council."""
        return self.taken.index(council_id)


@contextmanager
def one_worker(deployment: Deployment, actor: JobActor, redis_url: str | None, *rings: UUID) -> Iterator[None]:
    """A worker of one thread, started when everybody has rung."""
    broker = make_broker(redis_url)
    attach(broker, [actor], deployment)
    for council_id in rings:
        deployment.database.doorbell(actor.name, (council_id,))
    worker = make_worker(broker, threads=1)
    worker.start()
    try:
        yield
    finally:
        worker.stop()
        broker.close()


@pytest.fixture
def houses(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock, settings: Settings
) -> tuple[House, House]:
    """A council with many due records and one with few; both are armed."""
    database.clock = clock
    large, small = (House(database, council_id, settings.ledger_dir) for council_id in councils)
    for house, count in ((large, MANY), (small, FEW)):
        with house.session() as session:
            adopt(session, policy_of(RETENTION, slug="sefton"), clock, by="test")
        for _ in range(count):
            house.file("case", milestones=CLOSED)
        house.flush()
        house.arm("case")
    return large, small


@pytest.fixture(params=["memory", "redis"])
def redis_or_none(request: pytest.FixtureRequest) -> str | None:
    """The address of a Redis, or none: the same is true of both."""
    return str(request.getfixturevalue("redis_url")) if request.param == "redis" else None


def test_a_council_with_many_due_records_does_not_keep_one_with_few_waiting(
    deployment: Deployment,
    houses: tuple[House, House],
    plugins: Plugins,
    redis_or_none: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, small = houses
    monkeypatch.setitem(sweeping.Sweeper.__init__.__kwdefaults__ or {}, "files", 5)
    monkeypatch.setattr(sweeping.Sweeper.work, "__defaults__", (A_TURN,))
    turns = Turns(sweep)
    with one_worker(deployment, turns.actor, redis_or_none, *[large.id] * 50, small.id):
        until(lambda: small.scalar("select count(*) from record") == 0, "the few are gone")
        assert large.scalar("select count(*) from record") > MANY * 0.8, "the many went first"
        until(lambda: large.scalar("select count(*) from record") == 0, "the many are gone")
    assert turns.before(small.id) == 1
    until_gone = turns.taken[: turns.taken.index(small.id, turns.before(small.id) + 1)]
    assert until_gone.count(large.id) <= 2  # one turn before each of the small one's
    assert turns.taken.count(large.id) >= MANY / 5 / A_TURN, "one turn did it all"


def cases_of(house: House) -> Rows:
    return lambda row: (row.c.council_id == house.id) & (row.c.record_class == "advice/case")


def test_recomputing_takes_turns(
    deployment: Deployment, houses: tuple[House, House], redis_or_none: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = houses
    monkeypatch.setattr(retention_actors, "CHUNKS", A_TURN)
    monkeypatch.setattr(clock_stale, "__defaults__", (20,))
    for house in houses:
        with house.session() as session:
            unset(session, RECORDS, cases_of(house))
    turns = Turns(recompute)
    with one_worker(deployment, turns.actor, redis_or_none, large.id, small.id):
        until(lambda: not any(house.scalar("select count(*) from record where rule_hash is null") for house in houses),
              "all is clocked")  # fmt: skip
    assert turns.before(small.id) == 1
    assert turns.taken.count(large.id) >= MANY / 20 / A_TURN


def test_a_storm_of_failures_does_not_keep_another_council_waiting(
    deployment: Deployment, councils: tuple[UUID, UUID], redis_or_none: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muniment.jobs.conduct.FIRST_PAUSE_MS", 100)
    failing, sound = councils

    @actor(name="test.fail", queue="test")
    def fail(deployment: Deployment, council_id: UUID) -> None:
        if council_id == failing:
            raise RuntimeError

    turns = Turns(fail)
    with one_worker(deployment, turns.actor, redis_or_none, *[failing] * 100, sound):
        until(lambda: sound in turns.taken, "the sound one has its turn")
        for _ in range(20):
            deployment.database.doorbell(fail.name, (failing,))
            deployment.database.doorbell(fail.name, (sound,))
        until(lambda: turns.taken.count(sound) >= 2, "and another")
    assert turns.before(sound) == 1
    second = turns.taken.index(sound, turns.before(sound) + 1)
    assert turns.taken[:second].count(failing) <= 3
