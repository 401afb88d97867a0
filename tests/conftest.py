"""Fixtures that every test may ask for: a database of its own on one shared server, two councils, a clock, keys.

One PostgreSQL serves a whole run, however many workers share it: the embedded one in a temporary folder, or, where
`MUNIMENT_TEST_DATABASE_URL` names one (as a superuser), that. The schema is migrated once into a template; each test
that asks for `database` gets a copy, dropped after the test. When the run ends nothing is left (`tests.keeper`).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import structlog
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from sqlalchemy import Engine, text

from muniment.clock import FixedClock
from muniment.database.embedded import EmbeddedServer
from muniment.database.engine import open_owner_engine
from muniment.database.ids import new_id
from muniment.database.roles import APPLICATION, OWNER
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins, load_plugins
from muniment.settings import Settings
from tests import naming
from tests.compiled import create_engine
from tests.keeper import Kept, remove_left_behind
from tests.running import pytest_collection_modifyitems, pytest_make_collect_report, pytest_runtest_makereport
from tests.server import FAST, TODAY, TestServer

__all__ = ["pytest_collection_modifyitems", "pytest_make_collect_report", "pytest_runtest_makereport"]

FOLDER = "MUNIMENT_TEST_FOLDER"
"""Set by the process that pytest was started in, inherited by its workers: the run's own folder."""

KEPT = pytest.StashKey[Kept]()
EXTERNAL = "MUNIMENT_TEST_DATABASE_URL"
MEMORY = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that a run may need: some tens of databases of ten megabytes, and the server's own."""


def pytest_configure(config: pytest.Config) -> None:
    # Where Python is told to keep no bytecode, each process of a run would compile and rewrite everything again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # Read by Dramatiq when it is first imported: its threads look up so often (in ms), and so it stops as soon.
    os.environ["dramatiq_worker_timeout"] = "20"  # noqa: SIM112  # so it is spelt
    if not hasattr(config, "workerinput"):
        place = _fast_folder()
        remove_left_behind(place or Path(tempfile.gettempdir()))
        config.stash[KEPT] = kept = Kept(place)
        os.environ[FOLDER] = str(kept.folder)


def _fast_folder() -> Path | None:
    """Memory, where there is enough of it: copying a database takes a fifth of the time that it takes on a disk."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        folder = Path(os.environ.pop(FOLDER))
        if EXTERNAL in os.environ and (folder / "template").exists():
            TestServer(os.environ[EXTERNAL]).run(f"drop database {(folder / 'template').read_text()}")
        config.stash[KEPT].end()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def passable_folder() -> Iterator[Path]:
    """A folder that another user can pass, unlike `tmp_path`; in memory, where there is enough of it."""
    folder = Path(tempfile.mkdtemp(dir=os.environ[FOLDER]))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command configures the logs of its process; the next test of this process finds them as they were."""
    before, handlers = structlog.get_config(), logging.root.handlers[:]
    yield
    structlog.configure(**before)
    logging.root.handlers[:] = handlers


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing costs next to nothing, but where its cost is the point: tests/unit/accounts/test_passwords.py."""
    monkeypatch.setattr("muniment.accounts.passwords._hasher", PasswordHasher.from_parameters(CHEAPEST))


@pytest.fixture(scope="session", autouse=True)
def _councils_named() -> None:
    """See `tests.naming`."""
    naming.watch()


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """See `tests.compiled`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("muniment.database.engine.create_engine", create_engine)
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """The run's PostgreSQL."""
    if EXTERNAL in os.environ:
        url = os.environ[EXTERNAL]
    else:
        embedded = EmbeddedServer(Path(os.environ[FOLDER]), FAST)
        embedded.start()
        url = embedded.superuser_url
    server = TestServer(url)
    yield server
    server.close()


