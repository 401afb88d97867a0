"""Importing: good rows go in, once; everything else is a line, a column and a code."""

from __future__ import annotations

from datetime import date

import pytest

from muniment.api.errors import InvalidInput
from muniment.clients.files import change_stub
from muniment.clients.records import NewValue, change_values
from muniment.clients.stub import Stub
from tests.integration.clients.kit import ROW, House, csv_of, row


def test_a_row_becomes_a_file_with_all_that_it_says(house: House) -> None:
    summary = house.take_in([ROW])
    assert (summary.new, summary.rejected) == (1, 0)
    stub = house.all("select reference, name_key, postcode, born_on::text, opened_on::text, issuer from client_file")
    assert stub == [("C-1", "ospecimen canaryann", "ZZ1 1AA", "1980-03-02", "2026-01-05", "export")]
    records = house.all("select record_class, values, recorded_on::text from record order by record_class")
    assert [entry.record_class for entry in records] == ["advice/case", "advice/medical"]
    value = {"s": "client", "on": "2026-11-20", "p": ["support"]}
    assert records[0].values == {"personal.ni": {"v": "QQ123456C", **value}, "personal.work": {"v": "in-work", **value}}
    assert house.all("select kind, happened_on::text, own_act from milestone") == [("last-contact", "2026-02-06", True)]
    assert house.all("select programme, started_on::text from enrolment") == [("skills", "2026-03-01")]
    events = house.all("select event from audit_event order by id")
    assert ("clients.file.opened",) in events
    assert ("clients.import.finished",) in events


def test_a_column_can_tell_of_somebody_else_and_of_a_day_to_come(house: House) -> None:
    told = {**ROW, "Contact": "", "Child born": "2015-02-28", "Runs out": "2031-12-31"}
    assert (house.take_in([told]).new, house.take_in([told]).unchanged) == (1, 1)
    found = house.all("select kind, whose, happened_on::text from milestone order by kind")
    assert found == [("birth", "child", "2015-02-28"), ("expiry", "client", "2031-12-31")]
    ahead = house.take_in([{**told, "Child born": "2031-12-31"}])
    assert [(reject.column, reject.code) for reject in ahead.rejects] == [("Child born", "date-in-future")]


def test_the_same_file_again_changes_nothing(house: House) -> None:
    rows = [row(number) for number in range(30)]
    house.take_in(rows)
    before = house.state()
    again = house.take_in(rows)
    assert (again.new, again.updated, again.unchanged, again.rejected) == (0, 0, 30, 0)
    assert house.state() == before


def test_what_is_refreshed_changes_and_what_is_not_is_a_conflict(house: House) -> None:
    house.take_in([row(1), row(2), row(3)])
    summary = house.take_in(
        [row(1, Postcode="ZZ9 9ZZ", Work="out", Contact="2026-05-05"), row(2, NI="QQ999999A"), row(3, First="Other")]
    )
    assert (summary.updated, summary.rejected) == (1, 2)
    assert [(entry.line, entry.column, entry.code) for entry in summary.rejects] == [
        (3, "NI", "conflict"),
        (4, "First", "conflict"),
    ]
    assert house.scalar("select postcode_key from client_file where reference = 'C-1'") == "zz99zz"
    found = house.scalar("select values -> 'personal.work' ->> 'v' from record where record_class = 'advice/case'"
                         " and file_id = (select id from client_file where reference = 'C-1')")  # fmt: skip
    assert found == "out"
    contacts = house.all("select happened_on::text from milestone m join client_file f on f.id = m.file_id"
                         " where f.reference = 'C-1' order by 1")  # fmt: skip
    assert contacts == [("2026-02-06",), ("2026-05-05",)]


