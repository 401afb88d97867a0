"""What is measured on: a deployment of its own, as an operator would have it, gone when the run ends.

The embedded server keeps its normal settings (a commit is on disk before it is told), the database is migrated, both
councils have adopted their policies with the demonstration's decisions. Every side of a measurement gets a database
that was copied from the same one, so that no side finds what another left behind.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import psycopg
from sqlalchemy import make_url

import muniment.schema  # noqa: F401  # every table is known before the first statement
from muniment.clock import FixedClock
from muniment.councils.adopting import adopt_policy, decide_policy
from muniment.councils.directory import sync_councils
from muniment.database.embedded import DATABASE, EmbeddedServer
from muniment.database.roles import APPLICATION
from muniment.database.session import Database
from muniment.database.upgrade import owner_engine, upgrade
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins, load_plugins
from muniment.policy.deciding import read_decisions
from muniment.settings import Settings
from muniment.wiring import settle, wire

__all__ = ["COUNCIL", "SERVICE", "TODAY", "Stage", "staged"]

TODAY = date(2026, 11, 20)
COUNCIL, SERVICE = "milton-keynes", "employment-support"
DECISIONS = Path(__file__).parents[2] / "deploy" / "demo" / "decisions"
SUPERUSER = "postgres"


@dataclass(frozen=True)
class Stage:
    """The deployment. `council_id` is the council that is measured; the other one is there too."""

    folder: Path
    server: EmbeddedServer
    settings: Settings
    keys: KeyRing
    plugins: Plugins
    council_id: UUID

    @contextmanager
    def copy(self, of: str = DATABASE) -> Iterator[str]:
        """A copy of one of the server's databases, dropped after the block: its name."""
        name = f"copy_{uuid4().hex[:12]}"
        self.run(f"create database {name} template {of} strategy file_copy")
        self.run(f"grant connect, temporary on database {name} to {APPLICATION}")
        self.run("checkpoint")  # what the copy costs the disk is not to be paid by what is measured
        try:
            yield name
        finally:
            self.run(f"drop database {name} with (force)")

    def deployment(self, database: str) -> Deployment:
        """The deployment on one of the server's databases; its `database` is the caller's to close."""
        settings = msgspec.structs.replace(
            self.settings,
            database_url=self.server.url(APPLICATION, database),
            ledger_dir=self.folder / f"ledger-{database}",
        )
        clock = FixedClock(TODAY)
        return Deployment(settings, Database.open(settings, clock), clock, self.keys, self.plugins)

    def bare_url(self, database: str) -> str:
        """A database as the superuser, whom row-level security does not hold."""
        return self.server.url(SUPERUSER, database)

    def run(self, statement: str, database: str = "postgres") -> None:
        url = make_url(self.server.superuser_url).set(database=database).render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)

    def version(self) -> str:
        """The server's version."""
        with psycopg.connect(self.server.superuser_url) as connection:
            return str(connection.info.parameter_status("server_version"))


@contextmanager
def staged() -> Iterator[Stage]:
    """A stage in a temporary folder; stopped and removed after the block, also when it fails."""
    folder = Path(tempfile.mkdtemp(prefix="muniment-bench-"))
    folder.chmod(0o711)
    server = EmbeddedServer(folder)
    try:
        yield _set_up(folder, server)
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _set_up(folder: Path, server: EmbeddedServer) -> Stage:
    settings = Settings.from_environment({"MUNIMENT_DATA_DIR": str(folder)})
    server.start()
    owner = owner_engine(settings)
    upgrade(owner)
    owner.dispose()
    wire()
    settle()
    keys, plugins = KeyRing.generate(), load_plugins()
    keys.save(settings.keys_file)
    database = Database.open(settings, FixedClock(TODAY))
    council_ids = {view.slug: view.id for view in sync_councils(database, plugins)}
    for slug, council_id in council_ids.items():
        file = DECISIONS / f"{slug}.toml"
        with database.council(council_id) as session:
            decide_policy(session, plugins.facade(slug), read_decisions(file.read_bytes(), file=os.fspath(file)))
            adopt_policy(session, plugins.facade(slug), by="information asset owner")
    database.close()
    return Stage(folder, server, settings, keys, plugins, council_ids[COUNCIL])
