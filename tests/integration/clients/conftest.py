"""Two councils with a made-up policy adopted."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.app import create_app, surface_of
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.settings import Settings
from tests.integration.clients.kit import House, plugins_of


@pytest.fixture
def houses(database: Database, councils: tuple[UUID, UUID], clock: FixedClock, keys: KeyRing) -> tuple[House, House]:
    """`alpha` and `beta`, alike but for their names."""
    database.clock = clock
    made = (House(database, councils[0], "alpha", keys), House(database, councils[1], "beta", keys))
    for house in made:
        house.adopt()
    return made


@pytest.fixture
def house(houses: tuple[House, House]) -> House:
    """The council `alpha`."""
    return houses[0]


@pytest.fixture
def http(house: House, settings: Settings, keys: KeyRing) -> Iterator[TestClient[Litestar]]:
    """The application of the council, asked over HTTP."""
    surface = surface_of(plugins_of("alpha"), FileStore(settings.files_dir, keys))
    app = create_app(settings, house.database, house.database.clock, keys, surface)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client
