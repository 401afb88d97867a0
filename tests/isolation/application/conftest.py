"""One deployment with two full councils for all the tests here, on a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from muniment.app import open_application
from muniment.database.roles import APPLICATION
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins, load_plugins
from muniment.settings import Settings
from muniment.wiring import wire
from tests.isolation.application.filling import fill
from tests.isolation.application.tenants import Client, House
from tests.server import TestServer


@contextmanager
def opened(
    server: TestServer, name: str, folder: Path, plugins: Plugins
) -> Iterator[tuple[Deployment, Client, Engine]]:
    """A deployment on one of the server's databases, with the keys of its folder."""
    settings = Settings(
        data_dir=folder,
        database_url=server.url_of(APPLICATION, name),
        keys_file=folder / "keys.toml",
        ledger_dir=folder / "ledger",
        files_dir=folder / "files",
        pool_size=4,
    )
    database, superuser = server.database(name, settings.ledger_dir), server.engine(name)
    deployment = Deployment(settings, database, database.clock, KeyRing.open(settings.keys_file), plugins)
    with Client(open_application(deployment)) as client:
        client.follow_redirects = False
        yield deployment, client, superuser
    database.close()
    superuser.dispose()


@contextmanager
def filled(server: TestServer, template: str, folder: Path) -> Iterator[House]:
    """A deployment with two councils, on a database of its own that is dropped in the end."""
    wire()
    name, plugins = f"muniment_test_{uuid4().hex[:12]}", load_plugins()
    KeyRing.generate().save(folder / "keys.toml")
    server.copy(template, name)
    with opened(server, name, folder, plugins) as (deployment, client, superuser):
        yield House(deployment, client, superuser, fill(client, deployment, plugins, folder))
    server.drop(name)


@pytest.fixture(scope="session")
def house(server: TestServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two councils, filled once. A test here leaves them as they were, or works on a copy."""
    with filled(server, template, tmp_path_factory.mktemp("house")) as house:
        yield house
