"""Whoever was given a field is to be told when it is rectified, erased or restricted, without being given it again."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.clients.files import change_stub
from muniment.clients.records import NewValue, change_values
from muniment.clients.stub import Stub
from muniment.clock import FixedClock
from muniment.database.signals import FilesChanged, ValuesErased, files_changed, values_erased
from muniment.sharing.notifying import GAUGES, NotificationView, notifications, settle
from tests.integration.retention.kit import House as Retention
from tests.integration.sharing.kit import ALL_PURPOSES, House

CANARY = "canary lane 7"


def told(house: House, file_id: UUID) -> list[NotificationView]:
    with house.session() as session:
        return notifications(session, house.caller, file_id=file_id, settled=True).items


def change(house: House, file_id: UUID, **values: str | None) -> None:
    record_id = house.scalar("select id from record where file_id = :f order by id limit 1", f=file_id)
    new = {
        f"personal.{name}": None if value is None else NewValue(value, "client", ("support",))
        for name, value in values.items()
    }
    with house.session() as session:
        change_values(session, house.caller, house.context(session), file_id, record_id, new)


@pytest.fixture
def file(house: House) -> UUID:
    """Somebody whose address went to the college twice and to the researchers once."""
    file_id = house.register(address="1 Sample Street", ni="QQ123456C")
    for recipient in ("college", "college", "research"):
        house.disclose(file_id, recipient=recipient, fields=("personal.address", "family-name"))
    return file_id


def test_each_recipient_of_a_rectified_field_is_to_be_told_once(house: House, file: UUID) -> None:
    change(house, file, ni="QQ123456D")
    assert told(house, file) == []  # nobody was given it
    change(house, file, address=CANARY)
    found = told(house, file)
    assert {(one.recipient, one.change, one.fields, one.state) for one in found} == {
        ("college", "rectified", ("personal.address",), "to-send"),
        ("research", "rectified", ("personal.address",), "to-send"),
    }
    references = {row.id for row in house.all("select id from disclosure_line where file_id = :f", f=file)}
    assert {one.reference for one in found} <= references
    change(house, file, address="another lane")
    assert len(told(house, file)) == 2  # still to be sent: once is enough
    assert house.scalar("select count(*) from recipient_notification n where n::text like '%canary%'") == 0


def test_what_was_given_after_somebody_was_to_be_told_is_told_too(house: House, file: UUID) -> None:
    """Each under its own reference: a recipient knows a client by no other name."""
    change(house, file, address=CANARY)
    clock = house.database.clock
    house.database.clock = FixedClock(clock.today() + timedelta(days=1))
    try:
        again = house.disclose(file, fields=("personal.address",))
        change(house, file, address="another lane")
        change(house, file, address="yet another")
    finally:
        house.database.clock = clock
    line = house.scalar("select id from disclosure_line where disclosure_id = :d", d=again.id)
    references = [one.reference for one in told(house, file) if one.recipient == "college"]
    assert len(references) == 2
    assert line in references


def test_a_long_list_is_read_page_by_page(house: House, file: UUID) -> None:
    for name in ("ni", "address"):
        house.disclose(file, recipient="research", fields=(f"personal.{name}",))
        change(house, file, **{name: CANARY})
    whole, after, pages = told(house, file), None, 0
    found: list[NotificationView] = []
    while True:
        with house.session() as session:
            page = notifications(session, house.caller, file_id=file, settled=True, limit=1, after=after)
        found, pages, after = found + page.items, pages + 1, page.next
        if after is None:
            break
    assert (found, pages) == (whole, len(whole))


def test_every_reference_is_told_under_which_it_was_given(house: House, file: UUID) -> None:
    of_college = [row.id for row in house.all(
        "select l.id from disclosure_line l join disclosure d on d.id = l.disclosure_id"
        " where l.file_id = :f and d.recipient = 'college' order by l.id", f=file,
    )]  # fmt: skip
    assert len(of_college) == 2
    change(house, file, address=None)
    [theirs] = [one for one in told(house, file) if one.recipient == "college"]
    assert (list(theirs.references), theirs.reference in of_college) == (of_college, True)


def test_a_part_of_the_identity_that_changes_is_told_too(house: House, file: UUID) -> None:
    change(house, file, address=CANARY)
    with house.session() as session:
        stub = Stub(family_name="Married", given_names="Generated")
        change_stub(session, house.caller, file, stub)
    assert sorted(one.fields for one in told(house, file)) == [("family-name",)] * 2 + [("personal.address",)] * 2


def test_what_is_taken_away_or_disposed_of_is_told_as_erased(house: House, file: UUID) -> None:
    change(house, file, address=None)
    assert {(one.recipient, one.change) for one in told(house, file)} == {("college", "erased"), ("research", "erased")}


def test_what_no_record_holds_any_more_is_told_when_records_go(house: House, file: UUID) -> None:
    house.run(
        "insert into record (council_id, id, file_id, record_class, medium, recorded_on, values)"
        " select council_id, gen_random_uuid(), file_id, record_class, medium, recorded_on, values from record"
        " where file_id = :f", f=file,
    )  # fmt: skip
    first, last = (row.id for row in house.all("select id from record where file_id = :f", f=file))
    for record_id, expected in ((first, []), (last, [("family-name", "personal.address")] * 2)):
        with house.session() as session:
            session.execute(text("delete from record where id = :r"), {"r": record_id})
            values_erased.send(session, ValuesErased([file]))
        assert [one.fields for one in told(house, file)] == expected
    with house.session() as session:
        values_erased.send(session, ValuesErased([file]))
    assert len(told(house, file)) == 2


def test_older_disclosures_count_too(house: House, file: UUID) -> None:
    house.disclose(file, fields=("personal.ni",))
    change(house, file, ni="QQ123456D", address=CANARY)
    assert {one.recipient: one.fields for one in told(house, file)} == {
        "college": ("personal.address", "personal.ni"), "research": ("personal.address",),
    }  # fmt: skip


def test_a_restriction_is_told_once_for_all_that_was_given(house: House, file: UUID) -> None:
    with house.session() as session:
        files_changed.send(session, FilesChanged([file], frozenset({"limit"})))
    assert told(house, file) == []
    house.limit(file)
    for _ in range(2):
        with house.session() as session:
            files_changed.send(session, FilesChanged([file], frozenset({"limit"})))
    assert [(one.change, one.fields) for one in told(house, file)] == [
        ("restricted", ("family-name", "personal.address"))
    ] * 2


def test_a_withdrawn_consent_is_told_to_whom_it_named(house: House) -> None:
    file = house.register(purposes=["stories"], address="1 Sample Street")
    for recipient in ("gazette", "college"):
        house.agree(file, "stories", recipient)
        house.disclose(file, recipient=recipient, purpose="stories", fields=("personal.address",))
    house.agree(file, "stories", "gazette", state="withdrawn")
    assert [(one.recipient, one.change) for one in told(house, file)] == [("gazette", "consent-withdrawn")]


def test_a_withdrawal_written_down_late_touches_nothing_given_on_a_later_consent(house: House) -> None:
    file = house.register(purposes=["stories"], address="1 Sample Street")
    early, late = (house.database.clock.now() - timedelta(days=days) for days in (5, 2))
    house.agree(file, "stories", "gazette", at=late)
    house.disclose(file, recipient="gazette", purpose="stories", fields=("personal.address",))
    house.agree(file, "stories", state="withdrawn", at=early)
    assert told(house, file) == []
    house.agree(file, "stories", state="withdrawn", at=late + timedelta(days=1))
    assert [one.recipient for one in told(house, file)] == ["gazette"]


def test_a_consent_that_is_refused_when_asked_again_is_taken_back_too(house: House) -> None:
    file = house.register(purposes=["stories"], address="1 Sample Street")
    house.agree(file, "stories", state="refused")
    assert told(house, file) == []
    house.agree(file, "stories", "college")
    house.disclose(file, purpose="stories", fields=("personal.address",))
    house.agree(file, "stories", state="refused")
    assert [(one.recipient, one.change) for one in told(house, file)] == [("college", "consent-withdrawn")]


def test_explicit_consent_that_is_withdrawn_is_told_of_what_only_it_allowed(house: House) -> None:
    """The disclosure rests on the public task; the health data in it left on explicit consent (UK GDPR Art 9(2)(a))."""
    conditions = [{"id": "health", "article": "9.2.a", "characteristics": ["health"], "purposes": ["support"]}]
    house.adopt(purposes={**ALL_PURPOSES, "condition": conditions})
    try:
        file = house.register(record_class="medical", health__condition="generated")
        house.agree(file, "support", "college", explicit=True)
        made = house.disclose(file, fields=("family-name", "health.condition"))
        assert (made.given, house.scalar("select rests_on from disclosure where id = :d", d=made.id)) == (1, "6.1.e")
        house.agree(file, "support", state="withdrawn")
        [one] = told(house, file)
        assert (one.recipient, one.change, one.fields) == ("college", "consent-withdrawn", ("health.condition",))
    finally:
        house.adopt()


def test_telling_goes_step_by_step_to_its_end(houses: tuple[House, House], file: UUID) -> None:
    house, theirs = houses
    change(house, file, address=CANARY)
    first, second = told(house, file)

    def note(which: NotificationView, outcome: Any, reason: str = "", by: House = house) -> None:
        with by.session() as session:
            settle(session, by.caller, which.id, outcome, reason)

    with pytest.raises(NotFound):
        note(first, "sent", by=theirs)
    with pytest.raises(Conflict):
        note(first, "acknowledged")
    note(first, "sent")
    note(first, "acknowledged")
    with pytest.raises(Conflict):
        note(first, "sent")
    with pytest.raises(InvalidInput):
        note(second, "impossible")
    note(second, "impossible", "the body was wound up")
    assert [one.state for one in told(house, file)] == ["acknowledged", "impossible"]
    with house.session() as session:
        assert file not in [one.file for one in notifications(session, house.caller, limit=200).items]
        figures = GAUGES[0].count(session)
    assert isinstance(figures, dict)
    assert set(figures) == {("to-send",), ("sent",)}


def test_a_sweep_tells_and_leaves_a_register_that_names_nobody(house: House, file: UUID, tmp_path: Path) -> None:
    line_ids = [row.id for row in house.all("select id from disclosure_line where file_id = :f", f=file)]
    retention = Retention(house.database, house.id, tmp_path)
    with house.session() as session:
        retention.milestones(session, [file], "case-closed", date(2019, 3, 1))
    house.run("update record set rule_hash = null where file_id = :f", f=file)
    retention.clock_all()
    retention.arm("case")
    assert retention.sweep().disposed == 1
    assert house.scalar("select count(*) from client_file where id = :f", f=file) == 0
    rows = house.all(
        "select l.file_id, n.change, n.fields, l::text || coalesce(n::text, '') as words from disclosure_line l"
        " left join recipient_notification n on n.council_id = l.council_id and n.line_id = l.id"
        " where l.id = any(:ids)", ids=line_ids,
    )  # fmt: skip
    assert [row.fields for row in rows if row.change == "erased"] == [["family-name", "personal.address"]] * 2
    assert {row.file_id for row in rows} == {None}
    assert not [row for row in rows if str(file) in row.words or "Sample" in row.words or "anary" in row.words]
