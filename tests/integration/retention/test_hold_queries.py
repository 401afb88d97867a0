"""A hold by query keeps whatever matches when something is about to go; many holds are placed and ended as one."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, MunimentError, NotFound
from muniment.retention.disposal.sweep import Sweeper, begin_run, want_run
from muniment.retention.explain import explain
from muniment.retention.holds import placing
from muniment.retention.holds.cases import NewCase, PlacedCase, place_case, release_case
from muniment.retention.holds.placing import NewHold, Placed, holds, holds_to_review, place_hold, preview_query
from muniment.retention.holds.query import HoldQuery
from tests.integration.retention.kit import SERVICE, House, hold

OLD, NEW = date(2018, 3, 1), date(2021, 6, 30)
CASE = f"{SERVICE}/case"


def query(**asked: Any) -> HoldQuery:
    return HoldQuery(service=SERVICE, **asked)


def hold_matching(house: House, asked: HoldQuery, basis: str = "litigation") -> Placed:
    new = NewHold(
        scope="query", query=asked, basis=basis, ground="a claim", authoriser="solicitor", review_on=date(2027, 1, 1)
    )
    with house.session() as session:
        return place_hold(session, house.caller, new)


def hold_many(house: House, *targets: object, caller: Caller | None = None, **more: Any) -> PlacedCase:
    words = {"ground": "a claim", "authoriser": "solicitor", "review_on": date(2027, 1, 1), "scope": "file"}
    new = msgspec.convert(words | {"targets": [str(target) for target in targets]} | more, NewCase)
    with house.session() as session:
        return place_case(session, caller or house.caller, new)


@pytest.fixture
def ready(house: House) -> House:
    """Two due files and a due register that names the first; the second file alone is in a programme."""
    house.adopt()
    value = {"needs.housing": {"v": "yes", "s": "test", "on": "2018-03-01", "p": []}}
    first = house.file("case", recorded_on=OLD, milestones={"case-closed": OLD}, values=value)
    second = house.file("case", recorded_on=NEW, milestones={"case-closed": NEW}, enrolled=[("bridge", NEW)])
    house.register(OLD, first)
    house.register(NEW, second)
    house.flush()
    with house.session() as session:
        session.execute(text("update client_file set reference = 'C-1', reference_key = 'c1' where id = :id"),
                        {"id": first})  # fmt: skip
    house.arm("case", "attendance")
    return house


@pytest.mark.parametrize(
    ("asked", "records", "registers"),
    [
        (query(), 2, 2),
        (query(classes=("case",)), 2, 0),
        (query(classes=("attendance",)), 0, 2),
        (query(recorded_until=OLD), 1, 1),
        (query(recorded_from=date(2018, 3, 2), recorded_until=NEW), 1, 1),
        (query(recorded_from=date(2018, 3, 2), recorded_until=date(2021, 6, 29)), 0, 0),
        (query(opened_from=NEW), 1, 1),
        (query(opened_until=OLD, classes=("case",)), 1, 0),
        (query(milestone="case-closed"), 2, 2),
        (query(milestone="case-closed", milestone_until=OLD), 1, 1),
        (query(milestone="case-closed", milestone_from=NEW, opened_until=OLD), 0, 0),
        (query(programme="bridge"), 1, 1),
        (query(field="needs.housing", equals=("yes", "perhaps")), 1, 1),
        (query(field="needs.housing", equals=("no",)), 0, 0),
        (query(source="test"), 2, 2),
        (query(source="another"), 0, 0),
    ],
)
def test_what_matches_is_counted_held_and_nothing_else(
    ready: House, monkeypatch: pytest.MonkeyPatch, asked: HoldQuery, records: int, registers: int
) -> None:
    monkeypatch.setattr(placing, "check_query", lambda *_: None)  # the made-up policy declares no fields or sources
    with ready.session() as session:
        found = preview_query(session, ready.caller, asked)
    expected = {name: count for name, count in ((CASE, records), (f"{SERVICE}/attendance", registers)) if count}
    assert found == expected
    placed = hold_matching(ready, asked)
    assert (placed.by_class, placed.records) == (expected, records + registers)
    ready.sweep()
    assert ready.scalar("select count(*) from record") == records
    assert ready.scalar("select count(*) from register") == registers


def test_what_comes_in_later_and_matches_is_held_too(ready: House) -> None:
    hold_matching(ready, query(opened_until=OLD))
    late = ready.file("case", recorded_on=OLD, milestones={"case-closed": OLD})
    other = ready.file("case", recorded_on=NEW, milestones={"case-closed": OLD})
    ready.flush()
    ready.sweep()
    left = set(ready.ids("select id from client_file"))
    assert late in left
    assert other not in left


WRONG: list[tuple[HoldQuery, type[MunimentError]]] = [
    (HoldQuery(service="elsewhere"), NotFound),
    (query(classes=("nothing",)), NotFound),
    (query(recorded_from=NEW, recorded_until=OLD), InvalidInput),
    (query(milestone="no-such"), InvalidInput),
    (query(milestone_from=OLD), InvalidInput),
    (query(programme="no-such"), InvalidInput),
    (query(field="needs.housing", equals=("yes",)), InvalidInput),
    (query(field="needs.housing"), InvalidInput),
    (query(equals=("yes",)), InvalidInput),
    (query(source="no-such"), InvalidInput),
]


def test_a_query_names_what_the_policy_has(ready: House, subtests: pytest.Subtests) -> None:
    for asked, error in WRONG:
        with subtests.test(asked=msgspec.json.encode(asked).decode()), pytest.raises(error):
            hold_matching(ready, asked)


def test_a_hold_has_a_ground_of_the_list_and_explain_tells_each(ready: House) -> None:
    with pytest.raises(InvalidInput, match="litigation"):
        hold_matching(ready, query(), basis="because")
    hold_matching(ready, query(recorded_until=OLD))
    record_id = ready.scalar("select id from record where recorded_on = :day", day=OLD)
    hold(ready, "record", record_id)
    hold(ready, "class", CASE)
    with ready.session() as session:
        blocks = explain(session, ready.caller, record_id).blocks
    told = [block.split(":")[0] for block in blocks]
    assert told == [
        f"a hold stands on it ({words})" for words in ("query, litigation", "record, other", "class, other")
    ]
    other = ready.scalar("select id from record where recorded_on = :day", day=NEW)
    with ready.session() as session:
        assert [block[:28] for block in explain(session, ready.caller, other).blocks] == [
            "a hold stands on it (class, "
        ]


def test_a_query_needs_the_permission_for_its_service(ready: House, councils: tuple[UUID, UUID]) -> None:
    elsewhere = Caller(ready.caller.actor, ready.id, {Permission.HOLD_RECORDS: frozenset({"another"})})
    with ready.session() as session, pytest.raises(Forbidden):
        preview_query(session, elsewhere, query())
    theirs = House(ready.database, councils[1], ready.ledger_dir)
    theirs.adopt()
    hold_matching(theirs, query())
    assert ready.sweep().kept == 0


def test_holds_whose_day_of_review_has_come_are_listed(ready: House) -> None:
    placed = hold_matching(ready, query())
    with ready.session() as session:
        assert holds_to_review(session, ready.caller) == ()
        session.execute(text("update hold set review_on = '2026-11-20'"))
    with ready.session() as session:
        (found,) = holds_to_review(session, ready.caller)
    assert (found.id, found.query, found.basis) == (placed.id, query(), "litigation")


def test_a_case_answers_for_every_line_and_ends_as_one(ready: House) -> None:
    first, second = ready.ids("select id from client_file order by opened_on")
    case = hold_many(ready, "c 1", second, first, uuid4(), "C-99", basis="inquiry")
    assert [(line.line, bool(line.hold_id), line.problem) for line in case.lines] == [
        (1, True, ""), (2, True, ""), (3, False, "repeated"), (4, False, "unknown"), (5, False, "unknown")
    ]  # fmt: skip
    assert case.placed == 2
    assert ready.sweep().kept == 4
    more = hold_many(ready, *ready.ids("select id from record"), scope="record", case_id=case.case_id)
    assert (more.case_id, more.placed) == (case.case_id, 2)
    with ready.session() as session:
        assert release_case(session, ready.caller, case.case_id, "the inquiry is over") == 4
        assert holds(session, ready.caller) == ()
        with pytest.raises(Conflict):
            release_case(session, ready.caller, case.case_id, "again")
        with pytest.raises(NotFound):
            release_case(session, ready.caller, uuid4(), "unknown")
    assert ready.sweep().disposed == 4


@pytest.mark.parametrize("scope", ["person", "record"])
def test_a_case_of_persons_or_records(ready: House, scope: str) -> None:
    table = {"person": "select person_id from client_file", "record": "select id from register"}[scope]
    case = hold_many(ready, *ready.ids(table), "nonsense", scope=scope)
    assert [line.problem for line in case.lines] == ["", "", "unknown"]
    ready.sweep()
    assert ready.scalar("select count(*) from register") == 2
    assert ready.scalar("select count(*) from record") == (2 if scope == "person" else 0)


def test_several_files_of_one_reference_are_told_and_none_is_held(ready: House) -> None:
    with ready.session() as session:
        session.execute(text("update client_file set reference_key = 'c1', issuer = id::text"))
    assert [line.problem for line in hold_many(ready, "C-1").lines] == ["ambiguous"]


def test_a_case_holds_nothing_that_is_another_councils_or_forbidden(ready: House, councils: tuple[UUID, UUID]) -> None:
    files = list(ready.ids("select id from client_file"))
    theirs = House(ready.database, councils[1], ready.ledger_dir)
    theirs.adopt()
    assert {line.problem for line in hold_many(theirs, *files, "C-1").lines} == {"unknown"}
    elsewhere = Caller(ready.caller.actor, ready.id, {Permission.HOLD_RECORDS: frozenset({"another"})})
    assert {line.problem for line in hold_many(ready, *files, caller=elsewhere).lines} == {"forbidden"}
    assert ready.scalar("select count(*) from hold") == 0


def test_thousands_are_held_in_one_call(ready: House) -> None:
    files = [ready.file("case", milestones={"case-closed": NEW}) for _ in range(2_000)]
    ready.flush()
    ready.arm("case")
    case = hold_many(ready, *files)
    assert case.placed == 2_000
    assert ready.sweep().kept == 2_000
    with ready.session() as session:
        assert release_case(session, ready.caller, case.case_id, "settled") == 2_000


def test_a_query_placed_while_three_sweepers_work_wins_from_its_commit_on(house: House) -> None:
    """What the answer says was held then is there afterwards, and what had gone is accounted for to the record."""
    house.adopt()
    for number in range(240):
        house.file("case", milestones={"case-closed": date(2019, 1, 1 + number % 28)})
    house.flush()
    house.arm("case")
    with house.session() as session:
        run_id = want_run(session)
        begin_run(session)
    begun = threading.Event()

    def sweep() -> None:
        sweeper = Sweeper(house.database, house.id, house.ledger, files=4, told=lambda _: begun.set())
        while sweeper.work(run_id):
            pass

    sweepers = [threading.Thread(target=sweep) for _ in range(3)]
    for sweeper in sweepers:
        sweeper.start()
    assert begun.wait(60)
    placed = hold_matching(house, query(milestone="case-closed"))
    for sweeper in sweepers:
        sweeper.join()
    assert house.scalar("select count(*) from record") == placed.records
    assert placed.gone.get(CASE, 0) + placed.records == 240
    assert 0 < placed.records < 240, "the hold came too late or too early: the race proves nothing"
    proved = "select sum(disposed) from certificate where id = any(:ids)"
    assert house.scalar(proved, ids=list(placed.certificates)) == placed.gone[CASE]