def test_what_staff_corrected_is_not_changed_back(house: House) -> None:
    house.take_in([row(1), row(2)])
    file_id = house.scalar("select id from client_file where reference = 'C-1'")
    record_id = house.scalar(f"select id from record where record_class = 'advice/case' and file_id = '{file_id}'")
    with house.session() as session:
        changes = {"personal.work": NewValue("out", "client", ("support",)), "personal.ni": None}
        change_values(session, house.caller, house.context(session), file_id, record_id, changes)
        stub = Stub(given_names="Corrected", family_name=row(1)["Last"], born_on=date(1980, 3, 2), postcode="ZZ9 9ZZ")
        change_stub(session, house.caller, file_id, stub)
    for changed in ({"Contact": "2026-05-05"}, {}):
        again = house.take_in([row(1, **changed), row(2)])
        assert (again.rejected, again.corrected) == (0, 4)
        assert {(entry.line, entry.column, entry.code) for entry in again.rejects} == {
            (2, column, "corrected") for column in ("First", "Postcode", "NI", "Work")
        }
    assert house.all("select given_names, postcode_key from client_file where reference = 'C-1'") == [
        ("Corrected", "zz99zz")
    ]
    values = house.scalar(f"select values from record where id = '{record_id}'")
    assert {name: entry["v"] for name, entry in values.items()} == {"personal.work": "out"}
    assert house.scalar(f"select count(*) from milestone where file_id = '{file_id}'") == 2  # the rest is taken in
    assert house.all("select corrected, rejected from import_run order by id") == [(0, 0), (4, 0), (4, 0)]
    assert house.scalar("select count(*) from import_reject where code = 'corrected'") == 8


def test_an_empty_cell_says_nothing(house: House) -> None:
    house.take_in([row(1)])
    again = house.take_in([row(1, Postcode="", NI="", Work="", Condition="", Contact="", Course="", Born="")])
    assert (again.unchanged, again.updated) == (1, 0)


def test_a_disposed_reference_is_not_taken_in_again(house: House) -> None:
    house.take_in([row(1), row(2)])
    with house.session() as session:
        for table, key in (("record", "file_id"), ("client_file", "id")):
            session.connection().exec_driver_sql(
                f"delete from {table} where {key} = (select file_id from milestone limit 1)"
                if table == "record"
                else f"delete from {table} where not exists (select from record r where r.file_id = {table}.id)"
            )
    assert house.scalar("select count(*) from client_file") == 1
    again = house.take_in([row(1), row(2)])
    assert (again.suppressed, again.unchanged, again.new) == (1, 1, 0)
    assert house.scalar("select count(*) from client_file") == 1


def test_a_disposed_record_is_not_made_again_under_a_living_file(house: House) -> None:
    house.take_in([row(1)])
    with house.session() as session:
        session.connection().exec_driver_sql("delete from record where record_class = 'advice/medical'")
    again = house.take_in([row(1)])
    assert again.unchanged == 1
    assert house.scalar("select count(*) from record where record_class = 'advice/medical'") == 0


BAD = [
    ({"Ref": ""}, "Ref", "missing"),
    ({"Last": ""}, "Last", "missing"),
    ({"Born": "1980-03-02"}, "Born", "not-a-date"),
    ({"Opened": "2027-01-01"}, "Opened", "date-in-future"),
    ({"Postcode": "nowhere"}, "Postcode", "not-a-postcode"),
    ({"NI": "12"}, "NI", "not-an-ni-number"),
    ({"Work": "resting"}, "Work", "not-a-choice"),
    ({"First": "Ann\x00"}, "First", "control-character"),
    ({"Ref": "???"}, "Ref", "empty-reference"),
    ({"Contact": "9999-99-99"}, "Contact", "not-a-date"),
]


@pytest.mark.parametrize(("change", "column", "code"), BAD)
def test_a_bad_cell_rejects_its_row_alone(house: House, change: dict[str, str], column: str, code: str) -> None:
    summary = house.take_in([row(1), row(2) | change, row(3)])
    assert [(entry.line, entry.column, entry.code) for entry in summary.rejects] == [(3, column, code)]
    assert summary.new == 2
    assert house.all('select line, "column", code from import_reject') == [(3, column, code)]


