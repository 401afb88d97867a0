"""What programs ask about notices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.tokens import new_token
from muniment.web.callers import Permission
from tests.integration.notices.conftest import Publisher
from tests.integration.notices.test_given import DUE, make_file

API = "/api/v1/councils/sefton"
GROUND = {"ground": "The law asks for it (generated)"}

Headers = dict[str, str]


def token(council: Publisher, *permissions: Permission) -> Headers:
    now = council.database.clock.now()
    with council.database.council(council.id) as session:
        given = permissions or tuple(Permission)
        _, made = new_token(session, council.slug, "tests", given, None, now + timedelta(days=9), now)
    return {"Authorization": f"Bearer {made}"}


@pytest.fixture
def headers(sefton: Publisher) -> Headers:
    return token(sefton)


def test_publishing_over_the_api_shows_on_the_page_at_once(
    sefton: Publisher, client: TestClient[Litestar], headers: Headers
) -> None:
    assert client.get("/sefton/privacy/sefton-at-work").status_code == 404
    refused = client.post(f"{API}/notices/publications", json={}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "needs-approval")
    made = client.post(f"{API}/notices/publications", json=GROUND, headers=headers)
    assert made.status_code == 201
    assert client.get("/sefton/privacy/sefton-at-work").status_code == 200
    again = client.post(f"{API}/notices/publications", json={"service": "sefton-at-work"}, headers=headers)
    assert (again.status_code, again.json()[0]["new"]) == (200, False)
    versions = client.get(f"{API}/notices/versions", headers=headers).json()["items"]
    assert [(view["number"], view["language"]) for view in versions] == [(1, "en")]


def test_a_repeated_publication_is_answered_as_before(
    sefton: Publisher, client: TestClient[Litestar], headers: Headers
) -> None:
    keyed = {**headers, "Idempotency-Key": "one"}
    first = client.post(f"{API}/notices/publications", json=GROUND, headers=keyed)
    second = client.post(f"{API}/notices/publications", json=GROUND, headers=keyed)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["ids"] == [first.json()[0]["versions"][0]["id"]]


def test_a_notice_is_given_and_read_back(sefton: Publisher, client: TestClient[Litestar], headers: Headers) -> None:
    version = str(sefton.publish().versions[0].id)
    with sefton.database.council(sefton.id) as session:
        file = make_file(session)
    address = f"{API}/clients/{file}/notices"
    made = client.post(address, json={"version": version, "on": "2026-11-20", "channel": "post"}, headers=headers)
    assert made.status_code == 201
    leaflet = {"service": "sefton-at-work", "title": "Generated leaflet", "version": "3"}
    document = client.post(f"{API}/notices/documents", json=leaflet, headers=headers).json()["id"]
    given = {"document": document, "on": "2020-01-05", "channel": "in-person"}
    assert client.post(address, json=given, headers=headers).status_code == 201
    items = client.get(address, headers=headers).json()["items"]
    assert [(item["on"], item["version"], item["due_on"]) for item in items] == [
        ("2020-01-05", None, None),
        ("2026-11-20", version, DUE.isoformat()),
    ]
    known = client.get(f"{API}/notices/documents", headers=headers).json()["items"]
    assert {entry["title"] for entry in known} == {"Generated leaflet", "Client Privacy Policy"}


MALFORMED: list[Any] = [
    {},
    {"version": "not-a-key", "on": "2026-11-20", "channel": "post"},
    {"version": str(uuid4()), "on": "2026-13-20", "channel": "post"},
    {"version": str(uuid4()), "on": "2026-11-20", "channel": "pigeon"},
    {"version": str(uuid4()), "on": "2026-11-20", "channel": "post", "colour": "red"},
    {"version": None, "on": "2026-11-20", "channel": "post"},
    [],
]


def test_a_malformed_body_is_refused(
    sefton: Publisher, client: TestClient[Litestar], headers: Headers, subtests: pytest.Subtests
) -> None:
    with sefton.database.council(sefton.id) as session:
        file = make_file(session)
    for body in MALFORMED:
        with subtests.test(body=body):
            answer = client.post(f"{API}/clients/{file}/notices", json=body, headers=headers)
            assert answer.status_code in (400, 422)
            assert answer.headers["content-type"].startswith("application/problem+json")


def test_nobody_publishes_or_reads_without_the_permission(sefton: Publisher, client: TestClient[Litestar]) -> None:
    reader = token(sefton, Permission.READ_POLICY)
    assert client.get(f"{API}/notices/versions", headers=reader).status_code == 200
    assert client.post(f"{API}/notices/publications", json=GROUND, headers=reader).status_code == 403
    stranger = token(sefton, Permission.READ_AUDIT)
    assert client.get(f"{API}/notices/versions", headers=stranger).status_code == 403
    assert client.get(f"{API}/clients/{uuid4()}/notices", headers=stranger).status_code == 403
    assert client.get(f"{API}/notices/versions").status_code == 401


def test_another_councils_things_are_not_found(
    sefton: Publisher, publisher: Callable[[str], Publisher], client: TestClient[Litestar], headers: Headers
) -> None:
    other = publisher("milton-keynes")
    foreign = str(other.publish().versions[0].id)
    with other.database.council(other.id) as session:
        their_file: UUID = make_file(session, "employment-support")
    with sefton.database.council(sefton.id) as session:
        file = make_file(session)
    given = {"version": foreign, "on": "2026-11-20", "channel": "post"}
    assert client.post(f"{API}/clients/{file}/notices", json=given, headers=headers).status_code == 404
    assert client.get(f"{API}/clients/{their_file}/notices", headers=headers).status_code == 404
    assert client.get("/api/v1/councils/milton-keynes/notices/versions", headers=headers).status_code == 404
    with sefton.database.council(sefton.id) as session:
        assert session.execute(text("select notice_due_on from client_file")).scalar_one() == DUE
