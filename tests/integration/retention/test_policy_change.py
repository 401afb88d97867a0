"""Rules come and go while facts change and passes are cut off: what a sweep may take is what the rule in force says.

The yardstick is the plain reference, asked about every record after every step.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from muniment.clients.facts import RECORD
from muniment.policy.store import adopt
from muniment.retention.clocks.progress import Progress, progress
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.rules.clocked import is_clocked
from muniment.retention.rules.compile import clocks
from muniment.retention.subjects import RECORDS
from tests.integration.retention.kit import House, policy_of
from tests.integration.retention.policy_model import CASE, CLOSED, FILES, POLICIES, begin, rule, steps, walk

EXAMPLES = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@given(taken=st.lists(steps, min_size=3, max_size=8))
@example(taken=[("adopt", 1), ("chunk", 7), ("late", 1, date(2024, 2, 29), 4, 2), ("adopt", 0)])
@example(taken=[("late", 6, date(2024, 2, 29), 2, 2), ("finish",)])
@example(taken=[("late", 6, date(2024, 2, 29), 1, 2), ("finish",)])
@example(
    taken=[
        ("adopt", 3),
        ("note", 1, date(2022, 6, 30)),
        ("finish",),
        ("adopt", 0),
        ("finish",),
        ("end", date(2019, 3, 1)),
        ("adopt", 3),
    ]
)
@example(taken=[("end-late", date(2019, 3, 1), 3)])
@example(
    taken=[
        ("adopt", 1),
        ("chunk", 4),
        ("adopt", 6),
        ("dead", 1, date(2022, 6, 30)),
        ("note", 6, date(2022, 6, 30)),
        ("adopt", 1),
        ("finish",),
    ]
)
@settings(parent=EXAMPLES, max_examples=5)
def test_whatever_comes_between_only_what_the_rule_in_force_says_counts_as_clocked(
    house: House, taken: list[tuple[Any, ...]]
) -> None:
    walk(house, taken)


@pytest.mark.slow
@given(taken=st.lists(steps, min_size=5, max_size=40))
@settings(parent=EXAMPLES, max_examples=60)
def test_whatever_comes_between_at_length(house: House, taken: list[tuple[Any, ...]]) -> None:
    walk(house, taken)


def test_rows_whose_day_stays_are_not_written_and_count_once_every_row_was_looked_at(house: House) -> None:
    model = begin(house)
    written = "select id, ctid::text, rule_hash from record order by id"
    before = house.all(written)
    model.adopt(1)
    model.chunk(4)
    assert (seen(house), clocked(house)) == (Progress(CASE, 4, FILES), 0)
    model.chunk(2, killed=True)
    model.place = None  # another worker
    model.chunk(2)
    assert (seen(house), clocked(house)) == (Progress(CASE, 6, FILES), 0)
    model.finish()
    assert (seen(house), clocked(house)) == (Progress(CASE, FILES, FILES), FILES)
    assert house.all(written) == before
    house.arm("case")
    assert house.sweep().disposed == sum(model.answer(file).due_on is not None for file in model.files)


def test_the_chunk_that_comes_to_the_end_ends_the_pass(house: House) -> None:
    model = begin(house)
    model.adopt(1)
    model.chunk(FILES)
    assert clocked(house) == 0, "there may be more"
    model.adopt(6)
    model.place = None
    model.chunk(FILES + 1)
    assert clocked(house) == FILES


def test_a_rule_that_moves_some_days_writes_those_alone(house: House) -> None:
    model = begin(house)
    model.note(1, date(2024, 2, 29))  # nine years from 2015 come first
    written = "select file_id, ctid::text from record"
    before = dict(house.all(written))
    model.adopt(4)
    model.finish()
    after = dict(house.all(written))
    moved = {file for file in model.files if before[file] != after[file]}
    assert moved == {model.files[0], model.files[1]}
    model.check(done=True)


def test_a_change_that_began_before_an_adoption_is_clocked_at_once_by_the_rule_that_came_into_force(
    house: House,
) -> None:
    model = begin(house)
    model.note_late(0, date(2022, 6, 30), number=2, chunks=0)
    with house.session() as session:
        changed = select(RECORD.c.due_on, RECORD.c.rule_hash).where(RECORD.c.file_id == model.files[0])
        assert session.execute(changed).one() == (date(2027, 6, 30), clocks(policy_of(POLICIES[2]))[CASE].hash)
    model.check()


def test_what_a_reviewer_decides_about_is_written_under_each_rule(house: House) -> None:
    model = begin(house)
    model.adopt(5)
    model.finish()
    again = rule(CLOSED | {"action": "review"}, id="the-same-review")
    model.policy = again
    house.adopt_only(policy_of(again))
    model.finish()
    model.check(done=True)
    with house.session() as session:
        under = select(RECORD.c.rule_hash).where(RECORD.c.action == "review").distinct()
        assert session.scalars(under).all() == [clocks(policy_of(again))[CASE].hash]


def clocked(house: House) -> int:
    with house.session() as session:
        counted = select(func.count()).select_from(RECORD).where(is_clocked(session, RECORDS))
        return int(session.scalar(counted) or 0)


def seen(house: House) -> Progress:
    with house.session() as session:
        (found,) = progress(session, house.caller)
    return found


def test_two_workers_share_a_pass(house: House) -> None:
    model = begin(house)
    model.adopt(1)
    for _ in range(2):
        with house.session() as session:
            clock_stale(session, RECORDS, None, 2)
    with house.session() as session:
        assert adopt(session, policy_of(POLICIES[1]), house.clock, by="test") is False
    assert seen(house) == Progress(CASE, 4, FILES)
