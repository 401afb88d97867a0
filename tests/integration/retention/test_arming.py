"""Arming is of one rule by its hash, ends when a change makes too much due, and is explained."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from sqlalchemy import Date, insert, literal, select, text

from muniment.accounts.permissions import Permission
from muniment.api.errors import Conflict, Forbidden, NotFound
from muniment.api.periods import Period, add_period
from muniment.clients.facts import PROGRAMME_FACT
from muniment.clients.locks import tell
from muniment.database.errors import DatabaseBusy
from muniment.database.signals import ProgrammeChanged, files_changed
from muniment.retention.approval import arming
from muniment.retention.clocks.current import FEW, on_files_changed, on_programme_changed, past_period
from muniment.retention.disposal.chunk import BEGINNING, due_places
from muniment.retention.explain import explain
from muniment.retention.rules.clause_sql import added
from muniment.retention.subjects import RECORDS
from tests.integration.retention.kit import RETENTION, SERVICE, House, policy_of

CASE = f"{SERVICE}/case"
LONG_AGO = date(2019, 3, 1)


@pytest.mark.parametrize("day", [date(2024, 2, 29), date(2023, 1, 31), date(2024, 1, 30), date(2023, 12, 31)])
@pytest.mark.parametrize("months", [1, 12, 13, 48])
def test_a_day_that_does_not_exist_becomes_the_first_of_the_next_month(house: House, day: date, months: int) -> None:
    period = Period(months=months, days=3)
    with house.session() as session:
        assert session.scalar(select(added(literal(day, Date), period))) == add_period(day, period)


def another(**clause: Any) -> dict[str, Any]:
    changed = copy.deepcopy(RETENTION)
    changed["rule"][0]["clause"][0] |= clause
    return changed


def closed_now(house: House, files: list[UUID], day: date = LONG_AGO) -> None:
    """What a change by the domain of clients does: milestones, and telling those who listen."""
    files_changed.subscribe(on_files_changed)
    with house.session() as session:
        house.milestones(session, files, "case-closed", day)
        tell(session, files, "milestone")


@pytest.mark.parametrize(("stored", "due", "stays"), [(101, 101, False), (100, 100, True), (2100, 101, True)])
def test_many_newly_due_disarm(house: House, stored: int, due: int, stays: bool) -> None:
    house.adopt()
    files = [house.file("case") for _ in range(stored)]
    house.flush()
    house.arm("case")
    closed_now(house, files[:due])
    with house.session() as session:
        assert (arming.preview(session, house.caller, CASE).armed is not None) is stays
    assert house.sweep().disposed == (due if stays else 0)
    if not stays:
        house.arm("case")
        assert house.sweep().disposed == due


def test_a_change_of_very_many_files_at_once_disarms_when_they_are_clocked(house: House) -> None:
    """As an import of thousands: they are unset at once, so that nothing goes before somebody has looked."""
    house.adopt()
    files = [house.file("case") for _ in range(FEW + 1)]
    house.flush()
    house.arm("case")
    closed_now(house, files)
    assert house.sweep().disposed == 0
    house.clock_all(limit=200)
    assert house.sweep().disposed == 0
    assert ended(house) == ["newly-due"]


def test_the_end_of_a_programme_that_makes_many_due_disarms(house: House) -> None:
    house.adopt(another(**{"from": {"event": "programme-end"}}))
    for _ in range(101):
        house.file("case", enrolled=[("bridge", LONG_AGO)])
    house.flush()
    house.arm("case")
    with house.session() as session:
        fact = {"council_id": house.id, "programme": "bridge", "kind": "ended", "happened_on": LONG_AGO}
        session.execute(insert(PROGRAMME_FACT).values(fact))
        on_programme_changed(session, ProgrammeChanged("bridge"))
    assert house.sweep().disposed == 0
    house.clock_all()
    assert house.sweep().disposed == 0
    assert ended(house) == ["newly-due"]


def test_beside_a_chunk_what_becomes_due_is_counted_and_no_approval_ends(house: House) -> None:
    """A change locks its files and then counts; a chunk has the approvals and then locks files. Neither waits."""
    house.adopt()
    house.file("case")
    house.flush()
    house.arm("case")
    with house.session() as chunk:
        assert due_places(chunk, RECORDS, BEGINNING, 10) == []
        with house.session() as change:
            change.execute(text("set local lock_timeout = '1s'"))
            arming.note_newly_due(change, RECORDS, CASE, 1)
            assert change.scalar(select(arming.ARMING.c.newly_due)) == 1
            with pytest.raises(DatabaseBusy):
                arming.disarm(change, house.caller, CASE)
            change.rollback()


def ended(house: House) -> list[str]:
    return [row[0] for row in house.all("select ended_because from arming")]


def test_another_rule_is_not_armed_and_takes_nothing_before_it_has_clocked(house: House) -> None:
    house.adopt()
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    house.adopt(another(keep="4 years"))
    assert house.sweep().disposed == 0
    house.arm("case")
    assert house.sweep().disposed == 1


def test_an_adoption_ends_every_approval_that_it_replaces_in_one_line_of_the_ledger(house: House) -> None:
    house.adopt()
    classes = sorted(entry["id"] for entry in RETENTION["class"])
    can_be_due = []
    for name in classes:
        with house.session() as session:
            if arming.preview(session, house.caller, f"{SERVICE}/{name}").can_be_due:
                can_be_due.append(f"{SERVICE}/{name}")
    house.arm(*(key.partition("/")[2] for key in can_be_due))
    house.adopt({"class": RETENTION["class"], "rule": []})
    kept = [line.intent.evidence.get("arming") for line in house.ledger.chunks().values() if line.keeps]
    assert [sorted(row["record_class"] for row in rows) for rows in kept if rows] == [can_be_due]
    assert (
        house.scalar("select count(*) from audit_event where event = 'retention.rule.disarmed'") == len(can_be_due) > 1
    )


def test_what_was_looked_at_is_what_is_armed(house: House) -> None:
    house.adopt()
    with house.session() as session:
        seen = arming.preview(session, house.caller, CASE)
    house.adopt(another(keep="4 years"))
    with pytest.raises(Conflict), house.session() as session:
        arming.arm(session, house.caller, CASE, seen.rule_hash)
    with pytest.raises(NotFound), house.session() as session:
        arming.preview(session, house.caller, "advice/unknown")


def test_nothing_is_armed_while_records_wait_to_be_clocked(house: House) -> None:
    house.adopt()
    house.file("case")
    house.flush()
    house.adopt_only(policy_of(another(keep="4 years")))
    with house.session() as session:
        seen = arming.preview(session, house.caller, CASE)
    assert seen.by_state == {"unset": 1}
    with pytest.raises(Conflict, match="not been clocked"), house.session() as session:
        arming.arm(session, house.caller, CASE, seen.rule_hash)
    house.clock_all()
    house.arm("case")


@pytest.mark.parametrize("lacking", [Permission.ARM_RETENTION, Permission.READ_RETENTION])
def test_whoever_arms_a_rule_may_do_so_and_may_see_what_it_would_take(house: House, lacking: Permission) -> None:
    house.adopt()
    with house.session() as session:
        seen = arming.preview(session, house.caller, CASE)
    held = {name: services for name, services in house.caller.grants.items() if name is not lacking}
    with pytest.raises(Forbidden, match=lacking), house.session() as session:
        arming.arm(session, replace(house.caller, grants=held), CASE, seen.rule_hash)


def test_a_change_moves_the_day_in_its_own_transaction(house: House) -> None:
    house.adopt()
    file_id = house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    house.arm("case")
    closed_now(house, [file_id], date(2026, 1, 1))
    assert house.scalar("select due_on from record") == date(2029, 1, 1)
    assert house.sweep().disposed == 0


def test_only_files_wholly_beyond_their_period_count_as_such(house: House) -> None:
    house.adopt()
    past = house.file("case", milestones={"case-closed": LONG_AGO})
    mixed = house.file("case", "letter", recorded_on=date(2026, 6, 1), milestones={"case-closed": LONG_AGO})
    house.flush()
    with house.session() as session:
        assert past_period(session, [past, mixed]) == {past}


def test_an_explanation_names_the_clause_the_day_and_what_blocks(house: House) -> None:
    house.adopt()
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    record_id = house.scalar("select id from record")
    with house.session() as session:
        found = explain(session, house.caller, record_id)
    (clause,) = found.clauses
    assert (found.state, found.due_on, clause.decides) == ("dated", date(2022, 3, 1), True)
    assert clause.counts_from == "1 March 2019: case closed on 1 March 2019, from test, noted 1 March 2019"
    assert found.blocks == ("its rule is not armed",)
    house.adopt(another(**{"from": {"in_words": "when all is settled"}}))
    with house.session() as session:
        found = explain(session, house.caller, record_id)
    assert (found.state, found.due_on) == ("unclocked", None)
    assert "in words alone" in found.sentence
