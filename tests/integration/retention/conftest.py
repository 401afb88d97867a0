"""Councils with a retention policy of the test's own."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.settings import Settings
from tests.integration.retention.kit import House
from tests.integration.retention.systems import System


@pytest.fixture
def house(database: Database, councils: tuple[UUID, UUID], clock: FixedClock, settings: Settings) -> House:
    """The council `alpha`, without a policy yet."""
    database.clock = clock
    return House(database, councils[0], settings.ledger_dir)


@pytest.fixture
def system(house: House) -> System:
    """Another system with a connector, of the council `alpha`."""
    return System(house)


@pytest.fixture
def emptied(house: House) -> House:
    """Five letters on paper, emptied here."""
    house.adopt()
    for _ in range(5):
        house.file("letter", medium="paper", recorded_on=date(2019, 3, 1))
    house.flush()
    house.arm("letter")
    assert house.sweep().awaited == 5
    return house
