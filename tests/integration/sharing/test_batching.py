"""A batch: each order by itself, told of in order; what was given is told of even if another failed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from muniment.api.errors import InvalidInput, NotFound
from muniment.clock import FixedClock
from muniment.database.ids import random_id
from muniment.jobs.actors import Deployment
from muniment.settings import Settings
from muniment.sharing.batching import disclose_each, files_of
from muniment.sharing.disclosing import Disclosed, Order
from tests.integration.sharing.kit import SERVICE, House, asked
from tests.server import TODAY


@pytest.fixture
def deployment(house: House) -> Deployment:
    settings = Settings.from_environment({})
    return Deployment(settings, house.database, FixedClock(TODAY), house.keys, house.plugins)


def order(house: House, *, known: bool = True) -> Order:
    file = house.register(address="1 Sample Street") if known else uuid4()
    return Order(**asked({"format": "json"}), files=(file,), batch=BATCH)


BATCH = random_id()


def told(house: House, deployment: Deployment, orders: Iterator[Order]) -> tuple[list[Disclosed], Exception | None]:
    made: list[Disclosed] = []
    try:
        made.extend(disclose_each(deployment, house.caller, house.store, orders))
    except Exception as error:
        return made, error
    return made, None


def registered(house: House) -> set[object]:
    return {row.id for row in house.all("select id from disclosure where batch_id = :batch", batch=BATCH)}


def test_what_came_of_them_comes_in_their_order(house: House, deployment: Deployment) -> None:
    orders = [order(house) for _ in range(5)]
    made, error = told(house, deployment, iter(orders))
    assert error is None
    assert [tuple(group.files) for one in made for group in one.judged.groups] == [each.files for each in orders]
    assert registered(house) >= {one.id for one in made}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_was_given_is_told_of_though_another_fails(house: House, deployment: Deployment, place: int) -> None:
    before = registered(house)
    orders = [order(house, known=number != place) for number in range(3)]
    begun: list[Order] = []

    def taken() -> Iterator[Order]:
        for each in orders:
            begun.append(each)
            yield each

    made, error = told(house, deployment, taken())
    assert isinstance(error, NotFound)
    assert registered(house) - before == {one.id for one in made}, "something left of which nobody was told"
    assert [tuple(group.files) for one in made for group in one.judged.groups] == [
        each.files for each in begun if each != orders[place]
    ]
    assert len(begun) <= place + 2, "another was begun after one had failed"


def test_an_order_that_cannot_be_made_ends_it_in_the_same_way(house: House, deployment: Deployment) -> None:
    before = registered(house)

    def orders() -> Iterator[Order]:
        yield order(house)
        raise InvalidInput("No such client.")

    made, error = told(house, deployment, orders())
    assert isinstance(error, InvalidInput)
    assert registered(house) - before == {one.id for one in made}
    assert len(made) == 1


def test_everybody_comes_once_some_at_a_time(
    houses: tuple[House, House], deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, theirs = houses
    theirs.register(address="1 Sample Street")
    enrolled = [house.register(address="1 Sample Street") for _ in range(3)]
    for file in enrolled:
        house.run(
            "insert into enrolment (council_id, file_id, programme, started_on) values (:council, :file, :programme,"
            " date '2026-11-01')", council=house.id, file=file, programme="made-for-this",
        )  # fmt: skip
    monkeypatch.setattr("muniment.sharing.batching.MOST_FILES", 2)
    everybody = [row.id for row in house.all("select id from client_file order by id")]
    parts = list(files_of(deployment, house.caller, SERVICE))
    assert [key for part in parts for key in part] == everybody
    assert {len(part) for part in parts[:-1]} == {2}
    assert [list(part) for part in files_of(deployment, house.caller, SERVICE, "made-for-this")] == [
        sorted(enrolled)[:2], sorted(enrolled)[2:]
    ]  # fmt: skip
    assert list(files_of(deployment, house.caller, "another")) == []
