"""What leaves is what was decided, to the byte, and the register says so; nothing else does."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg.errors
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.clients.records import NewRecord, NewValue, add_record
from muniment.clock import FixedClock
from muniment.database.ids import new_id
from muniment.database.packed import Keys
from muniment.database.registry import kept_tables
from muniment.files.store import FileStore
from muniment.retention.upkeep import dispose_some
from muniment.sharing.disclosing import Disclosed
from muniment.sharing.extracting import extract
from muniment.sharing.handing_out import open_export
from muniment.sharing.question import Question
from muniment.sharing.register import Looked, is_payload, search_register
from muniment.sharing.terms import terms_of
from tests.integration.sharing.kit import FIELDS, House, asked
from tests.server import TODAY

CANARY = "canary street 1"


def fetched(house: House, made: Disclosed) -> bytes:
    with house.session() as session:
        return b"".join(open_export(session, house.caller, house.context(session), house.store, made.id).content)


def test_exactly_the_decided_fields_leave_and_are_noted(house: House) -> None:
    file = house.register(address=CANARY, ni="QQ123456C", work__history="Baker")
    refused = house.register(address="2 Sample Street")
    house.limit(refused)
    made = house.disclose(file, refused)
    assert (made.given, made.refused) == (1, 1)
    content = fetched(house, made)
    assert made.export is not None
    assert made.export.sha256 == hashlib.sha256(content).hexdigest()
    document = json.loads(content)
    [client] = document["clients"]
    [line] = house.all("select * from disclosure_line where disclosure_id = :id", id=made.id)
    assert client == {
        "our-reference": str(line.id), "family-name": "Canary", "personal.address": CANARY, "work.history": "Baker",
    }  # fmt: skip
    assert (line.file_id, tuple(line.fields)) == (file, FIELDS)
    row = next(row for row in content.decode().splitlines() if CANARY in row)
    with house.session() as session:
        assert is_payload(session, house.context(session), line.id, row)
        assert not is_payload(session, house.context(session), line.id, row.replace("Baker", "Miller"))
    [no] = house.all("select * from disclosure_refusal where disclosure_id = :id", id=made.id)
    assert (no.file_id, no.rules) == (refused, ["restriction"])
    [act] = house.all("select * from disclosure where id = :id", id=made.id)
    assert (act.recipient, act.given, act.refused, act.rests_on, act.sha256) == (
        "college", 1, 1, "6.1.e", made.export.sha256,
    )  # fmt: skip
    event = house.scalar("select facts from audit_event where subject = :id and event like '%.made'", id=made.id)
    assert (event["given"], event["refused"], event["sha256"]) == (1, 1, made.export.sha256)


def test_an_export_is_handed_out_once(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    made = ours.disclose(ours.register(address="1 Sample Street"))
    with pytest.raises(NotFound):
        fetched(theirs, made)
    assert fetched(ours, made)
    with pytest.raises(Conflict, match="once"):
        fetched(ours, made)
    assert ours.scalar("select opened_at from export_file where disclosure_id = :id", id=made.id)


def test_csv_says_the_same(house: House) -> None:
    nasty = 'a "quoted", street'
    files = [house.register(address=nasty), house.register(work__history="Baker")]
    made = house.disclose(*files, format="csv", fields=("reference", *FIELDS))
    rows = list(csv.DictReader(io.StringIO(fetched(house, made).decode(), newline="")))
    assert sorted(row["personal.address"] for row in rows) == ["", nasty]
    assert sorted(row["work.history"] for row in rows) == ["", "Baker"]
    assert set(rows[0]) == {"our-reference", "reference", *FIELDS}
    lines = {str(row.id) for row in house.all("select id from disclosure_line where disclosure_id = :id", id=made.id)}
    assert {row["our-reference"] for row in rows} == lines
    assert all(row["reference"].startswith("G-") for row in rows)


def test_nobody_is_given_anything_and_that_is_noted(house: House) -> None:
    file = house.register(address="1 Sample Street")
    made = house.disclose(file, recipient="nobody")
    assert (made.given, made.refused, made.export) == (0, 1, None)
    assert house.scalar("select count(*) from disclosure_line where disclosure_id = :id", id=made.id) == 0
    rules = house.scalar("select rules from disclosure_refusal where disclosure_id = :id", id=made.id)
    assert "recipient-declared" in rules
    [event] = house.all("select event from audit_event where subject = :id", id=made.id)
    assert event.event == "sharing.disclosure.refused"


def test_the_newest_value_that_is_held_for_the_purpose_leaves(house: House) -> None:
    file = house.register(address="old street")
    for value, day, purpose in (
        ("new street", date(2026, 11, 3), "support"),
        ("older street", date(2026, 1, 3), "support"),
        ("secret street", date(2026, 11, 19), "statistics"),
    ):
        record = NewRecord(
            record_class="case", values={"personal.address": NewValue(value, "client", (purpose,), on=day)}
        )
        with house.session() as session:
            add_record(session, house.caller, house.context(session), file, record)
    house.run(
        "update record set values = jsonb_set(values, '{personal.address,on}', '\"2026-06-01\"')"
        " where file_id = :f and values -> 'personal.address' ->> 'v' = 'old street'", f=file,
    )  # fmt: skip
    [client] = json.loads(fetched(house, house.disclose(file)))["clients"]
    assert client["personal.address"] == "new street"


def test_of_two_values_of_one_day_the_later_record_s_leaves(house: House) -> None:
    file, day = house.register(work__history="Baker"), date(2026, 11, 3)
    for value in ("first street", "second street", "a third street"):
        value_of = {"personal.address": NewValue(value, "client", ("support",), on=day)}
        with house.session() as session:
            add_record(
                session, house.caller, house.context(session), file, NewRecord(record_class="case", values=value_of)
            )
    [client] = json.loads(fetched(house, house.disclose(file)))["clients"]
    assert client["personal.address"] == "a third street"


@pytest.mark.parametrize("out_of_use", ["restricted_on = date '2026-11-01'", "disposal = 'awaiting'"])
def test_what_is_kept_out_of_use_is_not_given(house: House, out_of_use: str) -> None:
    only, older = house.register(address=CANARY), house.register(address=CANARY)
    house.run(f"update record set {out_of_use} where file_id = any(:files)", files=[only, older])
    value_of = {"personal.address": NewValue("old street", "client", ("support",), on=date(2020, 1, 2))}
    with house.session() as session:
        add_record(
            session, house.caller, house.context(session), older, NewRecord(record_class="case", values=value_of)
        )
    made = house.disclose(only, older, fields=("family-name", "personal.address"))
    clients = json.loads(fetched(house, made))["clients"]
    assert sorted(client.get("personal.address", "none") for client in clients) == ["none", "old street"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_values_leave_as_they_were_given(house: House, form: str) -> None:
    given = 'Flat "7", c\\o ŵyn & 𝔛 }, {'
    made = house.disclose(house.register(address=given), format=form)
    content = fetched(house, made).decode()
    rows = json.loads(content)["clients"] if form == "json" else list(csv.DictReader(io.StringIO(content, newline="")))
    assert [row["personal.address"] for row in rows] == [given]


def test_nothing_leaves_of_anybody_if_a_decided_field_is_not_there(house: House) -> None:
    files = Keys.of([house.register(address=CANARY), house.register(work__history="Baker")])
    question, disclosure_id = msgspec.convert(asked({"fields": ("personal.address",)}), Question), new_id()
    with house.session() as session:
        context = house.context(session)
        terms = terms_of(context.policy, question)
        with pytest.raises(IntegrityError):
            extract(session, context, terms, question.fields, files, disclosure_id)
        session.rollback()
    assert house.scalar("select count(*) from disclosure_line where disclosure_id = :id", id=disclosure_id) == 0


def test_other_means_leave_a_line_and_no_file(house: House) -> None:
    file = house.register(address="1 Sample Street")
    made = house.disclose(file, means="spoken", format=None)
    assert made.export is None
    assert house.scalar("select count(*) from disclosure_line where disclosure_id = :id", id=made.id) == 1
    with pytest.raises(InvalidInput):
        house.disclose(file, means="spoken")


def test_observers_hear_of_what_was_given(house: House) -> None:
    house.judge.made.clear()
    made = house.disclose(house.register(address="1 Sample Street"), house.register(address="2 Sample Street"))
    house.disclose(house.register(address="1 Sample Street"), recipient="nobody")
    assert [(one.recipient, one.clients, one.disclosure) for one in house.judge.made] == [("college", 2, str(made.id))]


def test_the_register_is_searched_by_client_recipient_and_day(houses: tuple[House, House]) -> None:
    house, theirs = houses
    file, other = house.register(address="1 Sample Street"), house.register(address="2 Sample Street")
    first = house.disclose(file, other)
    second = house.disclose(file, recipient="nobody")

    def found(asker: House = house, **looked: Any) -> list[Any]:
        with asker.session() as session:
            return search_register(session, asker.caller, Looked(**looked)).items

    of_client = {view.id: view for view in found(client=file)}
    assert set(of_client) == {first.id, second.id}
    assert of_client[first.id].fields == ("family-name", "personal.address")
    assert of_client[first.id].reference is not None
    assert "recipient-declared" in of_client[second.id].rules
    assert [view.id for view in found(client=file, recipient="college")] == [first.id]
    assert len(found(client=file, first_day=date(2026, 11, 20), last_day=date(2026, 11, 20))) == 2
    assert found(client=file, last_day=date(2026, 11, 19)) == []
    assert found(client=file, refused=True)[0].id == second.id
    with house.session() as session:
        page = search_register(session, house.caller, Looked(client=file, limit=1))
        rest = search_register(session, house.caller, Looked(client=file, limit=1, after=page.next))
    assert {page.items[0].id, rest.items[0].id, rest.next} == {second.id, first.id, None}
    for unknown in (file, new_id()):
        with pytest.raises(NotFound):
            found(theirs, client=unknown)
    assert first.id not in [view.id for view in found(theirs)]


@pytest.mark.parametrize("table", ["disclosure", "disclosure_line", "disclosure_refusal"])
def test_the_register_only_grows(house: House, table: str) -> None:
    with pytest.raises(ProgrammingError) as refused, house.session() as session:
        session.execute(text(f"update {table} set council_id = council_id"))
    assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    clients=st.lists(
        st.tuples(st.sampled_from(["support", "statistics", "stories"]), st.booleans(), st.booleans(), st.booleans()),
        min_size=1, max_size=5,
    ),
    recipient=st.sampled_from(["college", "research", "gazette", "employers", "nobody"]),
)  # fmt: skip
def test_a_batch_gives_what_each_alone_is_allowed(house: House, clients: list[Any], recipient: str) -> None:
    files = []
    for purpose, limited, referred, opted_out in clients:
        file = house.register(purposes=[purpose], referred_on=date(2026, 11, 2) if referred else None, address=CANARY)
        if limited:
            house.limit(file)
        if opted_out:
            house.agree(file, "support", kind="permission", state="refused")
        files.append(file)
    alone = {file: house.decide(file, recipient=recipient).groups[0] for file in files}
    made = house.disclose(*files, recipient=recipient)
    left = {
        line.file_id: tuple(line.fields)
        for line in house.all("select file_id, fields from disclosure_line where disclosure_id = :id", id=made.id)
    }
    assert left == {file: group.fields for file, group in alone.items() if group.fields}
    refused = house.all("select file_id, rules from disclosure_refusal where disclosure_id = :id", id=made.id)
    assert {line.file_id: line.rules for line in refused} == {
        file: [reason.rule for reason in group.reasons if not reason.speaks_for]
        for file, group in alone.items()
        if not group.allowed
    }


def test_an_export_goes_by_its_own_rule_with_its_bytes(house: House, tmp_path: Path) -> None:
    store = FileStore(tmp_path, house.keys)
    house.store, before = store, house.store
    kept = next(one for one in kept_tables() if one.table.name == "export_file")
    clock = house.database.clock
    try:
        made = house.disclose(house.register(address=CANARY))
        assert made.export is not None
        for days, gone in ((7, 0), (8, 1)):
            house.database.clock = FixedClock(TODAY + timedelta(days=days))
            with house.session() as session:
                assert bool(dispose_some(session, kept)) == bool(gone)
        assert house.scalar("select count(*) from stored_file where id = :id", id=made.export.id) == 0
        with pytest.raises(NotFound):
            fetched(house, made)
        with house.session() as session:
            store.remove_objects(session)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        noted = house.scalar("select sha256 from disclosure where id = :id", id=made.id)
        assert noted == made.export.sha256
    finally:
        house.store, house.database.clock = before, clock
