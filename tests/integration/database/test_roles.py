"""The roles belong to a whole server: two of its databases may be set up at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest

from tests.server import TestServer

SIDES = 4
ROUNDS = 5


@pytest.fixture
def names(server: TestServer, template: str) -> Iterator[list[str]]:
    """Empty databases of one server whose roles are there."""
    names = [f"muniment_test_{uuid4().hex[:12]}" for _ in range(SIDES)]
    for name in names:
        server.make(name)
    yield names
    for name in names:
        server.drop(name)


def test_databases_of_one_server_are_given_the_roles_at_once(server: TestServer, names: list[str]) -> None:
    barrier = Barrier(SIDES)

    def give(name: str) -> None:
        for _ in range(ROUNDS):
            barrier.wait(20)
            server.give_roles(name)

    with ThreadPoolExecutor(SIDES) as pool:
        list(pool.map(give, names))
