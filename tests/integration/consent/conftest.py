"""Two councils that share one database for a module, each with its policy adopted, a notice published and clients."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.clock import FixedClock
from muniment.database.ids import new_id
from tests.integration.consent.kit import TODAY, House
from tests.server import TestServer


@pytest.fixture(scope="module")
def houses(
    request: pytest.FixtureRequest,
    server: TestServer,
    shared_database_name: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[House, House]]:
    """`alpha` and `beta`, alike but for their names, in a database that the module's tests share."""
    folder = tmp_path_factory.mktemp("consent")
    database = server.database(shared_database_name, folder / "ledger", FixedClock(TODAY))
    keys, made = request.getfixturevalue("_key_ring"), []
    for slug in ("alpha", "beta"):
        council_id: UUID = new_id()
        with database.platform() as session:
            insert = text("insert into council (id, slug, name) values (:id, :slug, 'Generated')")
            session.execute(insert, {"id": council_id, "slug": slug})
        house = House(database, council_id, slug, keys, folder / "files")
        house.adopt()
        house.publish()
        made.append(house)
    yield made[0], made[1]
    database.close()


@pytest.fixture(scope="module")
def house(houses: tuple[House, House]) -> House:
    return houses[0]


@pytest.fixture(scope="module")
def other(houses: tuple[House, House]) -> House:
    return houses[1]
