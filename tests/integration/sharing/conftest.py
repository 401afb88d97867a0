"""Two councils that share a database for one module of tests, so that setting up is paid once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.database.ids import new_id
from muniment.keys import KeyRing
from muniment.wiring import wire
from tests.integration.sharing.kit import House
from tests.server import TestServer


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
