"""What is settled with recipients, and what the gate makes of it: stops, one-off requests, agreements."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from muniment.api.errors import Conflict, InvalidInput
from muniment.sharing.agreements import NewAgreement, agreements, end_agreement, make_agreement
from muniment.sharing.matching import NewMatch, receive_match
from muniment.sharing.requests import NewRequest, RequestDecision, decide_request, receive_request, requests
from muniment.sharing.stopping import NewStop, end_stop, place_stop, stops
from tests.integration.sharing.kit import RECIPIENTS, SERVICE, House

ADDRESS = ("personal.address",)
POLICE = {"recipient": "police", "fields": ADDRESS}
WORKS = {"recipient": "employers", "body": "Generated Works Ltd", "fields": ADDRESS}


def stopped(house: House, **what: str) -> UUID:
    with house.session() as session:
        return place_stop(session, house.caller, NewStop(service=SERVICE, reason="a breach of theirs", **what))


def resume(house: House, stop_id: UUID) -> None:
    with house.session() as session:
        end_stop(session, house.caller, stop_id)


def new_request(file: UUID, **changes: Any) -> NewRequest:
    words = dict.fromkeys(
        ("requester", "reason", "necessity", "power", "lawful_basis", "impact_assessment", "keeping", "security"),
        "made up",
    )
    return NewRequest(**{
        "service": SERVICE, "file": file, "recipient": "police", "received_on": date(2026, 11, 1), "fields": ADDRESS,
        "purpose": "support", **words, **changes,
    })  # fmt: skip


def shared_request(house: House, file: UUID, last_day: date | None = None) -> UUID:
    with house.session() as session:
        request_id = receive_request(session, house.caller, new_request(file))
        decision = RequestDecision(
            share=True, decided_by="officer", fields=ADDRESS, reasons="proportionate", last_day=last_day
        )
        decide_request(session, house.caller, request_id, decision)
        return request_id


def new_agreement(house: House, **changes: Any) -> NewAgreement:
    today = house.database.clock.today()
    return NewAgreement(**{
        "service": SERVICE, "recipient": "college", "title": "Generated", "parties": ("A", "B"),
        "purposes": ("support",), "categories": ("personal",), "basis": "public task", "power": "Generated Act",
        "from_on": today, "review_on": today + timedelta(days=90), "agreed_by": "head of service", **changes,
    })  # fmt: skip


def test_a_stop_holds_whatever_the_policy_calls_the_body_later(house: House) -> None:
    file = house.register(address="1 Sample Street")
    assert "stopped" not in house.against(file, **WORKS)
    stop_id = stopped(house, recipient="employers", body="Generated Works Ltd")
    assert "stopped" in house.against(file, **WORKS)
    named = {"body": [{"id": "works", "name": "Generated Works Ltd"}]}
    house.adopt([{**one, **(named if one["id"] == "employers" else {})} for one in RECIPIENTS])
    try:
        assert "stopped" in house.against(file, **WORKS)
        assert "stopped" in house.against(file, **{**WORKS, "body": "works"})
        assert "stopped" not in house.against(file, **{**WORKS, "body": "Other Works Ltd"})
    finally:
        house.adopt()
        resume(house, stop_id)


def test_a_stop_holds_when_a_later_policy_no_longer_declares_the_body(house: House) -> None:
    file, names = house.register(address="1 Sample Street"), ("Generated Works Ltd", "Gwaith Cyf")

    def adopt(*named: dict[str, Any]) -> None:
        house.adopt([{**one, **({"body": list(named)} if one["id"] == "employers" else {})} for one in RECIPIENTS])

    def against(body: str) -> bool:
        return "stopped" in house.against(file, **{**WORKS, "body": body})

    adopt({"id": "works", "name": {"en": names[0], "cy": "Gwaith"}})
    stop_id = stopped(house, recipient="employers", body="works")
    adopt({"id": "works", "name": {"en": names[0], "cy": names[1]}})
    adopt({"id": "another", "name": "Another Ltd"})
    try:
        assert [against(body) for body in ("works", "Gwaith", *names)] == [True] * 4
        assert not against("Another Ltd")
        adopt({"id": "renamed", "name": names[1]})
        assert against("renamed")
        with house.session() as session:
            assert [one.declared for one in stops(session, house.caller)] == [True]
        house.adopt([one for one in RECIPIENTS if one["id"] != "employers"])
        with house.session() as session:
            assert [one.declared for one in stops(session, house.caller)] == [False]
        house.adopt([{**one, "kind": "body"} for one in RECIPIENTS])
        with house.session() as session:
            assert [one.declared for one in stops(session, house.caller)] == [False]
    finally:
        house.adopt()
        resume(house, stop_id)
    assert not against(names[1])


def test_a_kind_of_recipient_can_be_stopped_as_a_whole(house: House) -> None:
    file = house.register(address="1 Sample Street")
    house.agree(file, "support", "employers/generated works ltd", kind="permission")
    waiting = house.disclose(file, **WORKS)
    assert waiting.given == 1
    stop_id = stopped(house, recipient="employers")
    assert house.against(file, **WORKS) == {"stopped"}
    assert house.scalar("select count(*) from export_file where disclosure_id = :d", d=waiting.id) == 0
    resume(house, stop_id)
    assert house.against(file, **WORKS) == set()


def test_a_request_without_a_last_day_is_answered_once(house: House) -> None:
    file = house.register(address="1 Sample Street")
    once, twice = shared_request(house, file), shared_request(house, file, date(2026, 12, 1))
    for request_id, given in ((once, [1, 0]), (twice, [1, 1])):
        assert [house.disclose(file, request=request_id, **POLICE).given for _ in given] == given
    assert house.against(file, request=once, **POLICE) == {"request-decided"}
    with house.session() as session:
        shown = {one.id: one.answerable for one in requests(session, house.caller, limit=200).items}
    assert (shown[once], shown[twice]) == (False, True)


def test_two_who_answer_a_request_at_once_answer_it_once(house: House) -> None:
    file = house.register(address="1 Sample Street")
    for _ in range(5):
        request_id = shared_request(house, file)
        with ThreadPoolExecutor(4) as threads:
            made = threads.map(
                lambda _, asked=request_id: house.disclose(file, request=asked, **POLICE).given, range(4)
            )
            assert sum(made) == 1


def test_an_agreement_that_runs_out_takes_nothing_from_another_with_the_same_recipient(house: House) -> None:
    house.adopt([{**one, "agreement": one["id"] == "college"} for one in RECIPIENTS])
    today, file = house.database.clock.today(), house.register(address="1 Sample Street")
    try:
        with house.session() as session:
            lasting = make_agreement(session, house.caller, new_agreement(house))
            short = new_agreement(house, from_on=today - timedelta(days=9), last_day=today - timedelta(days=1))
            over = make_agreement(session, house.caller, short)
            shown = {one.id: one.in_force for one in agreements(session, house.caller) if one.id in (lasting, over)}
        assert shown == {lasting: True, over: False}
        assert house.against(file, fields=ADDRESS) == set()
        with house.session() as session:
            end_agreement(session, house.caller, lasting, "over")
        assert house.against(file, fields=ADDRESS) == {"agreement"}
    finally:
        house.adopt()


def test_what_left_before_an_agreement_ended_was_covered_by_it(house: House) -> None:
    house.adopt([{**one, "agreement": one["id"] == "college"} for one in RECIPIENTS])
    try:
        with house.session() as session:
            agreement_id = make_agreement(session, house.caller, new_agreement(house))
        file, today = house.register(address="1 Sample Street"), house.database.clock.today()
        assert house.disclose(file, fields=ADDRESS).given == 1
        with house.session() as session:
            end_agreement(session, house.caller, agreement_id, "over")
        assert house.against(file, fields=ADDRESS) == {"agreement"}
        with house.session() as session:
            [ended] = [one for one in agreements(session, house.caller) if one.id == agreement_id]
            assert (ended.from_on, ended.last_day, ended.in_force, ended.to_review) == (today, today, False, False)
            with pytest.raises(Conflict):
                end_agreement(session, house.caller, agreement_id, "over")
    finally:
        house.adopt()


LONG_AGO, FAR_AHEAD = date(202, 3, 31), date(9999, 12, 31)
SLIPS: dict[str, Callable[[House, Any, UUID], object]] = {
    "from_on": lambda house, s, _: make_agreement(s, house.caller, new_agreement(house, from_on=LONG_AGO)),
    "review_on": lambda house, s, _: make_agreement(s, house.caller, new_agreement(house, review_on=FAR_AHEAD)),
    "received_on": lambda house, s, file: receive_request(s, house.caller, new_request(file, received_on=LONG_AGO)),
    "received": lambda house, s, _: receive_match(
        s, house.caller,
        NewMatch(service=SERVICE, recipient="initiative", data_set="payroll", reference="G", received_on=LONG_AGO,
                 finding="made up"),
    ),
    "title": lambda house, s, _: make_agreement(s, house.caller, new_agreement(house, title="\u200b\u202e")),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_days_of_no_calendar_of_ours_and_words_that_nobody_sees_are_refused(house: House, slip: str) -> None:
    """A request received in the year 202 would be disposed of by the next sweep."""
    file = house.register(address="1 Sample Street")
    with house.session() as session, pytest.raises(InvalidInput) as refused:
        SLIPS[slip](house, session, file)
    assert refused.value.where.startswith(slip)


def test_the_data_protection_officer_advises_and_agrees_to_nothing(house: House) -> None:
    with house.session() as session:
        for adviser in ("DPO", " Data Protection Officer "):
            with pytest.raises(InvalidInput) as refused:
                make_agreement(session, house.caller, new_agreement(house, agreed_by=adviser))
            assert (refused.value.where, refused.value.code) == ("agreed_by", "adviser")
