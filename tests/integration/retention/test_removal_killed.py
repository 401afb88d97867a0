"""A process that is killed while it removes the bytes of files that are gone: the rest is found and removed later, and
nothing else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from muniment.clients.attachments import add_attachment, attachments, read_attachment
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.jobs.upkeep import check_files, remove_files
from muniment.keys import KeyRing
from muniment.settings import Settings
from muniment.wiring import wire
from tests.integration.retention.kit import House

ROOT = Path(__file__).parents[3]
GONE = 3
CHILD = """
import os, pathlib, signal, sys
from uuid import UUID
from muniment.clock import system_clock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.jobs.upkeep import remove_files
from muniment.keys import KeyRing
from muniment.plugins.manager import load_plugins
from muniment.settings import Settings

settings, left, unlink = Settings.from_environment(os.environ), int(sys.argv[2]), pathlib.Path.unlink

def unlink_and_die(path, missing_ok=False):
    global left
    unlink(path, missing_ok)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

clock = system_clock(settings)
keys = KeyRing.open(settings.keys_file)
deployment = Deployment(settings, Database.open(settings, clock), clock, keys, load_plugins([]))
pathlib.Path.unlink = unlink_and_die
remove_files.run(deployment, UUID(sys.argv[1]))
"""


def left(house: House, settings: Settings) -> tuple[int, int, int]:
    """How many keys, tombstones and objects there are."""
    keys, tombstones = (house.scalar(f"select count(*) from {table}") for table in ("stored_file", "file_tombstone"))
    return keys, tombstones, sum(path.is_file() for path in settings.files_dir.rglob("*"))


@pytest.mark.parametrize("after", [1, GONE], ids=["after the first", "after the last"])
def test_bytes_that_a_killed_process_left_are_removed_later_and_no_others(
    house: House, settings: Settings, keys: KeyRing, deployment: Deployment, after: int
) -> None:
    wire()
    keys.save(settings.keys_file)
    house.adopt()
    store = FileStore(settings.files_dir, keys)

    def case(closed_on: date, content: bytes) -> UUID:
        file_id = house.file("case", milestones={"case-closed": closed_on})
        house.flush()
        (record_id,) = house.ids("select id from record where file_id = :id", id=file_id)
        with house.session() as session:
            add_attachment(session, house.caller, store, file_id, record_id, "a.txt", "text/plain", [content])
        return file_id

    for _ in range(GONE):
        case(date(2019, 3, 1), b"gone")
    kept = case(date(2026, 3, 1), b"kept")
    house.arm("case")
    assert house.sweep().disposed == GONE
    assert left(house, settings) == (1, GONE, GONE + 1)

    environment = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")} | {
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_TODAY": house.clock.today().isoformat(),
    }
    command = [sys.executable, "-c", CHILD, str(house.id), str(after)]
    killed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert left(house, settings) == (1, GONE, GONE + 1 - after), (
        "its transaction is undone: what is left is still known"
    )

    remove_files.run(deployment, house.id)  # as the schedule does within ten minutes
    check_files.run(deployment, house.id)
    assert left(house, settings) == (1, 0, 1)
    with house.session() as session:
        (one,) = attachments(session, house.caller, kept)
        _, content = read_attachment(session, house.caller, store, kept, one.id)
        assert b"".join(content) == b"kept"
