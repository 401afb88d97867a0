"""Disclosures that meet whatever closes the gate, in transactions that run side by side: nothing leaves after it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.clients.events import end_programme
from muniment.clients.locks import lock_files
from muniment.clients.records import change_values
from muniment.consent import ledger
from muniment.database.session import CouncilSession
from muniment.notices.policy_documents import withdraw_document
from muniment.policy.store import adopt, adopted
from muniment.sharing.agreements import end_agreement
from muniment.sharing.disclosing import Disclosed, Order, disclose
from muniment.sharing.requests import NewRequest, RequestDecision, decide_request, receive_request
from muniment.sharing.stopping import NewStop, end_stop, place_stop
from tests.integration.sharing.kit import RECIPIENTS, SERVICE, UNDOCUMENTED, House, asked, policy_of

FIELDS = ("personal.address",)
GIVEN = {"recipient": "gazette", "purpose": "stories", "fields": FIELDS}
AGREED = {"recipient": "authority", "fields": FIELDS}

Act = Callable[[CouncilSession, House, UUID], None]


def withdraw(session: CouncilSession, house: House, file_id: UUID) -> None:
    file = lock_files(session, [file_id])[file_id]
    entry = ledger.Entry(kind="consent", state="withdrawn", purpose="stories", at=datetime.now(UTC), policy_hash="")
    ledger.append(session, file, entry)


def restrict(session: CouncilSession, house: House, file_id: UUID) -> None:
    lock_files(session, [file_id])
    session.execute(
        text(
            "insert into client_limit (council_id, id, file_id, kind, ground, purposes, state, placed_at)"
            " values (:c, gen_random_uuid(), :f, 'restriction', '18.1.a', '{}', 'standing', now())"
        ),
        {"c": house.id, "f": file_id},
    )


def take_away(session: CouncilSession, house: House, file_id: UUID) -> None:
    record_id = session.scalar(text("select id from record where file_id = :f"), {"f": file_id})
    change_values(session, house.caller, house.context(session), file_id, record_id, {"personal.address": None})


def stop(session: CouncilSession, house: House, file_id: UUID) -> None:
    place_stop(session, house.caller, NewStop(service=SERVICE, recipient="gazette", reason="a breach of theirs"))


def adopt_without(session: CouncilSession, house: House, file_id: UUID) -> None:
    others = [recipient for recipient in RECIPIENTS if recipient["id"] != "gazette"]
    adopt(session, policy_of(house.slug, others), session.clock, by="test")


ACTS: dict[str, Act] = {
    "withdraw": withdraw,
    "restrict": restrict,
    "take away": take_away,
    "stop": stop,
    "adopt": adopt_without,
}


@pytest.fixture
def file(house: House) -> UUID:
    """Somebody who has agreed that the gazette is given their address."""
    file_id = house.register(purposes=["stories"], address="1 Sample Street")
    house.agree(file_id, "stories", "gazette")
    return file_id


def waits_for(house: House, work: Callable[[], Any]) -> tuple[ThreadPoolExecutor, Any]:
    """Begin something in another thread, and come back when it waits for a lock that somebody here holds."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if house.scalar("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"):
            return pool, future
        assert not future.done(), "it did not wait"
    raise AssertionError("it neither ended nor waited")


def lift(house: House) -> None:
    house.adopt()
    for stop_id in house.all("select id from sharing_stop where ended_on is null"):
        with house.session() as session:
            end_stop(session, house.caller, stop_id.id)


@pytest.mark.parametrize("act", ACTS)
def test_what_is_committed_first_is_seen_by_a_disclosure_that_waited(house: House, file: UUID, act: str) -> None:
    assert house.against(file, **GIVEN) == set()
    with house.session() as session:
        ACTS[act](session, house, file)
        pool, future = waits_for(house, lambda: house.disclose(file, **GIVEN))
        session.commit()
    made: Disclosed = future.result(20)
    pool.shutdown()
    lift(house)
    assert made.given == 0
    assert house.scalar("select count(*) from disclosure_line where file_id = :f", f=file) == 0


