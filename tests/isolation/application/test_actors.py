"""Background work for one council touches nothing of another's, though the other has the same work waiting."""

from __future__ import annotations

import pytest

from muniment.jobs.actors import JobActor
from muniment.wiring import actors
from tests.isolation.application.tenants import House, digests

WORKS_HERE = frozenset({"clients.import", "retention.sweep", "audit.seal"})
"""Actors that the house has work for. The others look for what a crash, a restore or a new policy left, and what is
nowhere must not be made up elsewhere."""


def test_actors_that_work_here_are_there() -> None:
    assert {actor.name for actor in actors()} >= WORKS_HERE


@pytest.mark.parametrize("actor", actors(), ids=lambda actor: actor.name)
def test_an_actor_leaves_other_councils_alone(house: House, actor: JobActor) -> None:
    for tenant, other in house.pairs:
        theirs = digests(house.superuser, other.council_id)
        mine = digests(house.superuser, tenant.council_id)
        actor.run(house.deployment, tenant.council_id)
        assert digests(house.superuser, other.council_id) == theirs
        if actor.name in WORKS_HERE:
            assert digests(house.superuser, tenant.council_id) != mine
