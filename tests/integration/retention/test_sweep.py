"""The sweep disposes of what is due under an armed rule, proves it, and of nothing else."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import ARRAY, Date, Engine, Text, text, update
from sqlalchemy.dialects.postgresql import JSONB

from muniment.retention.disposal.erasing import CLOCK
from muniment.retention.evidence.certificates import CertificateView, certificates, merkle_root
from muniment.retention.subjects import SUBJECTS
from tests.integration.retention.kit import House, hold

LONG_AGO = date(2019, 3, 1)
FILLED = {Date: LONG_AGO, Text: "canary-4711", ARRAY: ["canary.4711"], JSONB: {"canary": {"v": "4711"}}}
RECENT = date(2026, 3, 1)


def test_nothing_goes_before_the_rule_is_armed(house: House) -> None:
    house.adopt()
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    assert house.sweep().disposed == 0
    house.arm("case")
    assert house.sweep().disposed == 1


def test_what_is_due_goes_with_its_stub_and_person_and_the_rest_stays(house: House) -> None:
    house.adopt()
    house.file("case", milestones={"case-closed": LONG_AGO})
    kept = house.file("case", milestones={"case-closed": RECENT})
    running = house.file("case")
    house.flush()
    house.arm("case")
    run = house.sweep()
    assert (run.state, run.disposed) == ("done", 1)
    assert set(house.ids("select id from client_file")) == {kept, running}
    assert house.scalar("select count(*) from person") == 2
    assert house.scalar("select count(*) from milestone") == 1


def test_a_certificate_commits_to_the_keys_and_names_nobody(house: House) -> None:
    house.adopt()
    for _ in range(3):
        house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    keys = house.ids("select id from record")
    run = house.sweep()
    with house.session() as session:
        (found,) = certificates(session, house.caller, run_id=run.id)
    assert (found.disposed, found.awaited, found.complete) == (3, 0, True)
    assert found.root == merkle_root(keys).hex()
    assert found.due_from == found.due_until == date(2022, 3, 1)
    assert house.scalar("select count(*) from audit_event where event = 'retention.certificate.issued'") == 1


def test_certificates_are_listed_the_newest_first_and_page_by_page(house: House) -> None:
    house.adopt()
    house.file("case", "letter", medium="digital", recorded_on=LONG_AGO, milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case", "letter")
    house.sweep()
    house.clock.move_to(house.clock.now() + timedelta(days=1))
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.sweep()
    with house.session() as session:
        every = certificates(session, house.caller)
        paged: list[CertificateView] = []
        before: tuple[datetime, UUID] | None = None
        while page := certificates(session, house.caller, before=before, limit=1):
            paged += page
            before = page[0].issued_at, page[0].id
    assert paged == list(every)
    assert [found.record_class for found in every if found.issued_at == every[0].issued_at] == ["advice/case"]
    assert len(every) == 3
    assert every[0].line.startswith(f"Certificate {every[0].id}: advice/case, rule case, 1 disposed of")


def test_a_second_run_does_nothing(house: House) -> None:
    house.adopt()
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    house.sweep()
    again = house.sweep()
    assert (again.state, again.disposed, again.chunks) == ("done", 0, 0)
    assert house.scalar("select count(*) from certificate") == 1


def test_chunks_of_two_come_to_the_same(house: House) -> None:
    house.adopt()
    for day in range(1, 8):
        house.file("case", "case", milestones={"case-closed": date(2020, 1, day)})
    house.flush()
    house.arm("case")
    run = house.sweep(files=2)
    assert (run.disposed, house.scalar("select count(*) from client_file")) == (14, 0)
    assert run.chunks == 4


def test_a_file_keeps_its_stub_while_a_record_is_left(house: House) -> None:
    house.adopt()
    file_id = house.file("case", "letter", medium="digital", recorded_on=LONG_AGO)
    house.flush()
    house.arm("case", "letter")
    assert house.sweep().disposed == 1
    assert house.ids("select id from client_file") == [file_id]


def test_a_person_stays_while_another_file_does(house: House) -> None:
    house.adopt()
    person = uuid4()
    with house.session() as session:
        session.execute(text("insert into person (council_id, id) values (:c, :p)"), {"c": house.id, "p": person})
    house.file("case", person=person, milestones={"case-closed": LONG_AGO})
    house.file("case", person=person)
    house.flush()
    house.arm("case")
    house.sweep()
    assert house.ids("select id from person") == [person]


@pytest.mark.parametrize("files", [1, 1_000], ids=["one by one", "at once"])
def test_a_person_goes_with_the_last_of_their_files(house: House, files: int) -> None:
    house.adopt()
    person = uuid4()
    with house.session() as session:
        session.execute(text("insert into person (council_id, id) values (:c, :p)"), {"c": house.id, "p": person})
    for closed_on in (LONG_AGO, LONG_AGO, date(2020, 1, 1)):
        house.file("case", "letter", medium="paper", person=person, milestones={"case-closed": closed_on})
    house.flush()
    house.arm("case")
    house.sweep(files=files)
    assert house.ids("select id from person") == [person], "letters are left"
    house.arm("letter")
    run = house.sweep(files=files)
    assert (run.disposed, run.awaited) == (0, 3)
    assert house.scalar("select count(*) from client_file") == 0
    assert house.scalar("select count(*) from person") == 0
    assert house.scalar("select count(*) from record where disposal = 'awaiting' and file_id is null") == 6


def test_a_register_goes_as_one(house: House) -> None:
    house.adopt()
    file_id = house.file("case")
    house.register(LONG_AGO, file_id)
    house.register(RECENT, file_id)
    house.flush()
    house.arm("attendance")
    assert house.sweep().disposed == 1
    assert house.scalar("select count(*) from register") == 1
    assert house.scalar("select count(*) from register_entry") == 1


def test_paper_is_emptied_and_awaits_destruction(house: House) -> None:
    house.adopt()
    house.file("letter", medium="paper", recorded_on=LONG_AGO, values={"a.b": {"v": "canary"}})
    house.flush()
    house.arm("letter")
    run = house.sweep()
    assert (run.disposed, run.awaited) == (0, 1)
    (row,) = house.all("select * from record")
    assert (row.file_id, row.values, row.disposal, row.location) == (None, {}, "awaiting", "shelf 3")
    assert (row.due_on, row.recorded_on) == (None, house.clock.today())
    assert house.scalar("select count(*) from client_file") == 0
    assert house.sweep().awaited == 0


def test_whatever_column_a_row_has_is_blank_once_it_has_been_emptied(house: House) -> None:
    house.adopt()
    file_id = house.file("letter", medium="paper", recorded_on=LONG_AGO)
    house.register(LONG_AGO, file_id)
    house.flush()
    house.arm("letter", "attendance")
    stays = {"council_id", "id", "record_class", "medium", "location", "disposal", "system", "external_key", "service"}
    for subject in SUBJECTS:
        table = subject.table
        blank = {column.name: None for column in table.c if column.nullable}
        filled = {name: FILLED[type(table.c[name].type)] for name in blank if name not in (*stays, *CLOCK, "file_id")}
        with house.session() as session:
            session.execute(update(table).values(medium="paper", reviewed_on=LONG_AGO, review_on=RECENT, **filled))
    assert house.sweep().awaited == 2
    for subject in SUBJECTS:
        [row] = house.all(f"select * from {subject.name}")
        left = {name: value for name, value in row._mapping.items() if value not in (None, "", {}, [])}
        assert set(left) <= stays | {subject.collected}
        assert (left[subject.collected], left["disposal"]) == (house.clock.today(), "awaiting")


@pytest.mark.parametrize("change", [date(2026, 3, 29), date(2026, 10, 25)], ids=["spring", "autumn"])
@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_a_record_goes_when_its_last_day_is_over_in_london(house: House, change: date, shift: int) -> None:
    last_day = change + timedelta(days=shift)
    house.clock.move_to(datetime(2026, 1, 5, 12, tzinfo=ZoneInfo("Europe/London")))
    house.adopt()
    house.file("letter", medium="digital", recorded_on=last_day.replace(year=last_day.year - 1))
    house.flush()
    house.arm("letter")
    london = ZoneInfo("Europe/London")
    house.clock.move_to(datetime(last_day.year, last_day.month, last_day.day, 23, 30, tzinfo=london))
    assert house.sweep().disposed == 0
    after = last_day + timedelta(days=1)
    house.clock.move_to(datetime(after.year, after.month, after.day, 0, 30, tzinfo=london))
    assert house.sweep().disposed == 1


def test_held_files_at_the_front_do_not_keep_a_sweep_from_what_lies_behind(house: House) -> None:
    house.adopt()
    front = [house.file("case", milestones={"case-closed": LONG_AGO}) for _ in range(60)]
    house.file("case", milestones={"case-closed": date(2021, 1, 1)})
    house.flush()
    house.arm("case")
    for file_id in front:
        hold(house, "file", file_id)
    assert house.sweep(files=2).disposed == 1


def test_a_file_whose_delete_takes_too_long_does_not_stop_the_others_night_after_night(
    house: House, superuser_engine: Engine
) -> None:
    house.adopt()
    slow, *others = (house.file("case", milestones={"case-closed": LONG_AGO}) for _ in range(3))
    house.flush()
    house.arm("case")
    with superuser_engine.begin() as connection:
        connection.execute(
            text(
                "create function dawdle() returns trigger language plpgsql"
                " as 'begin perform pg_sleep(9); return old; end'"
            )
        )
        connection.execute(
            text(
                "create trigger dawdle before delete on record for each row"
                f" when (old.file_id = '{slow}') execute function dawdle()"
            )
        )
    house.database.limits["statement_timeout"] = "250"
    run = house.sweep()
    assert (run.state, run.disposed, run.parked) == ("done", len(others), 1)
    assert house.ids("select id from client_file") == house.ids("select lock_id from parked") == [slow]
    assert house.scalar("select reason from parked") == "TookTooLong"
    assert house.scalar("select sum(disposed) from certificate") == len(others)
    with superuser_engine.begin() as connection:
        connection.execute(text("drop trigger dawdle on record"))
    assert house.sweep().disposed == 1


def test_a_row_that_ought_to_have_gone_and_is_left_undoes_its_file_alone(
    house: House, superuser_engine: Engine
) -> None:
    house.adopt()
    stubborn, other = (house.file("case", milestones={"case-closed": LONG_AGO}) for _ in range(2))
    house.flush()
    house.arm("case")
    with superuser_engine.begin() as connection:
        connection.execute(
            text("create function refuse() returns trigger language plpgsql as 'begin return null; end'")
        )
        connection.execute(
            text(
                "create trigger refuse before delete on record for each row"
                f" when (old.file_id = '{stubborn}') execute function refuse()"
            )
        )
    run = house.sweep()
    assert (run.disposed, run.parked) == (1, 1)
    assert house.ids("select id from client_file") == [stubborn] != [other]
    assert house.scalar("select sum(disposed) from certificate") == 1
    assert house.scalar("select reason from parked") == "Miscounted"