@pytest.mark.parametrize("act", ACTS)
def test_a_disclosure_under_way_is_waited_for_and_is_the_last(house: House, file: UUID, act: str) -> None:
    order = Order(files=(file,), **asked({"format": "json", **GIVEN}))

    def close() -> None:
        with house.session() as session:
            ACTS[act](session, house, file)

    with house.session() as session:
        made = disclose(session, house.caller, house.context(session), house.store, order)
        pool, future = waits_for(house, close)
        session.commit()
    future.result(20)
    pool.shutdown()
    assert made.given == 1
    assert house.disclose(file, **GIVEN).given == 0
    lift(house)
    assert house.scalar("select count(*) from disclosure_line where file_id = :f", f=file) == 1


def test_a_policy_document_is_withdrawn_after_a_disclosure_that_rests_on_it_or_before(house: House) -> None:
    house.adopt(purposes=UNDOCUMENTED)
    document, file = house.approve_document(), house.register(record_class="medical", health__condition="generated")
    order = Order(files=(file,), **asked({"format": "json", "fields": ("health.condition",)}))

    def close() -> None:
        with house.session() as session:
            withdraw_document(session, house.caller, adopted(session), document, "the service has ended")

    with house.session() as session:
        made = disclose(session, house.caller, house.context(session), house.store, order)
        pool, future = waits_for(house, close)
        session.commit()
    future.result(20)
    pool.shutdown()
    assert (made.given, house.disclose(file, fields=("health.condition",)).given) == (1, 0)
    assert house.scalar("select count(*) from export_file") == 0


def test_a_policy_adopted_meanwhile_decides(house: House) -> None:
    file = house.register(address="1 Sample Street")
    order = Order(files=(file,), **asked({"format": "json"}))
    try:
        with house.session() as session:
            context = house.context(session)
            house.adopt(RECIPIENTS[1:])
            made = disclose(session, house.caller, context, house.store, order)
    finally:
        house.adopt()
    assert (made.given, made.refused) == (0, 1)
    assert made.judged.policy == policy_of(house.slug, RECIPIENTS[1:]).hash
    assert house.scalar("select policy_hash from disclosure where id = :id", id=made.id) == made.judged.policy
    assert house.scalar("select count(*) from disclosure_line where file_id = :f", f=file) == 0


@pytest.fixture
def joined(house: House) -> UUID:
    """Somebody in a programme, who was given its notice."""
    file = house.register(address="1 Sample Street")
    house.run(
        "insert into enrolment (council_id, file_id, programme, started_on) values (:c, :f, 'bridge', '2026-11-02')",
        c=house.id, f=file,
    )  # fmt: skip
    house.give(file, date(2026, 11, 2), programme="bridge")
    return file


def test_the_end_of_a_programme_waits_for_a_disclosure_under_way(house: House, joined: UUID) -> None:
    agreement_id = house.settle_with("authority")
    order = Order(files=(joined,), **asked({"format": "json", **AGREED}))

    def over() -> None:
        with house.session() as session:
            end_programme(session, house.caller, "bridge", date(2026, 11, 3))

    with house.session() as session:
        made = disclose(session, house.caller, house.context(session), house.store, order)
        pool, future = waits_for(house, over)
        session.commit()
    future.result(20)
    pool.shutdown()
    assert made.given == 1
    assert house.disclose(joined, **AGREED).given == 0
    house.run("delete from programme_fact where council_id = :c", c=house.id)
    with house.session() as session:
        end_agreement(session, house.caller, agreement_id, "the test is over")


def test_an_agreement_and_a_request_close_as_they_end(house: House, joined: UUID) -> None:
    file, agreement_id = joined, house.settle_with("authority")
    assert house.against(file, **AGREED) == set()
    with house.session() as session:
        end_agreement(session, house.caller, agreement_id, "the programme is over")
        pool, future = waits_for(house, lambda: house.disclose(file, **AGREED))
        session.commit()
    assert future.result(20).given == 0
    pool.shutdown()


