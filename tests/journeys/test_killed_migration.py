"""A migration that is killed outright, in the middle, leaves nothing, and run again ends as if never stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, text

from muniment.database.engine import open_owner_engine
from muniment.database.roles import APPLICATION, OWNER
from muniment.database.upgrade import current_revision, newest_revision, refuse_old_schema
from tests.integration.database.test_migrations import CATALOGUE, catalogue, config
from tests.server import TestServer

PROGRAM = str(Path(sys.executable).with_name("muniment"))
SECONDS = 120.0
TOUCHED = text(
    "select pid, count(*) as relations from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = :name and locktype = 'relation' and mode = 'AccessExclusiveLock' group by pid"
)
"""Relations that a transaction has made or changed: nobody else sees them before its commit."""
SOME = 20


def schema(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    return {kind: catalogue(engine, kind) for kind in CATALOGUE}


def kill_half_way(process: subprocess.Popen[bytes], server: TestServer, name: str) -> None:
    """Kill the process when it has touched some relations, and wait until its transaction is over."""
    deadline = time.monotonic() + SECONDS
    engine = server.engine("postgres")

    def touched() -> int:
        with engine.connect() as connection:
            return max((row.relations for row in connection.execute(TOUCHED, {"name": name})), default=0)

    while touched() < SOME:
        assert process.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < deadline
    process.kill()
    process.wait()
    while touched():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, "0001"])
def test_a_killed_migration_is_run_again(
    server: TestServer, template: str, empty_database_name: str, tmp_path: Path, before: str | None
) -> None:
    name = empty_database_name
    owner = open_owner_engine(server.url_of(OWNER, name))
    if before is not None:
        with owner.begin() as connection:
            command.upgrade(config(connection), before)
    at_first = schema(owner)
    environment = {
        "PATH": os.environ["PATH"],
        "MUNIMENT_DATA_DIR": str(tmp_path),
        "MUNIMENT_DATABASE_URL": server.url_of(APPLICATION, name),
        "MUNIMENT_OWNER_DATABASE_URL": server.url_of(OWNER, name),
    }
    arguments = [PROGRAM, "db", "upgrade"]
    kill_half_way(subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL), server, name)
    assert current_revision(owner) == before
    assert schema(owner) == at_first
    subprocess.run(arguments, env=environment, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
    assert current_revision(owner) == newest_revision()
    refuse_old_schema(owner)
    never_stopped = open_owner_engine(server.url_of(OWNER, template))
    assert schema(owner) == schema(never_stopped)
    for engine in (owner, never_stopped):
        engine.dispose()
