"""What has run out or was overtaken is written down once, listed before, and never against a later act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID

from muniment.clock import FixedClock
from muniment.consent.asking import NamedRecipient
from muniment.consent.refreshing import ToAsk, note_overtaken, to_ask_again
from muniment.web.callers import Caller, Permission
from tests.integration.consent.acts import answer, told
from tests.integration.consent.kit import PURPOSES, TODAY, House


@contextmanager
def day(house: House, today: date) -> Iterator[None]:
    """The house on another day."""
    before = house.database.clock
    house.database.clock = FixedClock(today)
    try:
        yield
    finally:
        house.database.clock = before


def note(house: House) -> int:
    with house.session() as session:
        return note_overtaken(session)


def listed(house: House, file_id: UUID) -> list[ToAsk]:
    with house.session() as session:
        return [line for line in to_ask_again(session, house.caller, limit=1000) if line.file_id == file_id]


def states(house: House, file_id: UUID) -> list[str]:
    return [event.state for event in told(house, file_id)]


def test_it_counts_to_the_end_of_its_last_day_and_is_written_down_after_it(house: House) -> None:
    file_id = house.register()
    event_id = answer(house, file_id, expires_on=TODAY + timedelta(days=40))
    assert listed(house, file_id) == []
    with day(house, TODAY + timedelta(days=10)):
        [line] = listed(house, file_id)
        assert (line.state, line.expires_on) == ("given", TODAY + timedelta(days=40))
    with day(house, TODAY + timedelta(days=40)):
        note(house)
        found = house.standing(file_id, "stories")
        assert found is not None
        assert found.live
    assert states(house, file_id) == ["given"]
    with day(house, TODAY + timedelta(days=41)):
        found = house.standing(file_id, "stories")
        assert found is not None
        assert (found.state, found.recipients) == ("expired", ())
        assert note(house) >= 1
        assert note(house) == 0
        _, expired = told(house, file_id)
        assert (expired.state, expired.about, expired.recipients) == ("expired", event_id, ())
        assert expired.at.date() == TODAY + timedelta(days=40)
        assert [line.state for line in listed(house, file_id)] == ["expired"]
        answer(house, file_id, answer="reconfirmed")
        assert listed(house, file_id) == []
        found = house.standing(file_id, "stories")
        assert found is not None
        assert found.live


def test_agreement_for_one_that_runs_out_leaves_what_was_agreed_for_another(house: House) -> None:
    file_id = house.register()
    early, late = TODAY + timedelta(days=5), TODAY + timedelta(days=40)
    works, other = (NamedRecipient("employers", body) for body in ("works", "Other Ltd"))
    first = answer(house, file_id, "vacancies", recipients=(works,), expires_on=late)
    second = answer(house, file_id, "vacancies", recipients=(other,), expires_on=early)

    def stands() -> tuple[str, tuple[str, ...], date | None]:
        found = house.standing(file_id, "vacancies")
        assert found is not None
        return found.state, found.recipients, found.expires_on

    assert stands() == ("given", ("employers/other ltd", "employers/works"), early)
    with day(house, early + timedelta(days=1)):
        assert stands() == ("given", ("employers/works",), late)
        assert note(house) >= 1
        assert note(house) == 0, "it is written down once"
        *_, expired = told(house, file_id)
        assert (expired.state, expired.about, expired.recipients) == ("expired", second, ("employers/other ltd",))
        assert stands() == ("given", ("employers/works",), late)
        assert [(line.id, line.state) for line in listed(house, file_id)] == [(second, "expired")]
    with day(house, late + timedelta(days=1)):
        assert stands()[:2] == ("expired", ())
        note(house)
        *_, expired = told(house, file_id)
        assert (expired.state, expired.about, expired.recipients) == ("expired", first, ())


def test_of_an_agreement_that_runs_out_those_who_were_named_again_since_stay(house: House) -> None:
    file_id = house.register()
    early = TODAY + timedelta(days=5)
    works, other = (NamedRecipient("employers", body) for body in ("works", "Other Ltd"))
    first = answer(house, file_id, "vacancies", recipients=(works, other), expires_on=early)
    answer(house, file_id, "vacancies", recipients=(works,))
    with day(house, early + timedelta(days=1)):
        assert note(house) >= 1
        assert note(house) == 0
        *_, expired = told(house, file_id)
        assert (expired.state, expired.about, expired.recipients) == ("expired", first, ("employers/other ltd",))
        found = house.standing(file_id, "vacancies")
        assert found is not None
        assert found.recipients == ("employers/works",)


def test_what_was_renewed_in_time_does_not_run_out(house: House) -> None:
    file_id = house.register()
    answer(house, file_id, expires_on=TODAY + timedelta(days=5))
    with day(house, TODAY + timedelta(days=1)):
        answer(house, file_id, answer="reconfirmed")
    with day(house, TODAY + timedelta(days=6)):
        note(house)
        assert states(house, file_id) == ["given", "reconfirmed"]
        found = house.standing(file_id, "stories")
        assert found is not None
        assert found.recipients == ("newspaper",)


def test_a_new_recipient_means_asking_afresh(house: House) -> None:
    before, of_bodies = house.register(), house.register()
    event_id = answer(house, before)
    answer(house, of_bodies, "vacancies", recipients=(NamedRecipient("employers", "works"),))
    wider = [
        {**purpose, "recipients": ["newspaper", "radio"]} if purpose["id"] == "stories" else purpose
        for purpose in PURPOSES["purpose"]
    ]
    house.adopt(purposes={**PURPOSES, "purpose": wider})
    try:
        assert note(house) >= 1
        assert note(house) == 0
        _, overtaken = told(house, before)
        assert (overtaken.state, overtaken.about) == ("superseded", event_id)
        assert states(house, of_bodies) == ["given"]
        found = house.standing(before, "stories")
        assert found is not None
        assert (found.live, found.recipients) == (False, ())
        assert [line.state for line in listed(house, before)] == ["superseded"]
        answer(house, before)
        found = house.standing(before, "stories")
        assert found is not None
        assert found.recipients == ("newspaper", "radio")
    finally:
        house.adopt()
    assert note(house) == 0, "naming fewer takes nothing back"
    assert states(house, before) == ["given", "superseded", "given"]


def test_the_list_is_of_the_callers_services_and_council(house: House, other: House) -> None:
    file_id = house.register()
    answer(house, file_id, expires_on=TODAY)
    assert len(listed(house, file_id)) == 1
    assert listed(other, file_id) == []
    elsewhere = Caller(house.caller.actor, house.id, {Permission.READ_CLIENTS: frozenset({"elsewhere"})})
    with house.session() as session:
        assert to_ask_again(session, elsewhere) == ()
        [first] = to_ask_again(session, house.caller, limit=1)
        assert first not in to_ask_again(session, house.caller, after=(first.file_id, first.id), limit=1000)
