"""A file that waits to be fetched has not left: whatever closes the gate meanwhile destroys it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.api.errors import NotFound
from muniment.clients.events import NewEnrolment, end_programme, enrol
from muniment.clients.limiting import NewLimit, place_limit
from muniment.clients.locks import tell
from muniment.clients.records import NewValue, change_values
from muniment.database.session import CouncilSession
from muniment.database.signals import ValuesErased, values_erased
from muniment.notices.policy_documents import withdraw_document
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.sharing.agreements import NewAgreement, end_agreement, make_agreement
from muniment.sharing.disclosing import Disclosed
from muniment.sharing.handing_out import open_export
from muniment.sharing.stopping import NewStop, end_stop, place_stop
from tests.integration.sharing.kit import RECIPIENTS, SERVICE, UNDOCUMENTED, House

Change = Callable[[House, UUID], None]

WAITING = text(
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"
)


def fetched(house: House, made: Disclosed) -> bytes:
    with house.session() as session:
        return b"".join(open_export(session, house.caller, house.context(session), house.store, made.id).content)


def waiting(house: House, *others: UUID) -> tuple[UUID, Disclosed]:
    """Somebody who agreed, with an export of what was given about them (and about others) that nobody has fetched."""
    file = house.register(purposes=["stories"], address="1 Sample Street")
    house.agree(file, "stories", "gazette")
    made = house.disclose(file, *others, recipient="gazette", purpose="stories", fields=("personal.address",))
    assert made.given == 1 + len(others)
    return file, made


def change(house: House, file: UUID, value: str | None) -> None:
    record_id = house.scalar("select id from record where file_id = :f", f=file)
    new = {"personal.address": None if value is None else NewValue(value, "client", ("stories",))}
    with house.session() as session:
        change_values(session, house.caller, house.context(session), file, record_id, new)


def restrict(house: House, file: UUID) -> None:
    with house.session() as session:
        place_limit(session, house.caller, file, NewLimit(ground="18.1.a"))


def dispose(house: House, file: UUID) -> None:
    with house.session() as session:
        values_erased.send(session, ValuesErased([file]))


def stop(house: House, _file: UUID) -> None:
    with house.session() as session:
        stop_id = place_stop(session, house.caller, NewStop(service=SERVICE, recipient="gazette", reason="a breach"))
    with house.session() as session:
        end_stop(session, house.caller, stop_id)


CHANGES: dict[str, Change] = {
    "withdrawn": lambda house, file: house.agree(file, "stories", state="withdrawn"),
    "refused": lambda house, file: house.agree(file, "stories", state="refused"),
    "restricted": restrict,
    "taken away": lambda house, file: change(house, file, None),
    "disposed of": dispose,
    "stopped": stop,
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_may_not_leave_any_more_is_not_handed_out(house: House, name: str) -> None:
    file, made = waiting(house)
    _, theirs = waiting(house)
    CHANGES[name](house, file)
    with pytest.raises(NotFound):
        fetched(house, made)
    stored = "select count(*) from stored_file where id = :id"
    assert made.export is not None
    assert house.scalar(stored, id=made.export.id) == 0
    assert house.scalar("select event from audit_event where subject = :id order by id desc limit 1", id=made.id) == (
        "sharing.export.withheld"
    )
    if name != "stopped":
        assert fetched(house, theirs)


def test_one_client_of_many_is_enough(house: House) -> None:
    other, _ = waiting(house)
    file, made = waiting(house, other)
    house.agree(other, "stories", state="withdrawn")
    with pytest.raises(NotFound):
        fetched(house, made)
    assert house.disclose(file, recipient="gazette", purpose="stories", fields=("personal.address",)).given == 1


def test_what_is_no_reason_to_withhold_is_none(house: House) -> None:
    file, made = waiting(house)
    house.agree(file, "stories", "college")
    change(house, file, "2 Sample Street")
    assert fetched(house, made)


def test_the_end_of_an_agreement_withholds_what_was_made_under_it(house: House) -> None:
    house.adopt([{**one, "agreement": one["id"] == "college"} for one in RECIPIENTS])
    with house.session() as session:
        today = session.clock.today()
        new = NewAgreement(
            service=SERVICE, recipient="college", title="Generated", parties=("A", "B"), purposes=("support",),
            categories=("personal",), basis="public task", power="Generated Act", from_on=today - timedelta(days=1),
            review_on=today + timedelta(days=90), agreed_by="head of service",
        )  # fmt: skip
        agreement_id = make_agreement(session, house.caller, new)
    made = house.disclose(house.register(address="1 Sample Street"), fields=("personal.address",))
    assert made.given == 1
    with house.session() as session:
        end_agreement(session, house.caller, agreement_id, "over")
    house.adopt()
    with pytest.raises(NotFound):
        fetched(house, made)


def test_what_was_decided_under_another_policy_is_decided_again(house: House) -> None:
    _, made = waiting(house)
    house.adopt([one for one in RECIPIENTS if one["id"] != "gazette"])
    house.adopt()
    with pytest.raises(NotFound):
        fetched(house, made)


PART = {"recipient": "authority", "fields": ("personal.address",)}


def part(house: House, file: UUID, started_on: date, ended_on: date | None = None) -> None:
    with house.session() as session:
        enrol(session, house.caller, file, NewEnrolment("bridge", started_on, ended_on))


def over(house: House, _file: UUID) -> None:
    with house.session() as session:
        end_programme(session, house.caller, "bridge", session.clock.today() + timedelta(days=30))


LEAVING: dict[str, Change] = {
    "left": lambda house, file: part(house, file, date(2026, 9, 1), date(2026, 11, 1)),
    "is to leave": lambda house, file: part(house, file, date(2026, 9, 1), date(2026, 11, 21)),
    "joined anew": lambda house, file: part(house, file, date(2026, 11, 20)),
    "is to end": over,
}


@pytest.mark.parametrize("name", LEAVING)
def test_who_leaves_a_programme_is_in_no_export_for_its_funder(house: House, name: str) -> None:
    files = [house.register(address="1 Sample Street") for _ in range(2)]
    house.settle_with("authority")
    for file in files:
        part(house, file, date(2026, 9, 1))
        house.give(file, date(2026, 10, 1), "bridge")
    mine, theirs = (house.disclose(file, **PART) for file in files)
    college = house.disclose(files[0], fields=PART["fields"])
    assert [made.given for made in (mine, theirs, college)] == [1, 1, 1]
    with house.session() as session:
        tell(session, files, "record", "enrolment")
    LEAVING[name](house, files[0])
    with pytest.raises(NotFound):
        fetched(house, mine)
    assert fetched(house, college), "the college is not there for the programme"
    if name != "is to end":
        assert fetched(house, theirs)


def test_a_withdrawn_policy_document_withholds_what_may_rest_on_it(house: House) -> None:
    house.adopt(purposes=UNDOCUMENTED)
    document = house.approve_document()
    file = house.register(record_class="medical", health__condition="generated")
    special = house.disclose(file, fields=("health.condition",))
    plain = house.disclose(house.register(address="1 Sample Street"), fields=PART["fields"])
    assert (special.given, plain.given) == (1, 1)
    with house.session() as session:
        withdraw_document(session, house.caller, adopted(session), document, "the service has ended")
    with pytest.raises(NotFound):
        fetched(house, special)
    assert fetched(house, plain)


@pytest.mark.parametrize("name", ["withdrawn", "restricted", "taken away"])
def test_nobody_waits_for_the_council_with_an_export_in_hand_that_a_sweep_waits_for(house: House, name: str) -> None:
    """An adoption waits for a sweep's chunk, a change waits behind the adoption, and the chunk destroys what the change
    would destroy."""
    file, made = waiting(house)
    with ThreadPoolExecutor(2) as pool:
        with house.session() as chunk:
            locks.shared(chunk)
            adopting = pool.submit(house.adopt, RECIPIENTS[1:])
            until_waiting(chunk, 1)
            changing = pool.submit(CHANGES[name], house, file)
            until_waiting(chunk, 2)
            values_erased.send(chunk, ValuesErased([file]))
        adopting.result()
        changing.result()
    house.adopt()
    with pytest.raises(NotFound):
        fetched(house, made)


def until_waiting(session: CouncilSession, many: int) -> None:
    """Until so many transactions wait for a council's lock."""
    until = time.monotonic() + 20
    while session.scalar(WAITING) < many:
        assert time.monotonic() < until, "they do not wait"
