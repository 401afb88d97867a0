"""Two councils that share a database for one module of tests, so that setting up is paid once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner, Result
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import new_token
from muniment.app import create_app, surface_of
from muniment.cli import main
from muniment.database.ids import new_id
from muniment.keys import KeyRing
from muniment.settings import Settings
from muniment.wiring import wire
from tests.integration.sharing.kit import House
from tests.server import TestServer
from tests.unit.notices.made import words


def _council(database: Any, slug: str) -> UUID:
    council_id = new_id()
    with database.platform() as session:
        session.execute(
            text("insert into council (id, slug, name) values (:id, :slug, :name)"),
            {"id": council_id, "slug": slug, "name": f"Generated council {slug}"},
        )
    return council_id


@pytest.fixture(scope="module")
def houses(
    server: TestServer, shared_database_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, House]]:
    """`alpha` and `beta`, alike but for their names."""
    wire()
    folder, keys = tmp_path_factory.mktemp("sharing"), KeyRing.generate()
    database = server.database(shared_database_name, folder / "ledger")
    made = tuple(House(database, _council(database, slug), slug, keys, folder / "files") for slug in ("alpha", "beta"))
    for house in made:
        house.adopt()
    yield made[0], made[1]
    database.close()


@pytest.fixture
def house(houses: tuple[House, House]) -> House:
    """The council `alpha`."""
    return houses[0]


@pytest.fixture(scope="module")
def http(houses: tuple[House, House], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Litestar]]:
    """The application, as one that shows pages and answers programs."""
    house, folder = houses[0], tmp_path_factory.mktemp("web")
    settings = Settings(data_dir=folder, keys_file=folder / "keys.toml", ledger_dir=folder, files_dir=folder)
    surface = surface_of(house.plugins, house.store)
    surface = msgspec.structs.replace(surface, things={**surface.things, "words": words()})
    app = create_app(settings, house.database, house.database.clock, house.keys, surface)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


@pytest.fixture(scope="module")
def headers(houses: tuple[House, House]) -> dict[str, str]:
    house, now = houses[0], houses[0].database.clock.now()
    with house.session() as session:
        _, made = new_token(session, house.slug, "tests", tuple(Permission), None, now + timedelta(days=9), now)
    return {"Authorization": f"Bearer {made}"}


@pytest.fixture(scope="module")
def cookie(houses: tuple[House, House]) -> str:
    house, now = houses[0], houses[0].database.clock.now()
    roles = [(role, None) for role in Role]
    with house.session() as session:
        staff_id = add_staff(session, "somebody@council.example", "Generated", "generated words", roles, now)
        return begin_session(session, staff_id, now)


@pytest.fixture
def share(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """`muniment share` with these arguments, on the database of the tests."""
    url = house.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    keys = tmp_path / "keys.toml"
    house.keys.save(keys)
    for name, value in {
        "DATA_DIR": tmp_path, "DATABASE_URL": url, "KEYS_FILE": keys, "FILES_DIR": tmp_path / "files",
        "LEDGER_DIR": tmp_path / "ledger", "TODAY": "2026-11-20",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"MUNIMENT_{name}", str(value))
    monkeypatch.setattr("muniment.cli.context.load_plugins", lambda: house.plugins)
    return lambda *arguments: CliRunner().invoke(main, ["share", *arguments])
