"""The processes of deploy/systemd by hand: the units' own commands and settings, on a real PostgreSQL and Redis.

Two web processes, three workers, two schedules. What is asked over HTTP is done, once; each process that is told to
stop finishes what it began and ends well.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from muniment.database.session import Database
from muniment.retention.evidence.ledger import Ledger
from muniment.settings import PREFIX, Settings
from tests.benchmarks.load import free_port, wait_for
from tests.contracts.deploy.units import UNITS, command, directives, environment_file
from tests.journeys.test_processes import PEOPLE, SECONDS, Asker, running, until

WORKERS = ("retention", "retention", "imports")


@pytest.fixture
def environment(settings: Settings, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """What the units' processes are given, with this machine's places and a free port for the web."""
    (tmp_path / "database-url").write_text(f"{settings.database_url}\n")
    here = {
        "DATA_DIR": settings.data_dir,
        "KEYS_FILE": settings.keys_file,
        "LEDGER_DIR": settings.ledger_dir,
        "FILES_DIR": settings.files_dir,
        "REDIS_URL": redis_url,
        "PORT": free_port(),
    }
    given = environment_file()
    assert given.keys() >= {PREFIX + name for name in here}
    credential = dict(entry.split("=", 1) for entry in directives(UNITS / "muniment-web.service")["Environment"])
    given |= {name: value.replace("%d", str(tmp_path)) for name, value in credential.items()}
    return given | {PREFIX + name: str(value) for name, value in here.items()} | {"PATH": os.environ["PATH"]}


@pytest.mark.slow
def test_the_processes_of_the_units_import_arm_and_sweep_and_stop_well(
    asker: Asker, environment: dict[str, str], database: Database, settings: Settings
) -> None:
    port = int(environment["MUNIMENT_PORT"])
    asker.http.base_url = httpx.URL(f"http://127.0.0.1:{port}")
    web, schedule = command("muniment-web.service"), command("muniment-schedule.service")
    with ExitStack() as beside:
        server = beside.enter_context(running(environment, *web))
        for _ in range(2):
            beside.enter_context(running(environment, *schedule))
        workers = [
            beside.enter_context(running(environment, *command("muniment-worker@.service", instance=queue)))
            for queue in WORKERS
        ]
        wait_for(port, "/health/ready", SECONDS)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(children) >= 2, "two web processes"

        assert asker.done(asker.upload(0))["new"] == PEOPLE
        previews = asker.ask("GET", "/retention/previews")["items"]
        due = {seen["record_class"]: seen["due"] for seen in previews if seen["due"]}
        assert due
        for seen in previews:
            if seen["due"]:
                arming = {"record_class": seen["record_class"], "rule_hash": seen["rule_hash"]}
                asker.ask("POST", "/retention/armings", json=arming)
        run = asker.ask("POST", "/sweeps")["id"]
        stopped(workers[0])  # while the sweep goes on: the other one ends it
        asker.done(f"/sweeps/{run}")
        once(asker, due)
        until(lambda: leases(database), "a schedule has rung")
    for council_id in councils(database):
        chunks = Ledger(settings.ledger_dir, council_id).chunks()
        assert not any(chunk.is_open for chunk in chunks.values()), "a chunk was cut off"


def once(asker: Asker, due: dict[str, int]) -> None:
    """What was due was disposed of exactly once: all certificates there are add up to it, class by class."""
    counted: Counter[str] = Counter()
    for entry in asker.ask("GET", "/certificates?limit=100")["items"]:
        counted[entry["record_class"]] += entry["disposed"] + entry["awaited"]
    assert counted == due
    (imported,) = asker.ask("GET", "/imports")["items"]
    assert imported["new"] == PEOPLE


def stopped(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


def leases(database: Database) -> list[str]:
    with database.platform() as session:
        return list(session.connection().exec_driver_sql("select name from lease").scalars())


def councils(database: Database) -> list[UUID]:
    with database.platform() as session:
        return list(session.connection().exec_driver_sql("select id from council").scalars())
