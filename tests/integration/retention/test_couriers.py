"""Those who carry erasures to other systems: one at a time, killed, left alone, in batches, after a restore."""

from __future__ import annotations

import threading
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from muniment.api.connectors import Erasure, ErasureRequest
from muniment.retention.disposal.delivering import BATCH, LEASE, TRIPS, pause
from muniment.retention.disposal.outstanding import systems
from muniment.retention.disposal.restore import recover
from muniment.retention.holds.placing import NewHold, place_hold
from muniment.retention.holds.query import HoldQuery
from tests.integration.retention.backups import Dump
from tests.integration.retention.kit import SERVICE
from tests.integration.retention.systems import System, connected_facade, gauge, raises
from tests.server import TestServer

pytestmark = pytest.mark.filterwarnings("error")


def test_a_system_that_keeps_failing_is_left_alone_then_tried_with_a_single_key(system: System) -> None:
    system.due(*(f"K-{number}" for number in range(5)))
    system.fake.answer = raises
    system.sweep()
    for _ in range(TRIPS):
        system.deliver()
        system.machine.move(LEASE + timedelta(hours=7))
    assert [len(request.items) for request in system.fake.calls] == [5] * TRIPS
    system.machine.move(-timedelta(hours=7))
    system.house.all("update delivery set due_at = :now returning 1", now=system.machine.at)
    system.house.all("update connected_system set closed_until = :at returning 1", at=system.machine.at + LEASE)
    system.deliver()
    assert len(system.fake.calls) == TRIPS, "the circuit is open"
    with system.house.session() as session:
        (view,) = systems(session, system.house.caller)
    assert (view.system, view.failures, view.reason, view.waiting) == ("advice/crm", TRIPS, "raised", 5)
    assert gauge(system.house, "left_alone") == 1
    system.machine.move(LEASE + timedelta(seconds=1))
    system.fake.answer = None
    system.deliver()
    assert [len(request.items) for request in system.fake.calls[TRIPS:]] == [1, 4]
    assert system.owed() == []
    with system.house.session() as session:
        assert systems(session, system.house.caller)[0].failures == 0


def test_pauses_double_from_a_minute_to_six_hours_and_differ() -> None:
    longest = [pause(attempts, lambda: 1.0) for attempts in range(1, 12)]
    assert longest[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert longest[-1] == pause(10_000, lambda: 1.0) == timedelta(hours=6)
    assert pause(3, lambda: 0.0) == timedelta(minutes=2)


def test_more_than_a_batch_goes_batch_by_batch(system: System) -> None:
    keys = [f"K-{number:04}" for number in range(12)]
    system.due(*keys)
    system.sweep()
    assert BATCH == 100
    system.house.all("update connected_system set failures = 0 returning 1")
    system.deliver()
    assert sorted(system.fake.asked) == keys
    assert system.fake.held == set()


def test_two_couriers_never_ask_one_system_at_the_same_time(system: System) -> None:
    system.due(*(f"K-{number}" for number in range(6)))
    system.sweep()
    inside, most = 0, 0
    lock = threading.Lock()

    def slowly(request: ErasureRequest) -> list[Erasure]:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.1)
        with lock:
            inside -= 1
        return system.fake.erase(request)

    system.fake.answer = slowly
    facade = connected_facade(system.fake)
    couriers = [threading.Thread(target=system.courier(facade).work) for _ in range(4)]
    for courier in couriers:
        courier.start()
    for courier in couriers:
        courier.join()
    system.deliver()
    assert most == 1
    assert sorted(system.fake.asked) == [f"K-{number}" for number in range(6)], "each once"
    assert system.owed() == []
    assert system.house.scalar("select sum(count) from confirmation") == 6


class Killed(BaseException):
    """What no handler catches, as a kill is not."""


def test_a_courier_killed_between_the_call_and_its_note_asks_again_and_that_is_harmless(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    (record_id,) = system.due("K-1")
    system.sweep()
    courier = system.courier()

    def killed(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(courier, "_settle", killed)
        with pytest.raises(Killed):
            courier.work()
    assert system.fake.held == set(), "the system has erased it"
    assert system.owed() == [("K-1", "waiting", 1, None)]
    system.deliver()
    assert len(system.fake.calls) == 1, "the lease still runs"
    system.machine.move(LEASE + timedelta(minutes=2))
    system.deliver()
    assert [request.items[0].once for request in system.fake.calls] == [str(record_id)] * 2, "the same key both times"
    assert system.owed() == []
    assert system.house.scalar("select sum(count) from confirmation") == 1


def test_no_transaction_is_open_during_a_call(system: System, superuser_engine: Engine) -> None:
    seen: list[int | None] = []

    def look(request: ErasureRequest) -> list[Erasure]:
        with superuser_engine.connect() as connection:
            open_now = text(
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and state like 'idle in transaction%'"
            )
            seen.append(connection.scalar(open_now))
        return system.fake.erase(request)

    system.due("K-1")
    system.sweep()
    system.fake.answer = look
    system.deliver()
    assert seen == [0]


def test_after_a_restore_the_system_is_asked_again_with_the_same_key(system: System, tmp_path: Path, server: TestServer,
                                                                     database_name: str) -> None:  # fmt: skip
    (record_id,) = system.due("K-1")
    backup = Dump(server, database_name, tmp_path / "before.dump")
    system.house.arm("case")
    backup.take()
    system.house.sweep()
    system.fake.answer = raises
    system.deliver()
    system.house.database.engine.dispose()
    backup.restore()
    system.fake.answer = None
    with system.house.session() as session:
        recover(session, system.house.ledger)
    system.deliver()
    assert [request.items[0].once for request in system.fake.calls] == [str(record_id)] * 2
    assert (system.owed(), system.house.scalar("select count(*) from record")) == ([], 0)


@pytest.mark.parametrize("scope", ["class", "query"])
def test_a_hold_names_what_a_system_may_be_erasing_at_this_moment(system: System, scope: Any) -> None:
    house = system.house
    told: list[dict[str, int]] = []
    system.due("K-1", "K-2")
    system.sweep()
    (kept, _) = sorted(house.ids("select record_id from delivery"))
    house.all("update delivery set due_at = due_at + interval '1 hour' where record_id = :id returning 1", id=kept)
    case = f"{SERVICE}/case"
    covers: dict[str, Any] = {"query": HoldQuery(service=SERVICE)} if scope == "query" else {"target": case}

    def place() -> dict[str, int]:
        new = NewHold(scope=scope, ground="a claim", authoriser="counsel", review_on=date(2027, 1, 1), **covers)
        with house.session() as session:
            return place_hold(session, house.caller, new).under_way

    def held_meanwhile(request: ErasureRequest) -> list[Erasure]:
        told.append(place())
        return system.fake.erase(request)

    system.fake.answer = held_meanwhile
    system.deliver()
    assert (told, place()) == ([{case: 1}], {})
    system.machine.move(timedelta(hours=2))
    system.deliver()
    assert len(system.fake.held) == 1, "what no courier had taken along is held"
