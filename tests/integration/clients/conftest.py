"""Two councils with a made-up policy adopted."""

from __future__ import annotations

from uuid import UUID

import pytest

from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.keys import KeyRing
from tests.integration.clients.kit import House


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
