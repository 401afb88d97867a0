"""Councils with a retention policy of the test's own."""

from __future__ import annotations

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
