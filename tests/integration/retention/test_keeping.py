"""A restore forgets nothing that keeps records: holds, extensions and ended armings are as they were.

The database is dumped and restored for real. What is compared are whole rows, as they were just before the restore.
"""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from litestar.testing import TestClient

from muniment.app import open_application
from muniment.audit.events import AuditEvent
from muniment.retention.disposal.restore import Repeated
from tests.integration.retention.keeping_town import CASE, LATER, LONG_AGO, Town, town
from tests.integration.retention.kit import RETENTION, hold

__all__ = ["town"]


def target(town: Town, scope: str) -> object:
    (person,) = town.house.ids("select person_id from client_file where id = :id", id=town.due[0])
    (record,) = town.house.ids("select id from record where file_id = :id", id=town.due[0])
    return {"file": town.due[0], "person": person, "record": record, "class": CASE, "programme": "bridge"}[scope]


@pytest.mark.parametrize("scope", ["file", "person", "record", "class", "programme"])
def test_a_hold_placed_after_the_backup_keeps_its_records(town: Town, scope: str) -> None:
    town.backup.take()
    hold(town.house, scope, target(town, scope))
    before, all_files = town.keeping, town.left
    left = town.swept()
    assert set(town.due[:1]) <= left if scope in {"file", "person", "record"} else left == all_files
    assert town.keeping == before
    assert town.told(AuditEvent.HOLD_PLACED) == 1
    assert town.recover() == Repeated(), "it is put back each time"


def test_a_hold_released_after_the_backup_lets_go(town: Town) -> None:
    placed = hold(town.house, "class", CASE)
    town.backup.take()
    town.release(placed.id)
    before = town.keeping
    assert not town.swept() & set(town.due)
    assert town.keeping == before
    assert town.told(AuditEvent.HOLD_RELEASED) == 1


def test_a_hold_that_came_and_went_after_the_backup_is_evidence_and_holds_nothing(town: Town) -> None:
    town.backup.take()
    town.release(hold(town.house, "class", CASE).id)
    before = town.keeping
    assert not town.swept() & set(town.due)
    assert town.keeping == before


def test_an_extension_placed_after_the_backup_keeps_the_file(town: Town) -> None:
    town.backup.take()
    town.extend(town.due[0])
    before = town.keeping
    assert town.swept() & set(town.due) == {town.due[0]}
    assert town.keeping == before
    assert town.house.scalar("select due_on from record where file_id = :id", id=town.due[0]) == LATER
    assert town.told(AuditEvent.EXTENSION_PLACED) == 1


def test_an_extension_of_a_file_that_the_backup_does_not_have_is_no_obstacle(town: Town) -> None:
    town.backup.take()
    late = town.house.file("case", milestones={"case-closed": LONG_AGO})
    town.house.flush()
    town.extend(late)
    assert not town.swept() & {late, *town.due}
    assert town.keeping["extension"] == []


def test_what_was_disarmed_after_the_backup_stays_disarmed(town: Town) -> None:
    town.backup.take()
    town.disarm()
    before = town.keeping
    assert set(town.due) <= town.swept()
    assert town.keeping == before
    assert town.told(AuditEvent.RULE_DISARMED) == 1


@pytest.mark.parametrize(("place", "because"), [(0, "policy"), (1, "restored")], ids=["this-rule", "another"])
def test_under_a_policy_that_was_replaced_after_the_backup_nothing_is_armed(
    town: Town, place: int, because: str
) -> None:
    """The rule that the council has since made longer would destroy what the longer one keeps. Of one that was left as
    it is nobody knows what else the restored policy makes of it."""
    town.backup.take()
    rules = list(RETENTION["rule"])
    rules[place] = rules[place] | {"clause": [rules[place]["clause"][0] | {"keep": "20 years"}]}
    town.house.adopt(RETENTION | {"rule": rules})
    assert set(town.due) <= town.swept()
    assert town.house.all("select ended_because from arming") == [(because,)]


def test_until_it_is_put_back_nothing_is_served(town: Town) -> None:
    town.backup.take()
    hold(town.house, "file", town.due[0])
    town.restore()
    with TestClient(open_application(town.deployment)) as client:
        assert "restored from a backup" in client.get("/health/ready").text
        assert client.get("/alpha/console").status_code == 503
        town.recover()
        town.house.sweep()
        assert client.get("/health/ready").status_code == 200, client.get("/health/ready").text


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_was_done_since_the_backup_is_as_it_was(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    holds: list[UUID] = []
    extensions: list[UUID] = []

    def do(what: str) -> None:
        match what:
            case "hold":
                scope = chance.choice(["file", "person", "record", "class", "programme"])
                holds.append(hold(town.house, scope, target(town, scope)).id)
            case "release" if holds:
                town.release(holds.pop(chance.randrange(len(holds))))
            case "extend":
                extensions.append(town.extend(chance.choice(town.due)))
            case "withdraw" if extensions:
                town.withdraw(extensions.pop(chance.randrange(len(extensions))))
            case "arm":
                town.house.arm("case")

    for step in range(30):
        if step == 12:
            town.backup.take()
        do(chance.choice(["hold", "release", "extend", "withdraw", "arm"]))
    before, armed = town.keeping, set(town.house.ids("select id from arming where ended_at is null"))
    town.restore()
    town.recover()
    assert town.keeping == before
    assert set(town.house.ids("select id from arming where ended_at is null")) <= armed
