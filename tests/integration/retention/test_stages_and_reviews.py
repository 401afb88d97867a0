"""Stages follow one another when what each asks for has been done; reviews come round while the period runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from muniment.api.errors import Conflict
from muniment.clients.facts import FILE
from muniment.retention.clocks.reviewing import note_review, reviews_due
from muniment.retention.clocks.stages import move_on
from muniment.retention.explain import explain
from muniment.retention.subjects import RECORDS
from tests.integration.retention.kit import RETENTION, House

CLOSED = date(2020, 5, 2)


def with_rule(**rule: Any) -> dict[str, Any]:
    _, *others = RETENTION["rule"]
    return {**RETENTION, "rule": [{"id": "case", "classes": ["case"], **rule}, *others]}


STAGES = with_rule(
    combine="sequence",
    clause=[
        {"id": "restrict", "keep": "1 year", "from": {"event": "case-closed"}, "action": "restrict"},
        {"id": "carers", "keep": "2 years", "from": {"event": "death"}, "when": {"milestone": "death"}},
        {"id": "destroy", "keep": "3 years", "from": {"event": "case-closed", "plus": "1 year"}},
    ],
)
REVIEWED = with_rule(
    clause=[
        {
            "id": "research",
            "keep": "20 years",
            "from": {"event": "case-closed"},
            "review": {"every": "5 years", "by": "head of research"},
        }
    ]
)


def clocked(house: House) -> Any:
    return tuple(house.all("select state, due_on, action, stage from record")[0])


def done(house: House) -> None:
    """What the stage asks for has been done to every record."""
    with house.session() as session:
        session.execute(select(FILE.c.id).with_for_update())
        move_on(session, RECORDS, list(house.ids("select id from record")))


def test_a_stage_that_is_done_hands_over_to_the_next_whose_condition_holds(house: House) -> None:
    house.adopt(STAGES)
    house.file("case", milestones={"case-closed": CLOSED})
    house.flush()
    assert clocked(house) == ("dated", date(2021, 5, 2), "restrict", None)
    done(house)
    assert clocked(house) == ("dated", date(2024, 5, 2), "destroy", 1)
    house.clock_all()
    assert clocked(house) == ("dated", date(2024, 5, 2), "destroy", 1)
    done(house)
    assert clocked(house) == ("unclocked", None, None, 3)
    [record_id] = house.ids("select id from record")
    with house.session() as session:
        assert explain(session, house.caller, record_id).sentence.startswith("Every stage of its rule is done")


def test_a_stage_that_was_passed_over_is_entered_when_its_condition_comes_true(house: House) -> None:
    house.adopt(STAGES)
    file_id = house.file("case", milestones={"case-closed": CLOSED})
    house.flush()
    done(house)
    with house.session() as session:
        house.milestones(session, [file_id], "death", date(2025, 1, 1))
        session.connection().exec_driver_sql("update record set rule_hash = null")
    house.clock_all()
    assert clocked(house) == ("dated", date(2027, 1, 1), "destroy", 1)


def test_reviews_come_round_from_the_last_one_and_stop_with_the_period(house: House) -> None:
    house.adopt(REVIEWED)
    house.file("case", milestones={"case-closed": CLOSED})
    house.flush()
    with house.session() as session:
        [seen] = reviews_due(session, house.caller)
        assert (seen.review_on, seen.due_on, seen.by) == (date(2025, 5, 2), date(2040, 5, 2), "head of research")
        assert note_review(session, house.caller, seen.record_id) == date(2031, 11, 20)
        assert reviews_due(session, house.caller) == ()
        with pytest.raises(Conflict):
            note_review(session, house.caller, seen.record_id)
    house.clock.move_to(date(2037, 1, 1))
    with house.session() as session:
        assert note_review(session, house.caller, seen.record_id) is None


def test_a_gap_in_the_period_is_no_gap_in_the_reviews(house: House) -> None:
    house.adopt(with_rule(clause=[{"id": "c", "keep": "20 years", "bound": "at-most", "review": {"every": "5 years"}}]))
    house.file("case", recorded_on=date(2021, 2, 1))
    house.flush()
    assert house.all("select state, due_on, review_on from record") == [("unclocked", None, date(2026, 2, 1))]


@pytest.mark.parametrize(
    ("last_day", "still_that_day", "over"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 28, 23, 59, tzinfo=UTC), datetime(2026, 3, 29, 0, 0, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, 59, tzinfo=UTC), datetime(2026, 3, 29, 23, 0, tzinfo=UTC)),
        (date(2026, 10, 24), datetime(2026, 10, 24, 22, 59, tzinfo=UTC), datetime(2026, 10, 24, 23, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 59, tzinfo=UTC), datetime(2026, 10, 26, 0, 0, tzinfo=UTC)),
    ],
)
def test_a_day_is_over_at_midnight_in_london_around_both_changes_of_the_clocks(
    house: House, last_day: date, still_that_day: datetime, over: datetime
) -> None:
    house.clock.move_to(date(2026, 3, 1))
    house.adopt(with_rule(clause=[{"id": "c", "keep": "none", "from": {"on": last_day.isoformat()}}]))
    house.file("case")
    house.flush()
    house.arm("case")
    house.clock.move_to(still_that_day)
    assert house.sweep().disposed == 0
    house.clock.move_to(over)
    assert house.sweep().disposed == 1
