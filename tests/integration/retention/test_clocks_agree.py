"""The SQL and the plain reference come to the same state, days and action, whatever the rule and the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text, update

from muniment.api.clients import Cohort
from muniment.api.retention import RetentionDeclarations
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PERSON, PROGRAMME_FACT, RECORD
from muniment.database.ids import new_id
from muniment.database.registry import table_of
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.clocking import clock
from muniment.retention.rules.compile import clocks
from muniment.retention.subjects import RECORDS
from muniment.retention.tables import Extension
from tests.integration.retention.generated_schedules import (
    COHORTS,
    PROGRAMMES,
    after_a_stage_of_which_nothing_is_known,
    days,
    eventful,
    histories,
    retentions,
    reviewed_without_a_period,
    single_clauses,
    unless_in_a_programme,
)
from tests.integration.retention.kit import SERVICE, House, policy_of
from tests.integration.retention.reference import History, expected

EXTENSION = table_of(Extension)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@example(retention=reviewed_without_a_period(), several=[History(date(2024, 2, 29))], ended={})
@example(retention=after_a_stage_of_which_nothing_is_known(), several=[History(date(2024, 2, 29), stage=1)], ended={})
@example(
    retention=unless_in_a_programme(),
    several=[History(date(2024, 2, 29)), History(date(2024, 2, 29), enrolled=["harbour"])],
    ended={},
)
@given(
    retention=retentions(),
    several=st.lists(histories(), min_size=1, max_size=6),
    ended=st.dictionaries(st.sampled_from(PROGRAMMES), days),
)
@settings(parent=EXAMPLES, max_examples=20)
def test_sql_and_reference_agree(
    house: House, retention: dict[str, Any], several: list[History], ended: dict[str, date]
) -> None:
    agree(house, retention, several, ended)


@given(
    retention=single_clauses(),
    several=st.lists(eventful(), min_size=4, max_size=6),
    ended=st.dictionaries(st.sampled_from(PROGRAMMES), days, min_size=1),
)
@settings(parent=EXAMPLES, max_examples=12)
def test_they_agree_on_each_thing_that_a_clause_reads(
    house: House, retention: dict[str, Any], several: list[History], ended: dict[str, date]
) -> None:
    agree(house, retention, several, ended)


@pytest.mark.slow
@given(
    retention=retentions(),
    several=st.lists(histories(), min_size=4, max_size=8),
    ended=st.dictionaries(st.sampled_from(PROGRAMMES), days),
)
@settings(parent=EXAMPLES, max_examples=400)
def test_they_agree_at_length(
    house: House, retention: dict[str, Any], several: list[History], ended: dict[str, date]
) -> None:
    agree(house, retention, several, ended)


def agree(
    house: House,
    retention: dict[str, Any],
    several: list[History],
    ended: dict[str, date],
    cohorts: Sequence[Cohort] = COHORTS,
) -> None:
    """The SQL says of each history what the reference says."""
    policy = policy_of(retention, cohorts=cohorts)
    declared = msgspec.convert(retention, RetentionDeclarations)
    session = house.database.council_session(house.id)
    with session:
        ids = []
        mine = {"council_id": house.id}
        for programme, day in ended.items():
            session.execute(insert(PROGRAMME_FACT).values(**mine, programme=programme, kind="ended", happened_on=day))
        for history in several:
            history.ended = ended
            ids.append(write(session, mine, history))
        for entry in declared.classes:
            class_id, key = entry.id, f"{SERVICE}/{entry.id}"
            fresh = {"record_class": key, "state": None, "due_on": None}
            session.execute(update(RECORD).where(RECORD.c.id.in_(ids)).values(fresh))
            clock(session, clocks(policy)[key], RECORDS, with_ids(session, ids), house.clock.today())
            found = session.execute(text("select id, state, due_on, action, review_on from record")).all()
            came = {row.id: tuple(row[1:]) for row in found}
            for record_id, history in zip(ids, several, strict=True):
                assert came[record_id] == expected(declared, class_id, history, cohorts)
        session.rollback()


def write(session: Any, mine: dict[str, Any], history: History) -> Any:
    person, file_id, record_id = new_id(), new_id(), new_id()
    session.execute(insert(PERSON).values(**mine, id=person))
    session.execute(
        insert(FILE).values(
            **mine, id=file_id, person_id=person, service=SERVICE, name_key="x", born_on=history.born_on,
            opened_on=history.recorded_on, source="test",
        )
    )  # fmt: skip
    session.execute(
        insert(RECORD).values(
            **mine, id=record_id, file_id=file_id, record_class="", medium=history.medium, stage=history.stage,
            recorded_on=history.recorded_on, values=history.values, reviewed_on=history.reviewed_on,
        )
    )  # fmt: skip
    noted = [
        {**mine, "id": new_id(), "file_id": file_id, "kind": kind, "whose": whose, "happened_on": day, "own_act": own,
         "source": "t", "noted_on": day}
        for kind, day, own, whose in history.milestones
    ]  # fmt: skip
    if noted:
        session.execute(insert(MILESTONE), noted)
    for until, alone, withdrawn in history.extended:
        placed = {"until": until, "reason": "r", "authoriser": "a role", "placed_at": NOW}
        placed |= {"record_id": record_id if alone else None, "ended_at": NOW if withdrawn else None}
        session.execute(insert(EXTENSION).values(**mine, id=new_id(), file_id=file_id, **placed))
    for programme in history.enrolled:
        session.execute(
            insert(ENROLMENT).values(**mine, file_id=file_id, programme=programme, started_on=date(2020, 1, 1))
        )
    return record_id