def test_special_data_without_a_condition_is_rejected(house: House) -> None:
    summary = house.take_in([row(1) | {"Religion": "canary"}, row(2) | {"Religion": ""}])
    assert [(entry.line, entry.column, entry.code) for entry in summary.rejects] == [(2, "Religion", "no-condition")]
    assert summary.new == 1


def test_a_plugin_may_refuse(house: House) -> None:
    rows = [{"Case": str(number), "Name": "Canary", "Sent": "2026-11-01", "Note": note}
            for number, note in enumerate(["fine", "forbidden"])]  # fmt: skip
    summary = house.take_in(rows, "referral")
    assert [(entry.line, entry.code) for entry in summary.rejects] == [(3, "forbidden-word")]


def test_a_referral_starts_the_clock_of_article_14(house: House) -> None:
    house.take_in([{"Case": "1", "Name": "Canary", "Sent": "2026-10-31", "Note": ""}], "referral")
    assert house.all("select referred_on::text, notice_due_on::text from client_file") == [("2026-10-31", "2026-11-30")]


def test_a_reference_twice_in_one_file_is_rejected(house: House) -> None:
    summary = house.take_in([row(1), row(2), row(1, Last="Other")])
    assert [(entry.line, entry.column, entry.code) for entry in summary.rejects] == [(4, "Ref", "double-reference")]


HEADERS = [
    (b"", "empty"),
    (b"Ref,Last,Shoe size\n", "unknown-column"),
    (b"Ref,Last,Last\n", "double-column"),
    (b"Ref,First\n", "missing-column"),
    (b'"Ref,Last\n', "unbalanced-quotes"),
    (b"\xff\xfe\x00", "encoding"),
]


@pytest.mark.parametrize(("content", "code"), HEADERS)
def test_a_wrong_first_line_refuses_the_file(house: House, content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        house.take_in(content)
    assert refused.value.code == code
    assert house.scalar("select state from import_run") == "failed"
    assert house.scalar("select count(*) from client_file") == 0


def test_a_dry_run_leaves_nothing(house: House) -> None:
    before = house.state()
    summary = house.take_in([row(1), row(2, NI="bad")], dry_run=True)
    assert (summary.new, summary.rejected) == (1, 1)
    assert house.state() == before
    assert house.scalar("select count(*) from import_run") == 0
    assert house.scalar("select count(*) from audit_event where event like 'clients.%'") == 0


def test_rows_beyond_their_period_come_in_only_as_history(house: House) -> None:
    def past(session: object, file_ids: object) -> frozenset[object]:
        return frozenset(list(file_ids)[:1])  # type: ignore[call-overload]

    summary = house.take_in([row(1), row(2)], past_period=past)  # type: ignore[arg-type]
    assert [(entry.line, entry.code) for entry in summary.rejects] == [(2, "beyond-period")]
    assert house.all("select reference from client_file") == [("C-2",)]
    assert house.scalar("select count(*) from import_memory") == 1
    assert house.scalar("select count(*) from person") == 1
    assert house.take_in([row(1), row(2)], past_period=past, history=True).new == 1  # type: ignore[arg-type]


def test_a_file_registered_by_hand_under_the_issuer_is_known(house: House) -> None:
    house.register(reference="c 7", issuer="export", family_name="Specimen7", given_names="Canary Ann")
    summary = house.take_in([{"Ref": "C-7", "Last": "Specimen7", "NI": "QQ123456C"}])
    assert (summary.new, summary.updated) == (0, 1), summary
    assert house.take_in([{"Ref": "C-7", "Last": "Specimen7", "NI": "QQ123456C"}]).unchanged == 1


def test_csv_of_the_kit_is_a_csv() -> None:
    assert csv_of([{"a": "1"}]) == b"a\r\n1\r\n"
