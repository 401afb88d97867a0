"""A council with things that keep records, and a real backup to take of it: what the tests of keeping rest on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from muniment.audit.events import AuditEvent
from muniment.jobs.actors import Deployment
from muniment.retention.approval import arming
from muniment.retention.clocks.extending import NewExtension, extend, withdraw_extension
from muniment.retention.disposal.restore import RESTORE, Repeated, recover
from muniment.retention.holds.placing import release_hold
from muniment.wiring import wire
from tests.integration.retention.backups import Dump
from tests.integration.retention.kit import House
from tests.server import TestServer

__all__ = ["CASE", "LATER", "LONG_AGO", "Town", "town"]

LONG_AGO, LATER = date(2019, 3, 1), date(2031, 3, 31)
CASE = "advice/case"


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
