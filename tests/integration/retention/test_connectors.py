"""What another system holds is erased there too, however badly the system behaves, and is owed until it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from muniment.api.connectors import Erasure, ErasureRequest
from muniment.api.errors import Conflict, Forbidden, NotFound
from muniment.plugins import connectors
from muniment.retention.disposal.confirming import confirm
from muniment.retention.disposal.destruction import awaiting
from muniment.retention.disposal.outstanding import ask_again
from muniment.retention.evidence.certificates import certificates
from muniment.web.callers import Caller, Permission
from tests.integration.retention.kit import House
from tests.integration.retention.systems import System, adopt_with_system, gauge, raises

pytestmark = pytest.mark.filterwarnings("error")
LATER = datetime(2036, 1, 1, tzinfo=UTC)


def test_a_disposed_record_leaves_class_system_and_key_until_the_system_has_erased_it(system: System) -> None:
    (record_id,) = system.due("K-1")
    run = system.sweep()
    assert (run.disposed, run.awaited) == (0, 1)
    (row,) = system.house.all("select * from record")
    left = {name: value for name, value in row._mapping.items() if value not in (None, {}, [])}
    assert left.keys() == {
        "council_id", "id", "record_class", "medium", "recorded_on", "system", "external_key", "disposal",
    }  # fmt: skip
    assert row.recorded_on == system.house.clock.today(), "the day of the emptying, not the record's"
    assert system.owed() == [("K-1", "waiting", 0, None)]
    assert gauge(system.house, "deliveries") == {("waiting",): 1.0, ("refused",): 0.0, ("kept",): 0.0}
    system.house.clock.move_to(system.house.clock.now() + timedelta(hours=2))
    assert gauge(system.house, "delivery_oldest_seconds") == 7200.0

    system.deliver()
    assert system.fake.held == set()
    assert system.owed() == []
    assert system.house.ids("select id from record") == []
    with system.house.session() as session:
        (certificate,) = certificates(session, system.house.caller)
    assert (certificate.awaited, certificate.confirmed, certificate.complete) == (1, 1, True)
    (method,) = system.house.ids("select method from confirmation")
    assert method == "erased in crm through muniment-crm, and was looked up afterwards: gone"
    assert [request.items[0].once for request in system.fake.calls] == [str(record_id)]
    assert gauge(system.house, "delivery_oldest_seconds") == 0.0


def test_what_the_system_does_not_hold_is_confirmed_in_those_words(system: System) -> None:
    system.due("K-1")
    system.fake.held.clear()
    system.sweep()
    system.deliver()
    assert system.owed() == []
    confirmed = list(system.house.ids("select method from confirmation"))
    assert confirmed == ["crm answered that it holds nothing under the key"]


def test_the_word_of_a_system_that_cannot_be_looked_into_is_told_as_such(system: System) -> None:
    system.due("K-1")
    system.fake.looks = lambda _request: None
    system.sweep()
    system.deliver()
    assert system.owed() == [("K-1", "waiting", 1, "not-looked-up")], "a hook that answers nothing has not looked"


FAILURES: dict[str, tuple[Callable[[ErasureRequest], Any], str]] = {
    "raises": (raises, "raised"),
    "answers nothing": (lambda _request: None, "not-understood"),
    "answers a word": (lambda _request: "done", "not-understood"),
    "answers other things": (lambda _request: [{"status": "ok"}], "not-understood"),
    "answers a number for a key": (lambda _request: [Erasure(5, "erased")], "not-understood"),  # type: ignore[arg-type]  # on purpose
    "answers an unknown outcome": (lambda _request: [Erasure("K-1", "gone")], "not-understood"),  # type: ignore[arg-type]  # on purpose
    "answers for keys of another council": (
        lambda request: [*(Erasure(item.key, "erased") for item in request.items), Erasure("B-9", "erased")],
        "foreign-key",
    ),
    "answers hugely": (lambda _request: [Erasure("K-1", "erased")] * 1_000_000, "too-many-answers"),
}


@pytest.mark.parametrize(("answer", "reason"), FAILURES.values(), ids=FAILURES)
def test_nothing_is_believed_of_an_answer_that_cannot_be(system: System, answer: Any, reason: str) -> None:
    system.due("K-1", "K-2")
    system.fake.answer = answer
    system.sweep()
    system.deliver()
    assert system.owed() == [("K-1", "waiting", 1, reason), ("K-2", "waiting", 1, reason)]
    assert system.house.scalar("select count(*) from confirmation") == 0
    system.fake.answer = None
    system.machine.move(timedelta(hours=1))
    system.deliver()
    assert system.owed() == []


def test_half_of_the_keys_and_two_answers_for_one(system: System) -> None:
    system.due("K-1", "K-2", "K-3", "K-4")
    said = [
        Erasure("K-1", "unknown"), Erasure("K-1", "unknown"),
        Erasure("K-2", "unknown"), Erasure("K-2", "refused", reason="locked"),
        Erasure("K-3", "later"),
    ]  # fmt: skip
    system.fake.answer = lambda _request: said
    system.sweep()
    system.deliver()
    assert system.owed() == [
        ("K-2", "waiting", 1, "two-answers"), ("K-3", "waiting", 1, "no-instant"), ("K-4", "waiting", 1, "no-answer"),
    ]  # fmt: skip


def test_a_system_that_says_erased_and_did_not_is_found_out(system: System) -> None:
    system.due("K-1", "K-2")
    system.fake.answer = lambda request: [Erasure(item.key, "erased") for item in request.items]
    system.fake.held = {"K-2"}
    system.sweep()
    system.deliver()
    assert system.owed() == [("K-2", "waiting", 1, "still-there")]


def test_what_could_not_be_looked_up_is_not_confirmed(system: System) -> None:
    system.due("K-1")
    system.fake.looks = raises
    system.sweep()
    system.deliver()
    assert system.owed() == [("K-1", "waiting", 1, "not-looked-up")]


def test_a_system_that_hangs_is_left_behind_and_asked_nothing_until_it_comes_back(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_back = threading.Event()
    system.fake.answer = lambda _request: come_back.wait(60) and []
    monkeypatch.setattr(connectors, "PATIENCE", 0.2)
    monkeypatch.setattr(connectors.ask_erasures, "__defaults__", (0.2,))
    system.due("K-1")
    system.sweep()
    system.deliver()
    assert system.owed() == [("K-1", "waiting", 1, "timed-out")]
    system.machine.move(timedelta(hours=1))
    system.deliver()
    assert system.owed() == [("K-1", "waiting", 2, "still-busy")]
    assert len(system.fake.calls) == 1
    come_back.set()
    system.fake.answer = None
    while any(thread.name.startswith("connector ") for thread in threading.enumerate()):
        time.sleep(0.01)
    system.machine.move(timedelta(hours=1))
    system.deliver()
    assert system.owed() == []


def test_a_system_that_puts_us_off_is_asked_when_it_says(system: System) -> None:
    system.due("K-1")
    after = system.machine.at + timedelta(days=2)
    system.fake.answer = lambda request: [Erasure(item.key, "later", after=after) for item in request.items]
    system.sweep()
    system.deliver()
    system.machine.move(timedelta(days=1))
    system.deliver()
    assert len(system.fake.calls) == 1
    system.machine.move(timedelta(days=1, minutes=1))
    system.fake.answer = None
    system.deliver()
    assert system.owed() == []


def test_no_system_puts_us_off_for_more_than_thirty_days(system: System) -> None:
    system.due("K-1")
    system.fake.answer = lambda request: [Erasure(item.key, "later", after=LATER) for item in request.items]
    system.sweep()
    system.deliver()
    due_at = system.house.scalar("select due_at from delivery")
    assert due_at == system.machine.at + timedelta(days=30)


def test_a_refusal_waits_for_an_officer_who_may_have_it_asked_again(system: System) -> None:
    (record_id,) = system.due("K-1")
    system.fake.answer = lambda request: [Erasure(item.key, "refused", reason="locked") for item in request.items]
    system.sweep()
    system.deliver()
    system.machine.move(timedelta(days=365))
    system.deliver()
    assert system.owed() == [("K-1", "refused", 1, "locked")]
    assert gauge(system.house, "deliveries") == {("waiting",): 0.0, ("refused",): 1.0, ("kept",): 0.0}
    assert system.house.scalar("select count(*) from audit_event where event = 'retention.delivery.refused'") == 1
    system.fake.answer = None
    reader = Caller(system.house.caller.actor, system.house.id, {Permission.READ_RETENTION: None})
    with pytest.raises(Forbidden), system.house.session() as session:
        ask_again(session, reader, [record_id])
    with system.house.session() as session:
        assert ask_again(session, system.house.caller, [record_id]) == 1
    system.deliver()
    assert system.owed() == []
    with pytest.raises(NotFound), system.house.session() as session:
        ask_again(session, system.house.caller, [record_id])


def test_an_officer_may_confirm_by_hand_what_no_system_will(system: System) -> None:
    (record_id,) = system.due("K-1")
    system.fake.answer = raises
    system.sweep()
    system.deliver()
    house = system.house
    with house.session() as session:
        (entry,) = awaiting(session, house.caller)
        assert (entry.system, entry.external_key, entry.delivery, entry.reason) == ("crm", "K-1", "waiting", "raised")
    said: dict[str, Any] = {"destroyed_on": date(2026, 11, 20), "method": "by hand"}
    with pytest.raises(Conflict) as refusal, house.session() as session:
        confirm(session, house.caller, house.ledger, [record_id], **said)
    assert (refusal.value.code, len(system.owed())) == ("in-system", 1), "nobody says so by mistake"
    with house.session() as session:
        confirm(session, house.caller, house.ledger, [record_id], **said, in_system=True)
    assert system.owed() == []
    assert house.scalar("select count(*) from record") == 0


def test_an_answer_that_comes_after_the_row_has_gone_changes_nothing(system: System) -> None:
    first, second = system.due("K-1", "K-2")
    system.sweep()

    def by_hand_meanwhile(request: ErasureRequest) -> list[Erasure]:
        with system.house.session() as session:
            said: dict[str, Any] = {"destroyed_on": system.house.clock.today(), "method": "by hand", "in_system": True}
            confirm(session, system.house.caller, system.house.ledger, [first], **said)
        return system.fake.erase(request)

    system.fake.answer = by_hand_meanwhile
    system.deliver()
    assert (system.owed(), list(system.house.ids("select id from record"))) == ([], [])
    assert sorted(system.house.ids("select count from confirmation")) == [1, 1]
    gone = [chunk.intent.gone for chunk in system.house.ledger.chunks().values() if chunk.intent.gone]
    assert sorted(key for keys in gone for key in keys.get("record", ())) == sorted([first, second])
    with system.house.session() as session:
        assert [(one.awaited, one.confirmed) for one in certificates(session, system.house.caller)] == [(2, 2)]


def test_a_key_that_a_record_still_kept_has_is_not_erased_yet(system: System) -> None:
    system.due("K-1")
    kept = system.record("K-1", date(2026, 3, 1))
    system.sweep()
    system.deliver()
    assert system.fake.calls == []
    assert len(system.owed()) == 1
    system.house.all("delete from record where id = :id returning 1", id=kept)
    system.deliver()
    assert system.owed() == []


def test_a_connector_that_is_not_there_leaves_it_owed(house: House) -> None:
    system = System(house)
    adopt_with_system(house, connector=None)
    system.due("K-1")
    system.sweep()
    system.deliver()
    assert system.owed() == [("K-1", "waiting", 1, "no-connector")]
    assert system.fake.calls == []


def test_nothing_of_a_key_is_logged_when_a_connector_fails(system: System, capfd: pytest.CaptureFixture[str]) -> None:
    system.due("K-1")
    system.fake.answer = raises
    system.sweep()
    system.deliver()
    told = capfd.readouterr()
    assert "K-1" not in told.out + told.err
