"""A sweep rests between its chunks while others use the database, in proportion to its work, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from muniment.database.session import CouncilSession
from muniment.retention.disposal.pace import LONGEST, Pace
from muniment.retention.disposal.sweep import Sweeper, begin_run, want_run
from tests.integration.retention.kit import House

LONG_AGO = date(2019, 3, 1)
LOCKS = (
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory'"
)


class Screen:
    """Somebody else's connection to the same database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection = engine.connect()

    def ask(self) -> None:
        self._connection.execute(text("select 1"))
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()


@pytest.fixture
def screen(house: House) -> Iterator[Screen]:
    """Somebody who is connected and has asked for something, but not lately."""
    found = Screen(create_engine(house.database.engine.url, poolclass=NullPool))
    found.ask()
    yield found
    found.close()


def rests(house: House, times: int, worked: float, during: Screen | None) -> list[float]:
    """The rests after one chunk that took so many seconds."""
    waited: list[float] = []
    found = Pace(times, waited.append)
    with house.session() as session:
        session.connection()
        if during is not None:
            during.ask()
        found.look(session)
    found.rest(worked)
    return waited


def test_it_rests_in_proportion_to_its_work_while_others_ask(house: House, screen: Screen) -> None:
    assert rests(house, 9, 0.5, screen) == [4.5]


def test_it_does_not_rest_while_others_only_stay_connected(house: House, screen: Screen) -> None:
    assert rests(house, 9, 0.5, None) == []


def test_a_rest_is_never_longer_than_a_worker_may_take_to_stop(house: House, screen: Screen) -> None:
    assert rests(house, 9, 3600.0, screen) == [LONGEST]


def test_an_operator_can_do_without_rests(house: House, screen: Screen) -> None:
    assert rests(house, 0, 0.5, screen) == []


def test_connections_to_another_database_do_not_count(house: House, screen: Screen) -> None:
    other = Screen(create_engine(house.database.engine.url.set(database="postgres"), poolclass=NullPool))
    assert rests(house, 9, 0.5, other) == []
    other.close()


def test_a_sweep_rests_between_chunks_and_not_after_the_last(house: House, screen: Screen) -> None:
    house.adopt()
    for _ in range(5):
        house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    waited: list[float] = []

    class Watched(Pace):
        def look(self, session: CouncilSession) -> None:
            screen.ask()
            super().look(session)

    with house.session() as session:
        run_id: UUID = want_run(session)
        begin_run(session)
    sweeper = Sweeper(house.database, house.id, house.ledger, files=2, pace=Watched(9, waited.append))
    while sweeper.work(run_id):
        pass
    assert house.scalar("select count(*) from record") == 0
    assert len(waited) == house.scalar("select chunks from sweep_run")
    assert all(0 < seconds < LONGEST for seconds in waited)


def test_rests_keep_no_transaction_open(house: House, screen: Screen) -> None:
    """A rest with locks held would make people wait, which it is there to spare them."""
    house.adopt()
    for _ in range(3):
        house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    open_ones: list[int] = []

    def wait(_seconds: float) -> None:
        open_ones.append(house.scalar(LOCKS))

    class Busy(Pace):
        def look(self, session: CouncilSession) -> None:
            screen.ask()
            super().look(session)

    with house.session() as session:
        run_id = want_run(session)
        begin_run(session)
    Sweeper(house.database, house.id, house.ledger, files=1, pace=Busy(9, wait)).work(run_id)
    assert open_ones
    assert set(open_ones) == {0}
