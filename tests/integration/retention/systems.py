"""A system that another plugin connects, and that fails in whatever way a test asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert

from muniment.api.clients import ClientDeclarations
from muniment.api.connectors import Erasure, ErasureRequest
from muniment.api.markers import hookimpl
from muniment.api.plugin import API_VERSION
from muniment.clients.facts import RECORD
from muniment.database.ids import new_id
from muniment.plugins.facade import CouncilFacade
from muniment.policy.model import Policy
from muniment.policy.store import adopt
from muniment.retention.disposal.delivering import Courier
from muniment.retention.disposal.outstanding import GAUGES
from muniment.testing.doubles import StatedPlugin, load_doubles, stated_council
from tests.integration.retention.kit import RETENTION, SERVICE, House, policy_of

__all__ = ["CRM", "FakeSystem", "Machine", "System", "adopt_with_system", "connected_facade", "gauge", "raises"]

CRM = "muniment-crm"
LONG_AGO = date(2019, 3, 1)


@dataclass
class FakeSystem:
    """What the system holds, and how its connector behaves: `answer` stands in for its honest answer."""

    held: set[str] = field(default_factory=set)
    calls: list[ErasureRequest] = field(default_factory=list)
    answer: Callable[[ErasureRequest], Any] | None = None
    looks: Callable[[ErasureRequest], Any] | None = None
    api_version = API_VERSION
    lock: Any = field(default_factory=threading.Lock)

    @hookimpl
    def erase_in_system(self, request: ErasureRequest) -> Sequence[Erasure] | None:
        with self.lock:
            self.calls.append(request)
        if self.answer is not None:
            answered: Sequence[Erasure] | None = self.answer(request)
            return answered
        return self.erase(request)

    @hookimpl
    def still_in_system(self, request: ErasureRequest) -> Sequence[str] | None:
        if self.looks is not None:
            held: Sequence[str] | None = self.looks(request)
            return held
        return [item.key for item in request.items if item.key in self.held]

    def erase(self, request: ErasureRequest) -> list[Erasure]:
        """Erase and say so."""
        said = []
        with self.lock:
            for item in request.items:
                said.append(Erasure(item.key, "erased" if item.key in self.held else "unknown"))
                self.held.discard(item.key)
        return said

    @property
    def asked(self) -> list[str]:
        """Every key that was asked for, in order."""
        return [item.key for request in self.calls for item in request.items]


@dataclass
class Machine:
    """The machine's time, moved by the test."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(minutes=1))

    def __call__(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


def connected_facade(fake: object) -> CouncilFacade:
    """The facade of a council that uses the connector."""
    alpha = StatedPlugin(stated_council("alpha", SERVICE, uses=(CRM,)))
    return load_doubles({"muniment-alpha": alpha, CRM: fake}).facade("alpha", [CRM])


def adopt_with_system(house: House, connector: str | None = CRM) -> None:
    """Adopt the kit's policy with a connected system declared."""
    system = {"id": "crm", "title": "Case system", "medium": "other-system"}
    if connector:
        system["connector"] = connector
    policy = policy_of(RETENTION)
    clients = msgspec.convert({"system": [system]}, ClientDeclarations)
    services = {slug: msgspec.structs.replace(entry, clients=clients) for slug, entry in policy.services.items()}
    with house.session() as session:
        adopt(session, msgspec.structs.replace(policy, services=services), house.clock, by="test")
    house.clock_all()


class System:
    """A council with a connected system in which `keys` of due records are held."""

    def __init__(self, house: House) -> None:
        self.house, self.fake, self.machine = house, FakeSystem(), Machine()
        adopt_with_system(house)

    def due(self, *keys: str) -> list[UUID]:
        """Due records known to the system by these keys, each in a file of its own."""
        ids = [self.record(key, LONG_AGO) for key in keys]
        self.fake.held |= set(keys)
        return ids

    def record(self, key: str, closed_on: date) -> UUID:
        """A record known by a key, in a file closed on a day."""
        file_id = self.house.file(milestones={"case-closed": closed_on})
        self.house.flush()
        record_id = new_id()
        row = {
            "council_id": self.house.id, "id": record_id, "file_id": file_id, "record_class": f"{SERVICE}/case",
            "medium": "digital", "recorded_on": date(2018, 1, 1), "values": {"a.b": {"v": "canary"}}, "system": "crm",
            "external_key": key,
        }  # fmt: skip
        with self.house.session() as session:
            session.execute(insert(RECORD), [row])
        self.house.clock_all()
        return record_id

    def sweep(self) -> Any:
        """Arm and sweep."""
        self.house.arm("case")
        return self.house.sweep()

    def courier(self, facade: CouncilFacade | None = None) -> Courier:
        """A courier of its own, as another worker would have it."""
        chosen = facade or connected_facade(self.fake)

        def facade_of(_policy: Policy) -> CouncilFacade:
            return chosen

        return Courier(self.house.database, self.house.id, self.house.ledger, facade_of, self.machine)

    def deliver(self) -> bool:
        """One go of the actor."""
        return self.courier().work()

    def owed(self) -> list[tuple[str, str, int, str | None]]:
        """What is outstanding: key, state, attempts, reason."""
        rows = self.house.all(
            "select r.external_key, d.state, d.attempts, d.reason from delivery d"
            " join record r on (r.council_id, r.id) = (d.council_id, d.record_id) order by 1"
        )
        return [tuple(row) for row in rows]


def gauge(house: House, name: str) -> Any:
    """What a gauge of what is owed counts in a council; `name` is how its name ends."""
    with house.session() as session:
        return next(entry for entry in GAUGES if entry.name.endswith(name)).count(session)


def raises(_request: ErasureRequest) -> Any:
    """An answer of a system that fails, with something in its words that nobody may see."""
    raise RuntimeError("K-1 of somebody is locked")
