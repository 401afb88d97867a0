"""Withdrawing: what follows, which act counts, and two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.clients.limiting import NewLimit, place_limit
from muniment.clock import FixedClock
from muniment.consent.asking import NamedRecipient
from tests.integration.consent.acts import answer, take_back, told
from tests.integration.consent.kit import TODAY, House
from tests.unit.notices.made import words


def test_each_body_is_named_and_may_be_withdrawn_alone(house: House) -> None:
    file_id = house.register()
    answer(house, file_id, "vacancies", recipients=(NamedRecipient("employers", "generated works LTD"),))
    answer(house, file_id, "vacancies", recipients=(NamedRecipient("employers", "Made-up  Bakery"),))
    found = house.standing(file_id, "vacancies")
    assert found is not None
    assert found.recipients == ("employers/made-up bakery", "employers/works")
    done = take_back(house, file_id, "vacancies", recipients=(NamedRecipient("employers", "Generated Works Ltd"),))
    assert (done.new, done.follows.stops) == (True, ("Generated Works Ltd",))
    found = house.standing(file_id, "vacancies")
    assert found is not None
    assert (found.live, found.recipients) == (True, ("employers/made-up bakery",))
    with pytest.raises(InvalidInput, match="never named"):
        take_back(house, file_id, "vacancies", recipients=(NamedRecipient("employers", "Somebody"),))
    assert take_back(house, file_id, "vacancies").follows.stops == ("Made-up Bakery",)
    found = house.standing(file_id, "vacancies")
    assert found is not None
    assert (found.state, found.recipients) == ("withdrawn", ())


def test_withdrawing_says_what_follows_and_what_the_policy_does_not_say(house: House) -> None:
    file_id = house.register()
    answer(house, file_id)
    follows = take_back(house, file_id).follows
    assert (follows.stated, follows.stops, follows.starts, follows.stays) == (
        None, ("The Generated Gazette",), ("Portraits",), (),
    )  # fmt: skip


def test_what_there_is_nothing_of_cannot_be_withdrawn_or_confirmed(house: House) -> None:
    file_id = house.register()
    with pytest.raises(NotFound):
        take_back(house, file_id)
    with pytest.raises(Conflict):
        answer(house, file_id, answer="reconfirmed")
    answer(house, file_id, answer="requested", channel=None, how=None, version=None)
    answer(house, file_id, answer="refused", version=None)
    with pytest.raises(Conflict):
        take_back(house, file_id)


def test_who_is_asked_again_and_says_no_refuses_the_purpose_and_not_its_recipients_alone(house: House) -> None:
    file_id = house.register()
    answer(house, file_id)
    answer(house, file_id, answer="refused")
    found = house.standing(file_id, "stories")
    assert found is not None
    assert (found.state, found.recipients) == ("refused", ())
    answer(house, file_id, answer="requested", channel=None, how=None, version=None)
    found = house.standing(file_id, "stories")
    assert found is not None
    assert found.state == "refused"


def test_withdrawing_twice_is_withdrawing_once(house: House) -> None:
    file_id = house.register()
    answer(house, file_id)
    first, second = take_back(house, file_id), take_back(house, file_id)
    assert (first.new, second.new, first.id) == (True, False, second.id)
    answer(house, file_id)
    found = house.standing(file_id, "stories")
    assert found is not None
    assert found.live


def test_the_later_act_counts_and_not_what_was_written_down_last(house: House) -> None:
    """A form of last month that is found today does not undo a withdrawal of last week."""
    file_id = house.register()
    answer(house, file_id, on=TODAY - timedelta(days=60))
    take_back(house, file_id, on=TODAY - timedelta(days=7))
    answer(house, file_id, on=TODAY - timedelta(days=30))
    found = house.standing(file_id, "stories")
    assert found is not None
    assert found.state == "withdrawn"
    answer(house, file_id, on=TODAY - timedelta(days=7))  # the same day: the withdrawal counts
    found = house.standing(file_id, "stories")
    assert found is not None
    assert found.state == "withdrawn"


def test_a_withdrawal_of_before_they_agreed_again_says_that_the_agreement_stands(house: House) -> None:
    file_id = house.register()
    answer(house, file_id, on=TODAY - timedelta(days=60))
    answer(house, file_id, on=TODAY - timedelta(days=3))
    follows = take_back(house, file_id, on=TODAY - timedelta(days=7)).follows
    found = house.standing(file_id, "stories")
    assert found is not None
    assert found.live
    assert (follows.agreed_again, follows.stops) == (TODAY - timedelta(days=3), ())
    [said] = follows.said(words(), house.policy.council, "en")
    assert "You agreed again on 17 November 2026" in said
    assert "nothing is given" not in said


def test_of_two_bodies_an_earlier_withdrawal_stops_whom_they_did_not_agree_to_again(house: House) -> None:
    file_id, works = house.register(), {"recipient": "employers", "body": "works"}
    other = {**works, "body": "Other Works Ltd"}

    def agree(body: dict[str, str], days: int) -> None:
        named = (NamedRecipient(**body),)
        answer(house, file_id, "vacancies", recipients=named, on=TODAY - timedelta(days=days))

    agree(works, 30)
    agree(other, 3)
    follows = take_back(house, file_id, "vacancies", on=TODAY - timedelta(days=7)).follows
    assert (follows.agreed_again, follows.stops) == (TODAY - timedelta(days=3), ("Generated Works Ltd",))
    alone = take_back(house, file_id, "vacancies", recipients=(NamedRecipient(**other),)).follows
    assert (alone.agreed_again, alone.stops) == (None, ("Other Works Ltd",))


def test_a_host_whose_clock_is_behind_does_not_lose_a_withdrawal(house: House) -> None:
    file_id = house.register()
    answer(house, file_id)
    clock = house.database.clock
    try:
        house.database.clock = Behind(TODAY)
        take_back(house, file_id)
    finally:
        house.database.clock = clock
    found = house.standing(file_id, "stories")
    assert found is not None
    assert found.state == "withdrawn"


class Behind(FixedClock):
    """A minute behind the others."""

    def now(self) -> Any:
        return super().now() - timedelta(minutes=1)


def together(*works: Callable[[], Any]) -> list[Any]:
    barrier = threading.Barrier(len(works))

    def go(work: Callable[[], Any]) -> Any:
        barrier.wait(10)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(30) for future in [pool.submit(go, work) for work in works]]


def test_two_withdrawals_at_once_are_one(house: House) -> None:
    file_id = house.register()
    answer(house, file_id)
    done = together(*[lambda: take_back(house, file_id)] * 3)
    assert sorted(each.new for each in done) == [False, False, True]
    assert len({each.id for each in done}) == 1
    assert [event.state for event in told(house, file_id)] == ["given", "withdrawn"]


def test_giving_and_withdrawing_at_once_count_in_the_order_of_the_lock(house: House) -> None:
    for _ in range(3):
        file_id = house.register()
        answer(house, file_id)
        together(partial(answer, house, file_id), partial(take_back, house, file_id))
        events = told(house, file_id)
        assert [event.number for event in events] == [1, 2, 3]
        found = house.standing(file_id, "stories")
        assert found is not None
        assert found.event_id == events[-1].id


def test_what_somebody_answers_whose_file_is_restricted_is_taken_down(house: House) -> None:
    file_id = house.register()
    answer(house, file_id)
    with house.session() as session:
        place_limit(session, house.caller, file_id, NewLimit(ground="18.1.a"))
    answer(house, file_id, "vacancies", answer="refused")
    answer(house, file_id, "vacancies", recipients=(NamedRecipient("employers", "works"),))
    found = house.standing(file_id, "vacancies")
    assert found is not None
    assert found.recipients == ("employers/works",)
    assert take_back(house, file_id).new