def test_a_request_is_an_answer_for_one_person_and_some_fields(house: House) -> None:
    file, other = house.register(address="1 Sample Street"), house.register(address="2 Sample Street")
    police = {"recipient": "police", "fields": ("personal.address",)}
    assert house.against(file, **police) == {"request-decided"}
    new = NewRequest(
        service=SERVICE, file=file, kind="crime", recipient="police", requester="A constable, generated",
        received_on=date(2026, 11, 19), fields=("personal.address", "work.history"), purpose="support",
        reason="a theft, generated", necessity="to find a witness", power="common law", signed_off_by="inspector",
        lawful_basis="public task", impact_assessment="not needed for one address", keeping="until the case ends",
        security="secure email",
    )  # fmt: skip
    with house.session() as session:
        request_id = receive_request(session, house.caller, new)
    assert house.against(file, request=request_id, **police) == {"request-decided"}
    decision = RequestDecision(
        share=True,
        decided_by="officer",
        fields=("personal.address",),
        reasons="necessary and proportionate",
    )
    with house.session() as session:
        decide_request(session, house.caller, request_id, decision)
    assert house.against(file, request=request_id, **police) == set()
    assert house.against(other, request=request_id, **police) == {"request-about-client"}
    more = {**police, "fields": ("personal.address", "work.history")}
    assert house.against(file, request=request_id, **more) == {"request-fields"}
    assert house.against(file, request=request_id, fields=("personal.address",)) == {"request-decided"}


def test_changes_that_destroy_the_same_exports_lock_them_in_one_order(house: House, file: UUID) -> None:
    """The exports lie there with their keys falling, as do those of their acts: whoever takes them as they are found,
    either way, goes backwards."""
    made = sorted((house.disclose(file, **GIVEN) for _ in range(12)), key=lambda one: one.id)
    keys = sorted(one.export.id for one in made if one.export is not None)
    with house.session() as session:
        session.execute(text("delete from export_file"))
        add = text(
            "insert into export_file (council_id, id, disclosure_id, name, media_type, made_on)"
            " values (:c, :id, :disclosure, 'generated', 'application/json', '2026-11-20')"
        )
        for one, key in zip(made, reversed(keys), strict=True):
            session.execute(add, {"c": house.id, "id": key, "disclosure": one.id})
    lock = text("select id from export_file where id = any(:ids) order by id for update")
    with house.session() as session:
        session.execute(lock, {"ids": keys[:1]})
        pool, future = waits_for(house, lambda: house.agree(file, "stories", state="withdrawn"))
        session.execute(lock, {"ids": keys[1:]})
    future.result(20)
    pool.shutdown()
    assert house.scalar("select count(*) from export_file where id = any(:ids)", ids=keys) == 0


@pytest.mark.slow
def test_a_storm_of_withdrawals_and_restrictions_lets_nothing_leave_after_them(house: House) -> None:
    files = [house.register(purposes=["stories"], address="1 Sample Street") for _ in range(40)]
    for file_id in files:
        house.agree(file_id, "stories", "gazette")
    closed: dict[UUID, float] = {}
    begun: dict[UUID, float] = {}
    over = threading.Event()

    def give() -> None:
        while not over.is_set():
            chunk = random.sample(files, 10)
            at = time.monotonic()
            begun[house.disclose(*chunk, **GIVEN).id] = at

    def close(mine: list[UUID]) -> None:
        for number, file_id in enumerate(mine):
            with house.session() as session:
                (withdraw if number % 2 else restrict)(session, house, file_id)
            closed[file_id] = time.monotonic()

    with ThreadPoolExecutor(4) as pool:
        givers = [pool.submit(give) for _ in range(2)]
        for closer in [pool.submit(close, files[start::2]) for start in range(2)]:
            closer.result(60)
        house.disclose(*files, **GIVEN)
        over.set()
        for giver in givers:
            giver.result(60)
    left = house.all("select disclosure_id, file_id from disclosure_line where file_id = any(:ids)", ids=files)
    late = [line for line in left if line.disclosure_id in begun and begun[line.disclosure_id] > closed[line.file_id]]
    assert late == []
    assert house.disclose(*files, **GIVEN).given == 0
