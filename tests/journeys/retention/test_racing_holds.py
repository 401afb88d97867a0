"""Holds race three sweepers, one of which is killed: what was held is kept, and nothing is disposed of twice."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from muniment.api.errors import NotFound
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.retention.disposal.restore import settle
from muniment.retention.disposal.sweep import begin_run, want_run
from muniment.settings import Settings
from tests.integration.retention.kit import House, hold

FILES_A_HOLD = 3
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "holds", [pytest.param(100, marks=pytest.mark.small), pytest.param(400, marks=pytest.mark.slow)]
)
def test_a_hold_committed_during_a_sweep_wins(
    database: Database, councils: tuple[UUID, UUID], clock: FixedClock, settings: Settings, holds: int
) -> None:
    database.clock = clock
    house = House(database, councils[0], settings.ledger_dir)
    house.adopt()
    days = [date(2020, 1, 1 + number % 28) for number in range(holds * FILES_A_HOLD)]
    files = [house.file("case", milestones={"case-closed": day}) for day in days]
    house.flush()
    house.arm("case")
    records = dict(house.all("select file_id, id from record"))
    with house.session() as session:
        run_id = want_run(session)
        begin_run(session)
    settings.ledger_dir.mkdir(exist_ok=True)
    arguments = [settings.database_url or "", str(house.id), str(settings.ledger_dir), "2026-11-20", str(run_id)]
    command = [sys.executable, "-m", "tests.journeys.retention.sweeper", *arguments]
    sweepers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    try:
        for sweeper in sweepers:
            assert sweeper.stdout is not None
            sweeper.stdout.readline()
        held = race(house, random.Random(7).sample(files, holds), sweepers)
        for sweeper in sweepers[1:]:
            assert sweeper.wait(timeout=120) == 0
        assert sweepers[0].wait(timeout=10) == -signal.SIGKILL
    finally:
        for sweeper in sweepers:
            sweeper.kill()
            sweeper.wait()
            if sweeper.stdout is not None:
                sweeper.stdout.close()
    house.sweep()  # what the killed one had locked
    with house.session() as session:
        settle(session, house.ledger)
    left = set(house.ids("select file_id from record"))
    assert held, "no hold came in time: the race proves nothing"
    assert len(held) < holds, "no hold came too late: the race proves nothing"
    assert left == held
    chunks = house.ledger.chunks()
    gone = [key for chunk in chunks.values() if "done" in chunk.steps for key in chunk.intent.gone.get("record", ())]
    assert len(gone) == len(set(gone)), "disposed of twice"
    assert set(gone) == {records[file_id] for file_id in files if file_id not in held}
    assert house.scalar("select sum(disposed) from certificate") == len(files) - len(held)


def race(house: House, targets: list[UUID], sweepers: list[subprocess.Popen[bytes]]) -> set[UUID]:
    """Place holds from four threads, in step with the sweep, and kill a sweeper on the way; returns what is held.

    Targets are in no order, so that a hold comes in time, at the same moment or too late.
    """
    held: set[UUID] = set()
    files = len(targets) * FILES_A_HOLD

    def disposed() -> int:
        return int(house.scalar("select disposed from sweep_run"))

    def in_step(number: int) -> None:
        while disposed() < files // 2 * number // len(targets) and any(sweeper.poll() is None for sweeper in sweepers):
            time.sleep(0.002)

    def place(first: int) -> None:
        for number in range(first, len(targets), 4):
            in_step(number)
            with contextlib.suppress(NotFound):
                hold(house, "file", targets[number])
                held.add(targets[number])

    threads = [threading.Thread(target=place, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    while disposed() < files // 10:
        time.sleep(0.002)
    sweepers[0].kill()
    for thread in threads:
        thread.join()
    return held
