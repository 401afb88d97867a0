"""Two councils with the same clients: no function of the domain shows, changes or locks anything of the other's.

Two things keep them apart, the council named in every query and row-level security below it; either alone passes the
tests that go through the domain's functions. Those that ask the tables themselves fail without row-level security.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from muniment.api.errors import NotFound
from muniment.clients.events import NewEnrolment, NewMilestone, add_milestone, end_programme, enrol, remove_milestone
from muniment.clients.files import change_stub, open_file
from muniment.clients.importing.ledger import list_runs, open_run, take_run
from muniment.clients.locks import lock_files
from muniment.clients.people import everybody, join_persons, part_person
from muniment.clients.records import add_record, change_values
from muniment.clients.registers import NewEntry, NewRegister, add_register, change_entries, open_register
from muniment.clients.search import Search, search
from muniment.clients.stub import Stub
from muniment.database.session import CouncilSession
from tests.integration.clients.conftest import house, houses
from tests.integration.clients.kit import SERVICE, House, case, row

__all__ = ["house", "houses"]

DAY = date(2026, 3, 1)


class Theirs:
    """What the other council has."""

    def __init__(self, other: House) -> None:
        self.house = other
        self.file_id = other.register(reference="X-1")
        with other.session() as session:
            view = open_file(session, other.caller, self.file_id)
            self.person_id, self.record_id = view.person_id, view.records[0].id
            context = other.context(session)
            noted = NewMilestone("last-contact", DAY, "client")
            self.milestone_id = add_milestone(session, other.caller, context, self.file_id, noted)
            self.register_id = add_register(session, other.caller, context, NewRegister(
                service=SERVICE, record_class="attendance", title="Course", held_on=DAY,
                entries=(NewEntry(True, self.file_id),),
            ))  # fmt: skip
        summary = other.take_in([row(1)])
        assert summary.run is not None
        self.run_id = summary.run
        self.state = other.state()


@pytest.fixture
def theirs(houses: tuple[House, House]) -> Theirs:
    return Theirs(houses[1])


Act = Callable[[CouncilSession, House, Theirs], object]
ACTS: dict[str, Act] = {
    "open": lambda s, h, t: open_file(s, h.caller, t.file_id),
    "stub": lambda s, h, t: change_stub(s, h.caller, t.file_id, Stub(family_name="Other")),
    "record": lambda s, h, t: add_record(s, h.caller, h.context(s), t.file_id, case()),
    "values": lambda s, h, t: change_values(s, h.caller, h.context(s), t.file_id, t.record_id, {}),
    "milestone": lambda s, h, t: add_milestone(
        s, h.caller, h.context(s), t.file_id, NewMilestone("last-contact", DAY, "client")
    ),
    "unset": lambda s, h, t: remove_milestone(s, h.caller, t.file_id, t.milestone_id),
    "enrol": lambda s, h, t: enrol(s, h.caller, t.file_id, NewEnrolment("skills", DAY)),
    "join": lambda s, h, t: join_persons(s, h.caller, t.person_id, t.person_id),
    "part": lambda s, h, t: part_person(s, h.caller, t.person_id),
    "register": lambda s, h, t: open_register(s, h.caller, t.register_id),
    "entries": lambda s, h, t: change_entries(s, h.caller, t.register_id, []),
    "entry": lambda s, h, t: add_register(
        s, h.caller, h.context(s), NewRegister(
            service=SERVICE, record_class="attendance", title="Course", held_on=DAY,
            entries=(NewEntry(True, t.file_id),),
        ),
    ),
    "run": lambda s, h, t: open_run(s, h.caller, t.run_id),
}  # fmt: skip


def test_what_is_theirs_is_not_found(house: House, theirs: Theirs, subtests: pytest.Subtests) -> None:
    for name, act in ACTS.items():
        with subtests.test(act=name):
            with pytest.raises(NotFound), house.session() as session:
                act(session, house, theirs)
            assert theirs.house.state() == theirs.state


def test_a_file_and_a_record_of_two_councils_do_not_mix(house: House, theirs: Theirs) -> None:
    mine = house.register()
    with pytest.raises(NotFound), house.session() as session:
        change_values(session, house.caller, house.context(session), mine, theirs.record_id, {})
    with pytest.raises(NotFound), house.session() as session:
        remove_milestone(session, house.caller, mine, theirs.milestone_id)
    with pytest.raises(NotFound):
        house.register(person_id=theirs.person_id)


def test_lists_and_locks_hold_nothing_of_theirs(house: House, theirs: Theirs) -> None:
    with house.session() as session:
        assert search(session, house.caller, Search(reference="X-1")).items == []
        assert search(session, house.caller, Search(family_name="C")).items == []
        assert lock_files(session, [theirs.file_id]) == {}
        assert everybody(session, theirs.person_id) == []
        assert list_runs(session, house.caller, 10) == []
        assert take_run(session) is None


def test_one_reference_may_be_known_to_both(houses: tuple[House, House]) -> None:
    mine, other = houses
    for each in houses:
        assert each.take_in([row(1), row(2)]).new == 2
    with other.session() as session:
        session.execute(text("delete from record"))
        session.execute(text("delete from client_file"))
    assert other.take_in([row(1), row(2)]).suppressed == 2
    assert mine.take_in([row(1), row(2)]).unchanged == 2
    mine_digests = {bytes(entry.digest) for entry in mine.all("select digest from import_memory")}
    assert mine_digests.isdisjoint(bytes(entry.digest) for entry in other.all("select digest from import_memory"))


def test_the_end_of_a_programme_is_each_councils_own(house: House, theirs: Theirs) -> None:
    with house.session() as session:
        end_programme(session, house.caller, "skills", DAY)
    assert house.scalar("select count(*) from programme_fact") == 1
    assert theirs.house.scalar("select count(*) from programme_fact") == 0


TABLES = ["person", "client_file", "record", "milestone", "register", "register_entry", "import_run", "import_memory"]


def test_no_row_of_theirs_is_seen(house: House, theirs: Theirs, subtests: pytest.Subtests) -> None:
    for table in TABLES:
        with subtests.test(table=table):
            assert house.scalar(f"select count(*) from {table}") == 0
            assert theirs.house.scalar(f"select count(*) from {table}") > 0


def test_a_key_of_theirs_cannot_be_pointed_at(house: House, theirs: Theirs, superuser_engine: Engine) -> None:
    """Row-level security does not guard foreign keys; the composite keys do, even for a superuser."""
    insert = text(
        "insert into record (council_id, id, file_id, record_class, medium, recorded_on)"
        " values (:c, gen_random_uuid(), :f, 'advice/case', 'digital', '2026-01-01')"
    )
    with pytest.raises(DBAPIError), superuser_engine.begin() as connection:
        connection.execute(insert, {"c": house.id, "f": theirs.file_id})


def test_new_records_cannot_be_written_for_them(house: House, theirs: Theirs) -> None:
    insert = text("insert into person (council_id, id) values (:c, gen_random_uuid())")
    with pytest.raises(DBAPIError), house.session() as session:
        session.execute(insert, {"c": theirs.house.id})
