"""Servers, workers and Redis as processes of their own: what is asked over HTTP is done by whoever is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from muniment.accounts.permissions import Permission
from muniment.accounts.tokens import LONGEST, new_token
from muniment.cli.demonstration.population import lives, write_csv
from muniment.clock import system_clock
from muniment.councils.adopting import adopt_policy, decide_policy
from muniment.councils.directory import sync_councils
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.policy.deciding import read_decisions
from muniment.policy.store import adopted
from muniment.settings import Settings
from tests.benchmarks.load import free_port, wait_for

PROGRAM = str(Path(sys.executable).with_name("muniment"))
DECISIONS = Path(__file__).parents[2] / "deploy" / "demo" / "decisions"
COUNCIL, SERVICE, FORMAT = "milton-keynes", "employment-support", "case-management"
PROCESSES, PEOPLE = 2, 60
SECONDS = 120.0


@dataclass(frozen=True)
class Asker:
    """Somebody with a token for everything, and the files that they send."""

    http: httpx.Client
    authorised: dict[str, str]
    files: list[bytes]

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        answer = self.http.request(method, f"/api/v1/councils/{COUNCIL}{path}", headers=self.authorised, **sent)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def upload(self, number: int) -> str:
        """Send a file to be imported; returns where its run is told."""
        run = self.ask("POST", f"/imports/{SERVICE}/{FORMAT}?history=true", content=self.files[number])
        return f"/imports/{run['id']}"

    def done(self, path: str) -> Any:
        """A run when it is over."""
        return until(lambda: found if (found := self.ask("GET", path))["state"] == "done" else None, path)

    def waiting(self, queue: str) -> float:
        """How many jobs of all councils wait, as the gauge says."""
        lines = self.http.get("/metrics").raise_for_status().text.splitlines()
        readings = [line for line in lines if line.startswith("muniment_jobs_waiting{") and f'queue="{queue}"' in line]
        return sum(float(reading.rsplit(" ", 1)[1]) for reading in readings)


def until(found: Callable[[], Any], what: str) -> Any:
    """What is found, once it is."""
    deadline = time.monotonic() + SECONDS
    while not (result := found()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return result


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until it is told to stop, and then ends well."""
    process = subprocess.Popen([PROGRAM, *arguments], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def asker(settings: Settings, database: Database, plugins: Plugins, keys: KeyRing, tmp_path: Path) -> Iterator[Asker]:
    """A council with its decisions made, and generated people in two files of its case management."""
    clock = database.clock = system_clock(settings)
    keys.save(settings.keys_file)
    council_id = next(view.id for view in sync_councils(database, plugins) if view.slug == COUNCIL)
    facade, decisions = plugins.facade(COUNCIL), DECISIONS / f"{COUNCIL}.toml"
    with database.council(council_id) as session:
        decide_policy(session, facade, read_decisions(decisions.read_bytes(), file=decisions.name))
        adopt_policy(session, facade, by="information asset owner")
    with database.council(council_id) as session:
        policy = adopted(session).services[SERVICE]
        now = clock.now()
        _, token = new_token(session, COUNCIL, "tests", list(Permission), None, now + LONGEST, now)
    source = next(entry for entry in policy.clients.imports if entry.id == FORMAT)
    write_csv(tmp_path / "people.csv", source, policy, list(lives(PEOPLE, today=clock.today(), seed="p")), seed="p")
    content = (tmp_path / "people.csv").read_bytes()
    with httpx.Client(timeout=30) as http:
        yield Asker(http, {"Authorization": f"Bearer {token}"}, [content, content.replace(b"GEN-", b"NEW-")])


@pytest.mark.slow
def test_two_server_processes_and_a_worker_import_and_sweep(asker: Asker, settings: Settings, redis_url: str) -> None:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_REDIS_URL": redis_url,
        "MUNIMENT_PORT": str(port),
    }
    asker.http.base_url = httpx.URL(f"http://127.0.0.1:{port}")
    with ExitStack() as beside:
        server = beside.enter_context(running(environment, "serve", "--processes", str(PROCESSES)))
        wait_for(port, "/health/ready", SECONDS)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        assert len(children.read_text().split()) >= PROCESSES

        imported = asker.upload(0)
        assert asker.waiting("imports") == 1  # and nobody does it: the servers only ring
        with running(environment, "worker"):
            assert asker.done(imported)["new"] == PEOPLE
            due = 0
            for seen in asker.ask("GET", "/retention/previews")["items"]:
                if seen["due"]:
                    due += seen["due"]
                    arming = {"record_class": seen["record_class"], "rule_hash": seen["rule_hash"]}
                    asker.ask("POST", "/retention/armings", json=arming)
            assert due > 0
            run = asker.ask("POST", "/sweeps")["id"]
            swept = asker.done(f"/sweeps/{run}")
            assert swept["disposed"] + swept["awaited"] == due
            certificates = asker.ask("GET", f"/certificates?run={run}")["items"]
            assert sum(entry["disposed"] + entry["awaited"] for entry in certificates) == due
        second = asker.upload(1)
        assert asker.waiting("imports") == 1  # a council's job waits once, however often somebody rings
        with running(environment, "worker", "--queue", "imports"):
            assert asker.done(second)["new"] == PEOPLE
            until(lambda: asker.waiting("imports") == 0, "the queue runs empty")
