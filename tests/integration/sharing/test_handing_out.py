"""That days pass destroys no file that waits to be fetched: whoever fetches it on a later day asks the gate again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest

from muniment.api.errors import Conflict, NotFound
from muniment.clock import FixedClock
from muniment.sharing.disclosing import Disclosed
from tests.integration.sharing.kit import House
from tests.integration.sharing.test_arrangements import ADDRESS, shared_request
from tests.integration.sharing.test_withholding import fetched


@pytest.fixture
def days_pass(house: House) -> Iterator[Callable[[int], None]]:
    """Lets so many days pass."""
    clock = house.database.clock

    def passing(days: int) -> None:
        house.database.clock = FixedClock(clock.today() + timedelta(days=days))

    yield passing
    house.database.clock = clock


def tomorrow(house: House) -> date:
    return house.database.clock.today() + timedelta(days=1)


def on_consent(house: House) -> Disclosed:
    """Of somebody whose consent has its last day tomorrow."""
    file = house.register(purposes=["stories"], address="1 Sample Street")
    house.agree(file, "stories", "gazette", expires_on=tomorrow(house))
    return house.disclose(file, recipient="gazette", purpose="stories", fields=ADDRESS)


def under_agreement(house: House) -> Disclosed:
    """Of somebody whose time in a programme ends tomorrow, and under an agreement."""
    file = house.register(address="1 Sample Street")
    house.settle_with("authority")
    house.run(
        "insert into enrolment (council_id, file_id, programme, started_on, ended_on)"
        " values (:c, :f, 'bridge', '2026-11-02', :last)", c=house.id, f=file, last=tomorrow(house),
    )  # fmt: skip
    house.give(file, date(2026, 11, 2), programme="bridge")
    return house.disclose(file, recipient="authority", fields=ADDRESS)


@pytest.mark.parametrize("make", [on_consent, under_agreement])
@pytest.mark.parametrize("days", [1, 2])
def test_what_runs_out_before_it_is_fetched_is_not_handed_out(
    house: House, days_pass: Callable[[int], None], make: Callable[[House], Disclosed], days: int
) -> None:
    made = make(house)
    assert made.given == 1
    days_pass(days)
    if days == 1:  # the last day, inclusive
        assert fetched(house, made)
        with pytest.raises(Conflict):
            fetched(house, made)
    else:
        with pytest.raises(NotFound):
            fetched(house, made)


def test_the_answer_to_a_request_is_fetched_on_a_later_day(house: House, days_pass: Callable[[int], None]) -> None:
    """A request that may be answered once is not answered before its answer has left."""
    file = house.register(address="1 Sample Street")
    made = house.disclose(file, recipient="police", fields=ADDRESS, request=shared_request(house, file))
    assert made.given == 1
    days_pass(3)
    assert fetched(house, made)
