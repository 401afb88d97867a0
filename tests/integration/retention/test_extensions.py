"""An officer keeps one person's records longer: it lengthens, never shortens, is told, and lets go by itself."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput
from muniment.database.signals import files_changed
from muniment.retention.approval import arming
from muniment.retention.clocks.current import on_files_changed
from muniment.retention.clocks.extending import NewExtension, extend, extensions, withdraw_extension
from muniment.retention.evidence.certificates import certificates
from muniment.retention.explain import explain
from tests.integration.retention.kit import RETENTION, House

CLOSED = date(2020, 5, 2)
BY_RULE, LATER, EARLIER = date(2023, 5, 2), date(2030, 1, 31), date(2027, 1, 1)


@pytest.fixture(autouse=True)
def listening() -> None:
    files_changed.subscribe(on_files_changed)


def placed(house: House, file_id: UUID, until: date = LATER, caller: Caller | None = None, **more: Any) -> UUID:
    new = NewExtension(until=until, reason="an appeal is expected", authoriser="team manager", **more)
    with house.session() as session:
        return extend(session, caller or house.caller, file_id, new)


def due(house: House) -> list[date | None]:
    return [row[0] for row in house.all("select due_on from record order by record_class, id")]


def closed_file(house: House, *records: str) -> UUID:
    house.adopt()
    file_id = house.file(*records, milestones={"case-closed": CLOSED})
    house.flush()
    return file_id


def test_it_lengthens_is_explained_and_is_withdrawn(house: House) -> None:
    file_id = closed_file(house, "case")
    assert due(house) == [BY_RULE]
    extension = placed(house, file_id)
    assert due(house) == [LATER]
    [record_id] = house.ids("select id from record")
    with house.session() as session:
        told = explain(session, house.caller, record_id)
        assert [entry.id for entry in extensions(session, house.caller, file_id)] == [extension]
    assert (told.state, told.due_on, told.rule_on) == ("dated", LATER, BY_RULE)
    assert told.extended == (
        "Extended until the end of 31 January 2030 (authorised by: team manager): an appeal is expected",
    )
    assert "By the rule alone it would be 2 May 2023." in told.sentence
    assert any("longer than we usually would" in line for line in told.for_person)
    with house.session() as session:
        withdraw_extension(session, house.caller, extension, "the appeal was dropped")
    assert due(house) == [BY_RULE]
    with house.session() as session, pytest.raises(Conflict):
        withdraw_extension(session, house.caller, extension, "again")


def test_it_never_shortens_and_the_longest_counts(house: House) -> None:
    house.adopt()
    file_id = house.file("case", milestones={"case-closed": date(2026, 5, 2)})
    house.flush()
    placed(house, file_id, EARLIER)
    assert due(house) == [date(2029, 5, 2)]
    placed(house, file_id, LATER)
    placed(house, file_id, date(2029, 12, 31))
    assert due(house) == [LATER]


def test_one_of_a_record_leaves_the_others_alone(house: House) -> None:
    file_id = closed_file(house, "case", "case")
    first, _ = sorted(house.ids("select id from record"))
    placed(house, file_id, record_id=first)
    assert sorted(filter(None, due(house))) == [BY_RULE, LATER]


def test_a_record_that_is_never_due_stays_so(house: House) -> None:
    house.adopt()
    file_id = house.file("case")
    house.flush()
    placed(house, file_id)
    assert due(house) == [None]


def test_a_sweep_keeps_what_is_extended_and_takes_it_when_the_day_is_over(house: House) -> None:
    file_id = closed_file(house, "case")
    placed(house, file_id, EARLIER)
    house.arm("case")
    assert house.sweep().disposed == 0
    house.clock.move_to(date(2027, 1, 1))
    assert house.sweep().disposed == 0
    house.clock.move_to(date(2027, 1, 2))
    assert house.sweep().disposed == 1
    assert house.scalar("select count(*) from extension") == 0


def manager(house: House) -> Caller:
    grants = {Permission.READ_CLIENTS: None, Permission.HOLD_RECORDS: None, Permission.READ_RETENTION: None}
    return Caller(house.caller.actor, house.id, grants)


def test_without_the_right_to_arm_only_where_the_rule_declares_it(house: House) -> None:
    file_id = closed_file(house, "case")
    with pytest.raises(Forbidden, match="declares no extension"):
        placed(house, file_id, caller=manager(house))
    case, *others = RETENTION["rule"]
    house.adopt(RETENTION | {"rule": [{**case, "extension": {"by": "team manager"}}, *others]})
    placed(house, file_id, caller=manager(house))
    assert due(house) == [LATER]


def test_a_day_that_has_passed_or_a_missing_reason_is_refused(house: House) -> None:
    file_id = closed_file(house, "case")
    with pytest.raises(InvalidInput, match="past"):
        placed(house, file_id, date(2020, 1, 1))
    blank = NewExtension(until=LATER, reason=" ", authoriser="team manager")
    with house.session() as session, pytest.raises(InvalidInput, match="reason"):
        extend(session, house.caller, file_id, blank)


def limited(**limits: Any) -> dict[str, Any]:
    """The schedule with an extension declared for cases, within limits."""
    cases, *others = RETENTION["rule"]
    return {**RETENTION, "rule": [{**cases, "extension": {"by": "the team manager", **limits}}, *others]}


def test_a_rule_limits_how_much_longer(house: House) -> None:
    house.adopt(limited(at_most="5 years"))
    file_id = house.file("case", milestones={"case-closed": CLOSED})
    running = house.file("case")
    house.flush()
    with pytest.raises(InvalidInput, match="5 years longer than its own last day at most"):
        placed(house, file_id, date(2028, 5, 3))
    with pytest.raises(InvalidInput, match="5 years"):
        placed(house, running)
    placed(house, file_id, date(2028, 5, 2))
    with pytest.raises(InvalidInput, match="5 years"):
        placed(house, file_id, date(2028, 5, 3))  # from the rule's own day, not from the last extension's
    assert due(house) == [date(2028, 5, 2), None]


def test_a_rule_lets_records_be_extended_once(house: House) -> None:
    house.adopt(limited(once=True))
    file_id = house.file("case", milestones={"case-closed": CLOSED})
    house.flush()
    first = placed(house, file_id)
    with pytest.raises(InvalidInput, match="kept longer once"):
        placed(house, file_id, date(2031, 1, 31))
    with house.session() as session:
        withdraw_extension(session, house.caller, first, "entered by mistake")
    placed(house, file_id, date(2031, 1, 31))
    assert due(house) == [date(2031, 1, 31)]


def test_the_preview_and_certificates_say_what_extensions_keep(house: House) -> None:
    file_id = closed_file(house, "case", "case")
    gone = house.file("case", milestones={"case-closed": CLOSED})
    recent = house.file("case", milestones={"case-closed": date(2026, 1, 1)})  # nothing of it is due by its rule
    house.flush()
    placed(house, file_id)
    placed(house, recent)
    with house.session() as session:
        seen = arming.preview(session, house.caller, "advice/case")
    assert (seen.stored, seen.due, seen.extended) == (4, 1, 2)
    house.arm("case")
    house.sweep()
    assert gone not in house.ids("select file_id from record")
    with house.session() as session:
        (issued,) = certificates(session, house.caller)
    assert (issued.disposed, issued.kept, issued.extended) == (1, 0, 2)
    assert house.scalar("select preview ->> 'extended' from arming") == "2"
    house.clock.move_to(date(2030, 2, 1))
    with house.session() as session:
        assert arming.preview(session, house.caller, "advice/case").extended == 0
