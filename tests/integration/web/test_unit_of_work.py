"""One request, one transaction; and many requests at once do not lock the pool up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from litestar import Litestar
from litestar.testing import TestClient

from muniment.database.session import Database
from muniment.settings import Settings

Client = TestClient[Litestar]
API = "/api/v1/councils/alpha"


def test_nobody_known_leaves_no_transaction_open(
    client: Client, councils: tuple[UUID, UUID], database: Database, settings: Settings
) -> None:
    for _ in range(settings.pool_size * 3):
        unknown = {"Authorization": "Bearer muniment_alpha_unknown"}
        assert client.get(API + "/days", headers=unknown).status_code == 401
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_more_requests_than_connections_all_get_their_answer(
    client: Client,
    councils: tuple[UUID, UUID],
    token_of: Callable[..., dict[str, str]],
    database: Database,
    settings: Settings,
) -> None:
    bearer = token_of(councils[0], "alpha")

    def ask(number: int) -> int:
        return client.post(API + "/things", headers=bearer, json={"label": f"thing {number}"}).status_code

    with ThreadPoolExecutor(settings.pool_size * 6) as threads:
        statuses = list(threads.map(ask, range(settings.pool_size * 12)))
    assert set(statuses) == {201}
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
