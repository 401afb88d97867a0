"""Workers are killed and Redis is emptied while two councils are swept and holds are placed; all comes out to the row.

Nothing in the product helps: the points to kill at are found from outside. A line of the erasure ledger is seen to
grow (a chunk is written and not committed); its lock is held as a slow shared folder would (a chunk is committed and
not closed); a statement that sets clocks is seen in the server. `SEED` makes another storm of the same kind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from redis import Redis
from sqlalchemy import Engine, text

from muniment.api.errors import NotFound
from muniment.audit.actors import seal
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.jobs.schedule import ring_due
from muniment.keys import KeyRing
from muniment.retention.actors import recompute, settle_ledger, sweep
from muniment.retention.disposal.restore import RestoreCheck
from muniment.settings import Settings
from muniment.worker import send_to_workers
from tests.integration.retention.kit import House
from tests.journeys.retention.nursery import MOMENT, Nursery
from tests.journeys.retention.town import Street
from tests.journeys.test_processes import PROGRAM, until

SLUGS = ("milton-keynes", "sefton")
WORKERS = 3
HOUR = 1.0
"""Seconds that an hour of the schedule takes here."""
WAYS = ("written", "committed", "clocking", "anywhere", "anywhere")
"""Where to kill, by turns: after a chunk's keys are on disk, after its commit, while clocks are set, at any moment."""
LOOKS_UP = 200
"""Milliseconds between two looks of an idle thread of a worker into its queue: with fewer, three workers with a dozen
such threads each would look for messages most of the time, and sweep the less."""

PATIENCE = 3.0
"""Seconds to wait for such a moment; after that the worker is killed wherever it is."""


@dataclasses.dataclass
class Storm:
    """What happens to the workers of two councils."""

    streets: tuple[Street, ...]
    nursery: Nursery
    server: Engine
    redis: Redis
    chance: random.Random
    met: Counter[str] = dataclasses.field(default_factory=Counter)
    """What the kills turned out to have cut off, and how often Redis was emptied."""

    def strike(self, way: str) -> None:
        """Kill some or all workers in one way, and start as many anew."""
        street = self.chance.choice(self.streets)
        getattr(self, way)(street)
        if self.chance.random() < 0.3:
            self.redis.flushall()
            self.met["redis emptied"] += 1
        self.nursery.start(WORKERS - len(self.nursery.workers))

    def anywhere(self, _street: Street) -> None:
        time.sleep(self.chance.uniform(0, 0.1))
        self.nursery.kill(self.chance.choice(self.nursery.workers))
        self.met["one worker killed"] += 1

    def written(self, street: Street) -> None:
        """All workers, at the moment when a chunk's keys are seen in the ledger."""
        size, deadline = street.house.ledger.size, time.monotonic() + PATIENCE
        while street.house.ledger.size == size and time.monotonic() < deadline:
            time.sleep(0.0005)
        self.all_killed()

    def committed(self, street: Street) -> None:
        """All workers, while one waits to close a chunk that it has committed."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with locked(street.house.ledger.path):
                waited, seen = time.monotonic() + 0.05, False
                while not seen and time.monotonic() < waited:
                    seen = bool(self.cut_off(street)["committed, not closed"])
                if seen:  # the lock is let go before anybody is waited for: a hold that is being placed wants it too
                    self.nursery.kill(*self.nursery.workers)
            if seen:
                break
            time.sleep(self.chance.uniform(0, 0.01))
        self.all_killed()

    def clocking(self, street: Street) -> None:
        """All workers, while one sets clocks that a change has unset."""
        street.disturb(self.chance, 200)
        with street.house.session() as session:
            session.ring(recompute.name, (street.house.id,))
        deadline, seen = time.monotonic() + PATIENCE, False
        while not seen and time.monotonic() < deadline:
            seen = bool(self.statements("%update record set%"))
        self.all_killed()
        self.met["while clocks were set"] += seen

    def all_killed(self) -> None:
        self.nursery.kill(*self.nursery.workers)
        while self.statements("%"):  # what the dead had begun is over when their backends are idle or gone
            time.sleep(0.002)
        for street in self.streets:
            self.met.update(self.cut_off(street))

    def statements(self, like: str) -> int:
        """How many transactions other than ours are open in the database, that did something like this last."""
        query = (
            "select count(*) from pg_stat_activity where datname = current_database() and xact_start is not null"
            " and pid <> pg_backend_pid() and backend_type = 'client backend' and query ilike :like"
            " and application_name not like 'test%'"
        )
        with self.server.connect() as connection:
            return connection.scalar(text(query), {"like": like}) or 0

    def cut_off(self, street: Street) -> Counter[str]:
        """The chunks of a sweep that the ledger has open, by whether the database knows of them."""
        opened = [(key, chunk.intent) for key, chunk in street.house.ledger.chunks().items() if chunk.is_open]
        waiting = [key for key, intent in opened if intent.gone or intent.emptied]
        known = set(street.house.ids("select id from disposal where id = any(:ids)", ids=waiting)) if waiting else set()
        return Counter("committed, not closed" if key in known else "written, not committed" for key in waiting)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a ledger, as somebody else who writes to it."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def beside(*loops: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run functions beside the block until it ends. What one raises is raised at the end."""
    stop, failures = threading.Event(), list[BaseException]()

    def run(loop: Callable[[threading.Event], None]) -> None:
        try:
            loop(stop)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(loop,)) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for failure in failures:
        raise failure


