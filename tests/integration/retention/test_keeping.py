"""A restore forgets nothing that keeps records: holds, extensions and ended armings are as they were.

The database is dumped and restored for real. What is compared are whole rows, as they were just before the restore.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import TestClient

from muniment.api.errors import NotReady
from muniment.app import open_application
from muniment.audit.events import AuditEvent
from muniment.jobs.actors import Deployment
from muniment.retention.approval import arming
from muniment.retention.clocks.extending import NewExtension, extend, withdraw_extension
from muniment.retention.disposal.restore import RESTORE, Repeated, forget_outdated, recover, settle
from muniment.retention.evidence import keeping
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.holds.placing import release_hold
from muniment.wiring import wire
from tests.integration.retention.backups import Dump
from tests.integration.retention.kit import RETENTION, House, hold
from tests.server import TestServer

LONG_AGO, LATER = date(2019, 3, 1), date(2031, 3, 31)
CASE = "advice/case"
STEPS = ["before-intend", "after-intend", "before-done", "after-done"]


class Cut(BaseException):
    """A process that ends here; nothing of it catches anything."""


class CutLedger(Ledger):
    """A ledger whose process dies at a step, named in `at`."""

    at = ""

    def intend(self, line: Any) -> None:
        if self.at == "before-intend":
            raise Cut
        super().intend(line)
        if self.at == "after-intend":
            raise Cut

    def close(self, step: Any, chunks: Any) -> None:
        if self.at == "before-done":
            raise Cut
        super().close(step, chunks)
        if self.at == "after-done":
            raise Cut


@dataclass
class Town:
    """A council with three cases that are due and one that is not, its rule armed; and a backup to take."""

    house: House
    backup: Dump
    deployment: Deployment
    due: list[UUID]

    @property
    def left(self) -> set[UUID]:
        """The files that still have a record."""
        return set(self.house.ids("select file_id from record"))

    @property
    def keeping(self) -> dict[str, list[Any]]:
        """Every row that keeps something: all holds and extensions, and the armings that have ended."""
        where = {"hold": "", "extension": "", "arming": "where ended_at is not null"}
        return {table: self.house.all(f"select * from {table} {which} order by id") for table, which in where.items()}

    def restore(self) -> None:
        self.house.database.engine.dispose()
        self.backup.restore()

    def recover(self) -> Repeated:
        """As the workers do it."""
        with self.house.database.council(self.house.id, RESTORE) as session:
            return recover(session, self.house.ledger)

    def swept(self) -> set[UUID]:
        """The files left when the database has been restored, recovered and swept."""
        self.restore()
        self.recover()
        self.house.sweep()
        return self.left

    def release(self, hold_id: UUID) -> None:
        with self.house.session() as session:
            release_hold(session, self.house.caller, hold_id, "the claim is settled")

    def extend(self, file_id: UUID) -> UUID:
        new = NewExtension(until=LATER, reason="wants support to go on", authoriser="team manager")
        with self.house.session() as session:
            return extend(session, self.house.caller, file_id, new)

    def withdraw(self, extension_id: UUID) -> None:
        with self.house.session() as session:
            withdraw_extension(session, self.house.caller, extension_id, "wants no more support")

    def disarm(self) -> None:
        with self.house.session() as session:
            arming.disarm(session, self.house.caller, CASE)

    def told(self, event: AuditEvent) -> int:
        """How often the audit log says so of what a restore did."""
        return int(self.house.scalar("select count(*) from audit_event where event = :event and actor_name = :name",
                                     event=event.value, name=RESTORE.name))  # fmt: skip


@pytest.fixture
def town(house: House, deployment: Deployment, server: TestServer, database_name: str, tmp_path: Path) -> Town:
    wire()
    house.adopt()
    due = [house.file("case", milestones={"case-closed": LONG_AGO}, enrolled=[("bridge", LONG_AGO)]) for _ in range(3)]
    house.file("case", milestones={"case-closed": date(2026, 3, 1)})
    house.flush()
    house.arm("case")
    return Town(house, Dump(server, database_name, tmp_path / "dump"), deployment, due)


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


@pytest.mark.parametrize("restored", [False, True], ids=["restart", "restore"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_of_placing_a_hold_loses_none_that_was_committed(
    town: Town, monkeypatch: pytest.MonkeyPatch, step: str, restored: bool
) -> None:
    town.backup.take()
    town.release(hold(town.house, "file", town.due[1]).id)  # so that a restored database can be told from a live one
    with monkeypatch.context() as crashing:
        crashing.setattr(keeping, "Ledger", CutLedger)
        crashing.setattr(CutLedger, "at", step)
        with pytest.raises(Cut):
            hold(town.house, "file", town.due[0])
    committed = town.house.scalar("select count(*) from hold where target_id = :id", id=town.due[0])
    assert committed == (1 if step in {"before-done", "after-done"} else 0)
    if restored:
        town.restore()
    town.recover()
    stands = town.house.scalar("select count(*) from hold where target_id = :id and released_at is null",
                               id=town.due[0])  # fmt: skip
    in_doubt = restored and step == "after-intend"
    assert stands == (1 if in_doubt else committed)
    town.house.sweep()
    assert town.left & set(town.due) == (set(town.due[:1]) if stands else set())
    with town.house.session() as session:
        assert settle(session, town.house.ledger) == 0


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_of_releasing_a_hold_releases_nothing_in_doubt(
    town: Town, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    placed = hold(town.house, "file", town.due[0])
    town.backup.take()
    town.release(hold(town.house, "file", town.due[1]).id)
    with monkeypatch.context() as crashing:
        crashing.setattr(keeping, "Ledger", CutLedger)
        crashing.setattr(CutLedger, "at", step)
        with pytest.raises(Cut):
            town.release(placed.id)
    assert town.swept() & set(town.due) == (set() if step == "after-done" else {town.due[0]})


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


def test_without_a_ledger_nothing_is_placed_and_nothing_ended(town: Town) -> None:
    placed = hold(town.house, "file", town.due[0])
    extension_id = town.extend(town.due[1])
    before = town.keeping
    (path,) = town.house.ledger_dir.iterdir()
    content = path.read_bytes()
    path.unlink()
    doings: list[Callable[[], object]] = [
        lambda: hold(town.house, "class", CASE), lambda: town.release(placed.id), town.disarm,
        lambda: town.extend(town.due[2]), lambda: town.withdraw(extension_id),
    ]  # fmt: skip
    for state, said in (("missing", "is not there"), ("a folder", "cannot be written")):
        if state == "a folder":
            path.mkdir()  # opening it fails for root too, as on a disk that is read-only
        for doing in doings:
            with pytest.raises(NotReady, match=said):
                doing()
        assert town.keeping == before
    path.rmdir()
    path.write_bytes(content)
    town.release(placed.id)


def test_the_ledger_forgets_what_it_says_of_rows_that_are_gone(town: Town) -> None:
    house = town.house
    town.release(hold(house, "file", town.due[0]).id)
    standing = hold(house, "file", town.due[1])
    town.extend(town.due[2])
    house.sweep()
    words = house.ledger.path.read_bytes()
    assert b"wants support" in words
    assert b"the claim is settled" in words
    with house.session() as session:
        assert forget_outdated(session, house.ledger) == 0
    gone = [row[0] for row in house.all("delete from hold where released_at is not null returning id")]
    house.all("delete from extension returning id")
    with house.session() as session:
        assert forget_outdated(session, house.ledger) == 3
        assert forget_outdated(session, house.ledger) == 0
    words = house.ledger.path.read_bytes()
    assert b"wants support" not in words
    assert b"the claim is settled" not in words
    assert str(standing.id).encode() in words
    assert not any(str(key).encode() in words for key in gone)
    assert sum(len(chunk.intent.gone.get("record", ())) for chunk in house.ledger.chunks().values()) == 1
    hold(house, "file", town.due[2])
    with house.session() as session:
        assert (settle(session, house.ledger), recover(session, house.ledger)) == (0, Repeated())


def test_a_restored_database_has_the_ledger_forget_nothing(town: Town) -> None:
    town.backup.take()
    hold(town.house, "file", town.due[0])
    town.restore()
    with town.house.session() as session:
        assert forget_outdated(session, town.house.ledger) == 0
    assert town.swept() & set(town.due) == {town.due[0]}


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
