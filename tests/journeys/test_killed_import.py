"""An import that is killed outright, in the middle, is run again and ends as if it had never been stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from muniment.cli.demonstration.population import lives, write_csv
from muniment.clock import FixedClock
from muniment.councils.adopting import adopt_policy
from muniment.councils.directory import sync_councils
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.plugins.manager import load_plugins
from muniment.policy.store import adopted
from muniment.settings import Settings

PROGRAM = Path(sys.executable).with_name("muniment")
COUNCIL, SERVICE, FORMAT = "sefton", "sefton-at-work", "registration-form"
PEOPLE = 5_000
SECONDS = 120


def adopt_and_write(database: Database, clock: FixedClock, file: Path) -> None:
    """Adopt the council's policy as it is declared, and write a file in one of its formats."""
    plugins = load_plugins()
    council_id = next(view.id for view in sync_councils(database, plugins) if view.slug == COUNCIL)
    with database.council(council_id) as session:
        adopt_policy(session, plugins.facade(COUNCIL), by="information asset owner")
    with database.council(council_id) as session:
        policy = adopted(session).services[SERVICE]
    source = next(entry for entry in policy.clients.imports if entry.id == FORMAT)
    write_csv(file, source, policy, list(lives(PEOPLE, today=clock.today(), seed="killed")), seed="killed")


def stored(superuser: Engine) -> dict[str, int]:
    """How many rows there are of what an import makes."""
    with superuser.connect() as connection:
        return {
            table: connection.scalar(text(f"select count(*) from {table}")) or 0
            for table in ("client_file", "person", "record", "milestone", "import_memory")
        }


@pytest.mark.slow
def test_a_killed_import_is_run_again(
    settings: Settings, database: Database, superuser_engine: Engine, clock: FixedClock, keys: KeyRing, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    adopt_and_write(database, clock, file)
    keys.save(settings.keys_file)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")} | {
        "MUNIMENT_DATA_DIR": str(settings.data_dir),
        "MUNIMENT_DATABASE_URL": settings.database_url or "",
        "MUNIMENT_TODAY": clock.today().isoformat(),
    }
    command = [str(PROGRAM), "client", "import", COUNCIL, FORMAT, str(file), "--history", "--generated", "--json"]

    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + SECONDS
    while stored(superuser_engine)["client_file"] == 0 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait(SECONDS)
    with superuser_engine.begin() as connection:  # what the dead process had begun is over when its backend is gone
        while connection.scalar(text("select count(*) from pg_locks where relation = 'client_file'::regclass")):
            time.sleep(0.01)
    partly = stored(superuser_engine)["client_file"]
    assert 0 < partly < PEOPLE

    def again() -> Any:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=SECONDS, check=True)
        return json.loads(done.stdout)

    assert (summary := again())["unchanged"] == partly
    assert (summary["new"], summary["rejected"]) == (PEOPLE - partly, 0)
    whole = stored(superuser_engine)
    assert whole["client_file"] == whole["person"] == whole["import_memory"] == PEOPLE
    assert again()["unchanged"] == PEOPLE
    assert stored(superuser_engine) == whole