@pytest.fixture(scope="session")
def _redis() -> str:
    """The address of a Redis of this process's own, started when first asked for; the run's keeper ends it."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    folder = Path(tempfile.mkdtemp(dir=os.environ[FOLDER]))
    socket = folder / "redis.sock"
    options = {"port": 0, "unixsocket": socket, "dir": folder, "pidfile": folder / "redis.pid", "save": "",
               "appendonly": "no", "daemonize": "yes"}  # fmt: skip
    command = [program, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with Redis(unix_socket_path=str(socket), retry=Retry(ConstantBackoff(0.1), 100)) as client:
        client.ping()
    return f"unix://{socket}"


@pytest.fixture
def redis_url(_redis: str) -> Iterator[str]:
    """The address of an empty Redis."""
    with Redis.from_url(_redis) as client:
        client.flushall()
        yield _redis


@pytest.fixture(scope="session")
def template(server: TestServer) -> str:
    """The name of a database with the newest schema and no rows, made once in a run."""
    folder = Path(os.environ[FOLDER])
    with locked(folder):
        made = folder / "template"
        if not made.exists():
            name = f"muniment_template_{uuid4().hex[:12]}"
            server.prepare(name)
            made.write_text(name)
        return made.read_text()


@pytest.fixture
def database_name(server: TestServer, template: str) -> Iterator[str]:
    """The name of a database of the test's own."""
    name = f"muniment_test_{uuid4().hex[:12]}"
    server.copy(template, name)
    yield name
    server.drop(name)


@pytest.fixture(scope="module")
def shared_database_name(server: TestServer, template: str) -> Iterator[str]:
    """The name of a database that the tests of one module share."""
    name = f"muniment_test_{uuid4().hex[:12]}"
    server.copy(template, name)
    yield name
    server.drop(name)


@pytest.fixture
def empty_database_name(server: TestServer, template: str) -> Iterator[str]:
    """The name of an empty database of the test's own, in whose server the roles are there."""
    name = f"muniment_test_{uuid4().hex[:12]}"
    server.make(name)
    yield name
    server.drop(name)


@pytest.fixture
def owner_engine(server: TestServer, database_name: str) -> Iterator[Engine]:
    """The test's database as the owner role: row-level security holds it too, unless it is switched off."""
    engine = open_owner_engine(server.url_of(OWNER, database_name))
    yield engine
    engine.dispose()


@pytest.fixture
def superuser_engine(server: TestServer, database_name: str) -> Iterator[Engine]:
    """The test's database as the superuser, past row-level security: to look at or tamper with anything."""
    engine = server.engine(database_name)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(server: TestServer, database_name: str, tmp_path: Path) -> Settings:
    """Settings that name the test's database and folders of its own. Sweeps don't rest, as nobody sits at a screen."""
    return Settings(
        data_dir=tmp_path,
        database_url=server.url_of(APPLICATION, database_name),
        owner_database_url=server.url_of(OWNER, database_name),
        keys_file=tmp_path / "keys.toml",
        ledger_dir=tmp_path / "ledger",
        files_dir=tmp_path / "files",
        pool_size=8,
        sweep_rest=0,
    )


@pytest.fixture
def database(settings: Settings, clock: FixedClock) -> Iterator[Database]:
    """The test's database as the application role, at the test's time."""
    database = Database.open(settings, clock)
    yield database
    database.close()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon in London on 20 November 2026."""
    return FixedClock(TODAY)


@pytest.fixture(scope="session")
def _key_ring() -> KeyRing:
    return KeyRing.generate()


@pytest.fixture
def keys(_key_ring: KeyRing) -> KeyRing:
    """A generated key ring, kept in memory; `keys.save(settings.keys_file)` for what opens the file."""
    return _key_ring


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    """The installed plugins."""
    return load_plugins()


@pytest.fixture
def deployment(settings: Settings, database: Database, keys: KeyRing, plugins: Plugins) -> Deployment:
    """All that a process works with, on the test's database."""
    return Deployment(settings, database, database.clock, keys, plugins)


@pytest.fixture
def new_council(database: Database) -> Callable[[str], UUID]:
    """Make a generated council with a slug; returns its id."""

    def make(slug: str) -> UUID:
        council_id = new_id()
        with database.platform() as session:
            session.execute(
                text("insert into council (id, slug, name) values (:id, :slug, :name)"),
                {"id": council_id, "slug": slug, "name": f"Generated council {slug}"},
            )
        return council_id

    return make


@pytest.fixture
def councils(new_council: Callable[[str], UUID]) -> tuple[UUID, UUID]:
    """Two generated councils, `alpha` and `beta`: their ids."""
    return new_council("alpha"), new_council("beta")
