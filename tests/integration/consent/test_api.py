"""Consents and permissions asked over HTTP: the addresses, who may, what is answered to a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission
from muniment.accounts.tokens import new_token
from muniment.app import create_app, surface_of
from muniment.settings import Settings
from tests.integration.consent.kit import House
from tests.unit.notices.made import words

API = "/api/v1/councils/alpha"


@pytest.fixture(scope="module")
def http(house: House, request: pytest.FixtureRequest) -> Iterator[TestClient[Litestar]]:
    folder = request.getfixturevalue("tmp_path_factory").mktemp("web")
    settings = Settings(data_dir=folder, keys_file=folder / "keys.toml", ledger_dir=folder, files_dir=folder)
    surface = surface_of(house.plugins, house.store)
    surface = msgspec.structs.replace(surface, things={**surface.things, "words": words()})
    app = create_app(settings, house.database, house.database.clock, house.keys, surface)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client


def token(house: House, *permissions: Permission) -> dict[str, str]:
    now = house.database.clock.now()
    with house.session() as session:
        given = permissions or tuple(Permission)
        _, made = new_token(session, house.slug, "tests", given, None, now + timedelta(days=9), now)
    return {"Authorization": f"Bearer {made}"}


@pytest.fixture(scope="module")
def headers(house: House) -> dict[str, str]:
    return token(house)


def given(house: House, **changes: Any) -> dict[str, Any]:
    return {
        "purpose": "stories", "answer": "given", "language": "en", "version": str(house.version),
        "channel": "in-person", "how": "signed", **changes,
    }  # fmt: skip


def test_give_read_and_withdraw(house: House, http: TestClient[Litestar], headers: dict[str, str]) -> None:
    file_id = house.register()
    place = f"{API}/clients/{file_id}/consents"
    scan = {"name": "form.png", "media_type": "image/png", "content": "Z2VuZXJhdGVk"}
    keyed = {**headers, "Idempotency-Key": "one"}
    made = http.post(place, json=given(house, files=[scan]), headers=keyed)
    assert made.status_code == 201, made.text
    again = http.post(place, json=given(house, files=[scan]), headers=keyed)
    assert (again.status_code, again.json()["ids"]) == (201, [made.json()["id"]])
    read = http.get(place, headers=headers).json()
    [standing], [event] = read["standing"], read["events"]
    assert standing["standing"]["state"] == "given"
    assert standing["names"] == ["The Generated Gazette"]
    assert standing["follows"][0].startswith("The council’s policy does not say")
    [file] = event["files"]
    piece = http.get(f"{API}/clients/{file_id}/evidence/{file['id']}", headers=headers)
    assert piece.content == b"generated"
    assert [each["purpose"] for each in read["asked"]] == ["stories", "vacancies", "silent"]
    done = http.post(f"{place}/stories/withdraw", json={"channel": "email", "language": "cy"}, headers=headers)
    assert done.status_code == 200, done.text
    assert done.json()["new"]
    assert done.json()["follows"][1] == "O hyn ymlaen ni roddir dim ar sail hyn i: The Generated Gazette."
    again = http.post(f"{place}/stories/withdraw", json={"channel": "email"}, headers=headers)
    assert (again.json()["new"], again.json()["id"]) == (False, done.json()["id"])
    assert http.get(f"{API}/clients/{file_id}/permissions", headers=headers).json()["events"] == []
    receipt = http.get(f"{API}/receipts/{made.json()['id']}", headers=headers)
    assert receipt.json()["consent_record"]["record_id"] == made.json()["id"]
    page = http.get(f"{API}/receipts/{made.json()['id']}/page", headers=headers)
    assert page.headers["content-disposition"].startswith("attachment")
    assert "I agree that the council tells my story." in page.text
    held = http.get(f"{API}/clients/{file_id}/holdings", headers=headers)
    assert held.json()["items"] == []
    assert http.get(f"{API}/retention/unfounded", headers=headers).json() == {"items": [], "next": None}


def test_permissions_have_an_address_of_their_own(
    house: House, http: TestClient[Litestar], headers: dict[str, str]
) -> None:
    file_id = house.register()
    body = given(house, purpose="support", wording="You may tell the college.", recipients=[{"recipient": "college"}])
    refused = http.post(f"{API}/clients/{file_id}/consents", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "other-kind")
    made = http.post(f"{API}/clients/{file_id}/permissions", json=body, headers=headers)
    assert made.status_code == 201, made.text
    read = http.get(f"{API}/clients/{file_id}/permissions", headers=headers).json()
    assert read["standing"][0]["names"] == ["The Generated College"]
    done = http.post(f"{API}/clients/{file_id}/permissions/support/withdraw", json={"channel": "post"}, headers=headers)
    assert any("public task" in line for line in done.json()["follows"])


def test_nothing_is_filled_in_for_the_person(house: House, http: TestClient[Litestar], headers: dict[str, str]) -> None:
    file_id = house.register()
    for missing in ("answer", "language", "purpose"):
        body = given(house)
        del body[missing]
        answer = http.post(f"{API}/clients/{file_id}/consents", json=body, headers=headers)
        assert answer.status_code == 400, missing
        assert missing in answer.text
    for missing, code in (("channel", "no-channel"), ("how", "no-act"), ("version", "no-notice")):
        body = given(house)
        del body[missing]
        answer = http.post(f"{API}/clients/{file_id}/consents", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_who_may_read_may_not_record(house: House, http: TestClient[Litestar]) -> None:
    file_id: UUID = house.register()
    reads = token(house, Permission.READ_CLIENTS)
    place = f"{API}/clients/{file_id}/consents"
    assert http.get(place, headers=reads).status_code == 200
    assert http.post(place, json=given(house), headers=reads).status_code == 403
    assert http.post(f"{place}/stories/withdraw", json={"channel": "post"}, headers=reads).status_code == 403
    assert http.get(place, headers=token(house, Permission.READ_POLICY)).status_code == 403
