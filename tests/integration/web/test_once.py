"""`Idempotency-Key`: sent again, a write is not done again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.clock import FixedClock
from muniment.database.session import Database

Client = TestClient[Litestar]
Councils = tuple[UUID, UUID]
THINGS = "/api/v1/councils/alpha/things"


@pytest.fixture
def headers(councils: Councils, token_of: Callable[..., dict[str, str]]) -> dict[str, str]:
    return token_of(councils[0], "alpha") | {"Idempotency-Key": "generated-key-1"}


def made(database: Database, council_id: UUID) -> int:
    with database.council(council_id) as session:
        count: int = session.execute(text("select count(*) from api_token where label = 'thing'")).scalar_one()
        return count


def test_the_second_answer_names_what_the_first_made(
    client: Client, headers: dict[str, str], database: Database, councils: Councils
) -> None:
    first = client.post(THINGS, headers=headers, json={"label": "thing"})
    second = client.post(THINGS, headers=headers, json={"label": "thing"})
    assert first.status_code == second.status_code == 201
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == {"ids": [first.json()["id"]]}
    assert made(database, councils[0]) == 1


def test_another_body_under_the_key_is_refused(client: Client, headers: dict[str, str]) -> None:
    client.post(THINGS, headers=headers, json={"label": "thing"})
    answer = client.post(THINGS, headers=headers, json={"label": "another thing"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


def test_a_write_that_failed_may_be_sent_again(
    client: Client, headers: dict[str, str], database: Database, councils: Councils
) -> None:
    assert client.post(THINGS, headers=headers, json={"label": "th\x00ing"}).status_code == 422
    assert client.post(THINGS, headers=headers, json={"label": "thing"}).status_code == 201


def test_a_key_is_forgotten_after_a_day(
    client: Client, headers: dict[str, str], database: Database, councils: Councils, clock: FixedClock
) -> None:
    client.post(THINGS, headers=headers, json={"label": "thing"})
    clock.advance(timedelta(hours=24))
    client.post(THINGS, headers=headers, json={"label": "thing"})
    assert made(database, councils[0]) == 2


def test_a_key_is_the_tokens_own(
    client: Client,
    headers: dict[str, str],
    database: Database,
    councils: Councils,
    token_of: Callable[..., dict[str, str]],
) -> None:
    client.post(THINGS, headers=headers, json={"label": "thing"})
    client.post(THINGS, headers=headers | token_of(councils[0], "alpha"), json={"label": "thing"})
    assert made(database, councils[0]) == 2


def test_sent_many_times_at_once_it_is_done_once(
    client: Client, headers: dict[str, str], database: Database, councils: Councils
) -> None:
    def send(_: int) -> int:
        return client.post(THINGS, headers=headers, json={"label": "thing"}).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(send, range(16))) == {201}
    assert made(database, councils[0]) == 1


def test_neither_key_nor_body_is_stored(
    client: Client, headers: dict[str, str], database: Database, councils: Councils
) -> None:
    client.post(THINGS, headers=headers, json={"label": "thing"})
    with database.council(councils[0]) as session:
        row = session.execute(text("select key, request from idempotency_key")).one()
    assert b"generated-key-1" not in row.key
    assert b"thing" not in row.request