def keep_schedule(database: Database) -> Callable[[threading.Event], None]:
    """The schedule, with its hours as short as `HOUR`."""
    begun = datetime.now(UTC)

    def loop(stop: threading.Event) -> None:
        while not stop.wait(0.1):
            hours = (datetime.now(UTC) - begun) / HOUR
            ring_due(database, (seal, recompute, sweep, settle_ledger), begun + hours * 3600)

    return loop


def place_holds(street: Street, targets: list[UUID]) -> Callable[[threading.Event], None]:
    """Hold one file after the other, in step with what is disposed of."""

    def loop(stop: threading.Event) -> None:
        for number, target in enumerate(targets):
            while street.gone < len(street.due) * 0.9 * number / len(targets) and not stop.wait(0.05):
                pass
            with contextlib.suppress(NotFound):
                street.hold(target)

    return loop


@pytest.mark.parametrize(
    ("records", "kills"),
    [
        pytest.param(2_000, 5, marks=pytest.mark.small, id="small"),
        pytest.param(20_000, 100, marks=pytest.mark.slow, id="whole"),
    ],
)
def test_whatever_is_killed_all_that_is_due_goes_once_and_is_proved(
    deployment: Deployment,
    new_council: Callable[[str], UUID],
    superuser_engine: Engine,
    keys: KeyRing,
    redis_url: str,
    tmp_path: Path,
    records: int,
    kills: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("muniment.jobs.waiting.BELIEVED", MOMENT)
    settings, database = msgspec.structs.replace(deployment.settings, redis_url=redis_url), deployment.database
    keys.save(settings.keys_file)
    settings.ledger_dir.mkdir()
    watcher = superuser_engine.execution_options(isolation_level="AUTOCOMMIT")
    streets = tuple(Street(House(database, new_council(slug), settings.ledger_dir), slug, watcher) for slug in SLUGS)
    for street, share in zip(streets, (0.75, 0.25), strict=True):
        street.fill(round(records * share))
        street.house.ledger.path.touch()
    send_to_workers(dataclasses.replace(deployment, settings=settings))
    seed = int(os.environ.get("SEED", "7"))
    chance = random.Random(seed)
    environment = environment_of(settings, database.clock)
    log = tmp_path / "workers.log"
    nursery = Nursery(environment, log, files=5, rows=100)
    begun = time.monotonic()
    try:
        with Redis.from_url(redis_url) as redis:
            storm = Storm(streets, nursery, superuser_engine, redis, chance)
            holders = [place_holds(street, chance.sample(sorted(set(street.files.values())), records // 100))
                       for street in streets]  # fmt: skip
            nursery.start(WORKERS)
            with beside(keep_schedule(database), keep_schedule(database), *holders):
                due = sum(len(street.due) for street in streets)
                for number in range(kills):
                    share = due * 0.9 * number / kills
                    until(lambda: sum(street.gone for street in streets) >= share, "the sweep goes on")  # noqa: B023
                    storm.strike(WAYS[number % len(WAYS)])
                until(lambda: not any(unclocked(street) for street in streets), "all is clocked")
                for street in streets:
                    street.want_sweep()  # what was clocked after its sweep went by would go tomorrow
                until(lambda: all(street.at_rest for street in streets), "all is at rest")
        assert nursery.stop() == [0] * WORKERS
    finally:
        nursery.end()
        with capsys.disabled():
            print(f"\nseed {seed}, {records} records, {time.monotonic() - begun:.0f} s: {dict(storm.met)}")
    for street in streets:
        street.check()
    RestoreCheck(database, settings.ledger_dir)()
    verified = subprocess.run([PROGRAM, "audit", "verify"], env=environment, check=False, capture_output=True)
    assert verified.returncode == 0, verified.stdout
    assert storm.met["committed, not closed"]
    assert any(street.kept for street in streets), "no hold came in time: the race proves nothing"
    if kills > len(WAYS):
        assert set(storm.met) >= {"written, not committed", "while clocks were set", "redis emptied"}


def unclocked(street: Street) -> int:
    return int(street.house.scalar("select count(*) from record where rule_hash is null and disposal is null"))


def environment_of(settings: Settings, clock: FixedClock | object) -> dict[str, str]:
    """A worker's environment: this test's database, Redis and folders, on its pretended day."""
    assert isinstance(clock, FixedClock)
    return {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")} | {
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_REDIS_URL": settings.redis_url or "",
        "MUNIMENT_POOL_SIZE": "4",
        "MUNIMENT_SWEEP_REST": "0",
        "MUNIMENT_TODAY": clock.today().isoformat(),
        "dramatiq_worker_timeout": str(LOOKS_UP),
    }
