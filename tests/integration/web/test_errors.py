"""What an asker is told when something is wrong: one problem document for each kind of bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select

from muniment.accounts.permissions import Permission
from muniment.accounts.tables import ApiToken
from muniment.database.session import Database

Client = TestClient[Litestar]
Headers = dict[str, str]
API = "/api/v1/councils/alpha"


@pytest.fixture
def bearer(councils: tuple[UUID, UUID], token_of: Callable[..., Headers]) -> Headers:
    return token_of(councils[0], "alpha")


def labels(database: Database, council_id: UUID) -> list[str]:
    with database.council(council_id) as session:
        return list(session.scalars(select(ApiToken.label)))


BAD: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/nothing", {}, 404, "not-found"),
    ("DELETE", "/tokens/not-a-uuid", {}, 404, "not-found"),
    ("DELETE", "/things", {}, 405, "method-not-allowed"),
    ("POST", "/things", {"content": b"{"}, 400, "malformed"),
    ("POST", "/things", {"content": b"\xff\xfe"}, 400, "malformed"),
    ("POST", "/things", {"content": b'{"label": "\xff"}'}, 400, "malformed"),
    ("POST", "/things", {"content": b""}, 400, "invalid"),
    ("POST", "/things", {"json": {"label": 1}}, 400, "invalid"),
    ("POST", "/things", {"json": {"label": "x", "colour": "red"}}, 400, "invalid"),
    ("POST", "/things", {"content": b"[" * 100_000}, 400, "malformed"),
    ("POST", "/things", {"content": b'"' + b"x" * 1_000_001 + b'"'}, 413, "too-large"),
    ("POST", "/nul", {"json": {"label": "a\x00b"}}, 422, "invalid"),
    ("POST", "/things", {"json": {"label": "x"}, "headers": {"Idempotency-Key": "x" * 256}}, 422,
     "invalid-idempotency-key"),
    ("GET", "/days?count=many", {}, 400, "invalid"),
    ("GET", "/days?count=%ff", {}, 400, "malformed"),
    ("GET", "/days?count=%00", {}, 400, "malformed"),
    ("GET", "/%ff", {}, 400, "malformed"),
    ("GET", "/days?count=" + "1" * 9_000, {}, 414, "too-long"),
]  # fmt: skip


def test_bad_input_gets_one_problem(client: Client, bearer: Headers, subtests: pytest.Subtests) -> None:
    for method, path, given, status, code in BAD:
        with subtests.test(method=method, path=path[:40], code=code):
            headers = bearer | given.get("headers", {})
            answer = client.request(method, API + path, **{**given, "headers": headers})
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"].startswith("application/problem+json")
            problem = answer.json()
            assert (problem["status"], problem["code"]) == (status, code)
            assert problem["title"]
            assert problem["detail"]


def test_a_method_that_is_not_taken_names_those_that_are(client: Client, bearer: Headers) -> None:
    assert client.delete(API + "/days", headers=bearer).headers["allow"] == "GET"


def test_a_fault_says_where_and_never_what_was_sent(client: Client, bearer: Headers) -> None:
    answer = client.post(API + "/things", headers=bearer, json={"label": "x", "count": "Generated Person"})
    assert answer.json()["errors"] == [{"where": "body.count", "message": "Expected `int`, got `str`"}]
    assert "Generated" not in answer.text


ONE_FAULT = [
    ("POST", "/councils-things", b"", "body", "It is missing."),
    ("POST", "/councils-things", b"[]", "body", "Expected `object`, got `array`"),
    ("GET", "/councils-days?count=many", None, "query.count", "Expected `int`, got `str`"),
]


def test_the_one_fault_there_is_is_the_one_that_is_told(
    client: Client, bearer: Headers, subtests: pytest.Subtests
) -> None:
    for method, path, content, where, message in ONE_FAULT:
        with subtests.test(path=path, content=content):
            answer = client.request(method, API + path, headers=bearer, content=content)
            assert answer.json()["errors"] == [{"where": where, "message": message}]


def test_an_unforeseen_error_rolls_back_and_tells_nothing(
    client: Client, bearer: Headers, database: Database, councils: tuple[UUID, UUID], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.post(API + "/fails", headers=bearer)
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["incident"] in problem["detail"]
    logged = capsys.readouterr().out
    assert problem["incident"] in logged
    assert "builtins.RuntimeError" in logged
    assert "Generated Person" not in answer.text + logged
    assert "left behind?" not in labels(database, councils[0])


def test_a_commit_that_fails_is_an_error_and_rolls_back(
    client: Client, bearer: Headers, database: Database, councils: tuple[UUID, UUID]
) -> None:
    answer = client.post(API + "/fails-at-commit", headers=bearer)
    assert answer.status_code >= 400
    assert "left behind?" not in labels(database, councils[0])


def test_people_get_a_page(client: Client, councils: tuple[UUID, UUID]) -> None:
    answer = client.get("/nowhere/at/all")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>Page not found</h1>" in answer.text
    assert '<html lang="en">' in answer.text


def test_programs_that_ask_for_json_get_it_anywhere(client: Client) -> None:
    answer = client.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.json()["code"] == "not-found"


def test_without_a_token_it_says_how_to_show_one(client: Client, councils: tuple[UUID, UUID]) -> None:
    answer = client.get(API + "/days")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_permission_that_is_missing_is_named(
    client: Client, councils: tuple[UUID, UUID], token_of: Callable[..., Headers]
) -> None:
    answer = client.post(
        API + "/things", headers=token_of(councils[0], "alpha", Permission.READ_CLIENTS), json={"label": "x"}
    )
    assert answer.status_code == 403
    assert "clients.write" in answer.json()["detail"]
