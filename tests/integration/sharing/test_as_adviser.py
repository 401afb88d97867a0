"""What an adviser can do from the question to the file in hand, with the rights of an adviser and no others."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.sharing.requests import RequestDecision, decide_request, requests
from tests.integration.sharing.kit import CONSOLE, SERVICE, House, page

Client = TestClient[Litestar]
ASKED = {"recipient": "college", "purpose": "support", "field": ["personal.address"]}


@pytest.fixture(scope="module")
def adviser(houses: tuple[House, House]) -> str:
    return signed_in(houses[0], "adviser@council.example", [(Role.ADVISER, SERVICE)])


def signed_in(house: House, address: str, roles: Any) -> str:
    for service in (SERVICE, "gardens"):
        row = "insert into service (council_id, slug, title) values (:c, :s, 'Generated') on conflict do nothing"
        house.run(row, c=house.id, s=service)
    with house.session() as session:
        now = session.clock.now()
        return begin_session(session, add_staff(session, address, "Generated", "generated words", roles, now), now)


def test_an_adviser_sees_what_they_gave_and_fetches_it(house: House, http: Client, adviser: str) -> None:
    file = house.register(address="1 Sample Street")
    asked = page(http, adviser, f"/clients/{file}/sharing", {**ASKED, "act": "ask"})
    assert "Disclose what is allowed" in asked.text
    made = page(http, adviser, f"/clients/{file}/sharing", {**ASKED, "act": "disclose", "means": "csv"})
    place = made.headers["location"].removeprefix(CONSOLE)
    shown = page(http, adviser, place)
    assert shown.status_code == 200, shown.text
    assert "The college" in shown.text
    assert f'href="{CONSOLE}/disclosures"' not in shown.text
    assert "Fetch the file" in shown.text
    assert b"1 Sample Street" in page(http, adviser, f"{place}/export", {}).content
    fetched = page(http, adviser, place).text
    assert ("Fetch the file" in fetched, "There is nothing to fetch" in fetched) == (False, True)
    assert page(http, adviser, "/disclosures").status_code == 403


def test_only_a_yes_can_be_carried_out_on_the_page(house: House, http: Client, adviser: str) -> None:
    file = house.register(address="1 Sample Street")
    for answer in (
        page(http, adviser, f"/clients/{file}/sharing"),
        page(http, adviser, f"/clients/{file}/sharing", {**ASKED, "purpose": "stories", "act": "ask"}),
    ):
        assert answer.status_code == 200
        assert "Disclose what is allowed" not in answer.text


def test_an_adviser_carries_out_what_was_decided_about_a_request(house: House, http: Client, adviser: str) -> None:
    file = house.register(address="1 Sample Street")
    noted = page(http, adviser, f"/clients/{file}/requests", {
        "kind": "crime", "recipient": "police", "purpose": "support", "field": "personal.address",
        "requester": "A constable", "received_on": "19/11/2026", "reason": "a theft", "necessity": "a witness",
        "power": "common law", "lawful_basis": "public task", "impact_assessment": "none", "keeping": "a month",
        "security": "sealed", "signed_off_by": "inspector",
    })  # fmt: skip
    assert noted.status_code == 303, noted.text
    assert "to be decided" in page(http, adviser, f"/clients/{file}").text
    with house.session() as session:
        [request_id] = [one.id for one in requests(session, house.caller, limit=200).items if one.file == file]
    assert f'value="{request_id}"' not in page(http, adviser, f"/clients/{file}/sharing").text
    with house.session() as session:
        decision = RequestDecision(
            share=True, decided_by="officer", fields=("personal.address",), reasons="proportionate"
        )
        decide_request(session, house.caller, request_id, decision)
    assert f'value="{request_id}"' in page(http, adviser, f"/clients/{file}/sharing").text
    answer = {**ASKED, "recipient": "police", "request": str(request_id), "act": "disclose", "means": "on-paper"}
    assert page(http, adviser, f"/clients/{file}/sharing", answer).status_code == 303
    assert f'value="{request_id}"' not in page(http, adviser, f"/clients/{file}/sharing").text
    assert "answered, or its last day is over" in page(http, adviser, f"/clients/{file}").text


def test_an_adviser_tells_recipients(house: House, http: Client, adviser: str) -> None:
    file = house.register(purposes=["stories"], address="1 Sample Street")
    house.agree(file, "stories", "gazette")
    house.disclose(file, recipient="gazette", purpose="stories", fields=("personal.address",))
    house.agree(file, "stories", state="withdrawn")
    assert "To tell recipients" in page(http, adviser, f"/clients/{file}").text
    listed = page(http, adviser, "/notifications")
    assert "The Generated Gazette" in listed.text
    told = house.scalar("select id from recipient_notification where state = 'to-send' order by since desc limit 1")
    assert page(http, adviser, f"/notifications/{told}", {"outcome": "sent"}).status_code == 303


def test_who_may_neither_read_nor_give_sees_nothing_of_it(house: House, http: Client) -> None:
    nobody = signed_in(house, "administrator@council.example", [(Role.ADMINISTRATOR, None)])
    made = house.disclose(house.register(address="1 Sample Street"))
    for place in ("/notifications", f"/disclosures/{made.id}"):
        assert page(http, nobody, place).status_code == 403
    elsewhere = signed_in(house, "elsewhere@council.example", [(Role.ADVISER, "gardens")])
    assert page(http, elsewhere, f"/disclosures/{made.id}").status_code == 404
    assert "1 Sample Street" not in page(http, elsewhere, "/notifications").text
