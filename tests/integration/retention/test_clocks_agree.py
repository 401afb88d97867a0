"""The SQL and the plain reference come to the same state, day and action, whatever the rule and the history."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text, update

from muniment.api.retention import RetentionDeclarations
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PERSON, PROGRAMME_FACT, RECORD
from muniment.database.ids import new_id
from muniment.retention.rules.clock_sql import set_clocks, with_ids
from muniment.retention.rules.compile import clocks
from muniment.retention.subjects import RECORDS
from tests.integration.retention.kit import SERVICE, House, policy_of
from tests.integration.retention.reference import History, expected

KINDS = ["case-closed", "last-contact", "financial-support", "request", "death"]
PROGRAMMES = ["bridge", "harbour"]
ODD_DAYS = [date(2024, 2, 29), date(2023, 1, 31), date(2024, 12, 31), date(2023, 3, 31), date(2023, 8, 31)]

days = st.sampled_from(ODD_DAYS) | st.dates(date(1930, 1, 1), date(2060, 1, 1))
lengths = st.sampled_from(["1 month", "1 year", "24 months", "7 years", "56 days", "1 year 6 months", "8 weeks 3 days"])
keeps = lengths | st.sampled_from(["permanent", "none", "variable", "2 years to 5 years", "9000 years"])


def without_none(**parts: Any) -> st.SearchStrategy[dict[str, Any]]:
    made = st.fixed_dictionaries(parts)
    return made.map(lambda found: {key: value for key, value in found.items() if value is not None})


def anchors() -> st.SearchStrategy[dict[str, Any]]:
    common = {
        "plus": st.none() | lengths,
        "align": st.none()
        | st.sampled_from(["month-end", "calendar-year-end", "financial-year-end", "academic-year-end"]),
    }
    happened = without_none(
        event=st.sampled_from([*KINDS, "collection"]), occurrence=st.sampled_from(["latest", "first"]), **common
    )
    birth = without_none(
        event=st.just("birth"),
        birthday=st.none() | st.integers(1, 100),
        whose=st.sampled_from(["client", "client", "child"]),
        **common,
    )
    ended = without_none(event=st.just("programme-end"), programme=st.none() | st.sampled_from(PROGRAMMES), **common)
    fixed = without_none(on=days.map(date.isoformat), **common)
    return st.one_of(happened, birth, ended, fixed, st.just({"in_words": "when it is over"}))


conditions = st.recursive(
    st.one_of(
        st.sampled_from(KINDS).map(lambda kind: {"milestone": kind}),
        st.sampled_from(KINDS).map(lambda kind: {"no_milestone": kind}),
        st.sampled_from([*PROGRAMMES, "any"]).map(lambda name: {"in_programme": name}),
        st.sampled_from(["paper", "digital"]).map(lambda medium: {"medium": medium}),
        st.sampled_from([["yes"], ["no"], []]).map(lambda equals: {"field": "a.b", "equals": equals}),
        st.just({"request": True}),
        st.just({"in_words": "where it matters"}),
        without_none(anchor=anchors(), before=st.none() | anchors(), after=st.none() | anchors()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda several: {"either": several}),
        inner.map(lambda one: {"never": one}),
    ),
    max_leaves=4,
)

clauses = st.one_of(
    without_none(
        when=st.none() | conditions,
        keep=keeps,
        **{"from": st.none() | anchors()},
        bound=st.none() | st.sampled_from(["exactly", "at-least", "at-most", "about"]),
        action=st.none() | st.sampled_from(["destroy", "review", "archive"]),
        classes=st.none() | st.sampled_from([["case"], ["letter"]]),
    ),
    without_none(when=st.none() | conditions, refer=st.just({"to": "programme-notice"})),
    without_none(when=st.none() | conditions, refer=st.just({"to": "guidance"})),
)
periods = st.lists(
    without_none(
        programme=st.sampled_from(PROGRAMMES),
        title=st.just("A programme"),
        keep=st.none() | lengths,
        **{"from": st.none() | st.sampled_from([{"event": "programme-end"}, {"event": "case-closed"}])},
    ),
    max_size=2,
    unique_by=lambda period: period["programme"],
)


@st.composite
def retentions(draw: st.DrawFn) -> dict[str, Any]:
    several = draw(st.lists(clauses, max_size=4))
    return {
        "defaults": draw(
            without_none(
                bound=st.none() | st.just("at-least"),
                action=st.none() | st.just("review"),
                **{"from": st.none() | st.just({"event": "case-closed"})},
            )
        ),
        "class": [{"id": "case", "title": "Cases"}, {"id": "letter", "title": "Letters"}],
        "rule": [
            {
                "id": "all",
                "classes": ["case", "letter"],
                "combine": draw(st.sampled_from(["longest", "earliest", "sequence"])),
                "clause": [{"id": f"c{number}", **clause} for number, clause in enumerate(several)],
            }
        ],
        "programme": draw(periods),
    }


@st.composite
def histories(draw: st.DrawFn) -> History:
    happened = draw(st.lists(st.tuples(st.sampled_from(KINDS), days, st.booleans()), max_size=5))
    unique = {(kind, day): (kind, day, own) for kind, day, own in happened}
    return History(
        recorded_on=draw(days),
        medium=draw(st.sampled_from(["digital", "paper"])),
        born_on=draw(st.none() | days),
        milestones=list(unique.values()),
        enrolled=draw(st.lists(st.sampled_from([*PROGRAMMES, "other"]), unique=True, max_size=3)),
        values=draw(st.sampled_from([{}, {"a.b": {"v": "yes"}}, {"a.b": {"v": "no"}}])),
        stage=draw(st.sampled_from([0, 0, 1, 2])),
    )


def unless_in_a_programme() -> dict[str, Any]:
    """A clause for those who never joined a programme: a bare `not` before a column, which SQL brackets badly."""
    condition = {"never": {"in_programme": "harbour"}}
    clause = {"id": "c0", "keep": "1 year", "from": {"event": "collection"}, "when": condition, "action": "destroy"}
    classes = [{"id": "case", "title": "Cases"}, {"id": "letter", "title": "Letters"}]
    return {"class": classes, "rule": [{"id": "all", "classes": ["case", "letter"], "clause": [clause]}]}


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
@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_sql_and_reference_agree(
    house: House, retention: dict[str, Any], several: list[History], ended: dict[str, date]
) -> None:
    policy = policy_of(retention)
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
        for class_id in ("case", "letter"):
            key = f"{SERVICE}/{class_id}"
            for record_id, history in zip(ids, several, strict=True):
                fresh = {"record_class": key, "stage": history.stage, "state": None, "due_on": None}
                session.execute(update(RECORD).where(RECORD.c.id == record_id).values(fresh))
            session.execute(set_clocks(clocks(policy)[key], RECORDS, with_ids(ids), house.clock.today()))
            for record_id, history in zip(ids, several, strict=True):
                row = session.execute(
                    text("select state, due_on, action from record where id = :id"), {"id": record_id}
                ).one()
                assert tuple(row) == expected(declared, class_id, history)
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
            recorded_on=history.recorded_on, values=history.values,
        )
    )  # fmt: skip
    for kind, day, own in history.milestones:
        session.execute(
            insert(MILESTONE).values(
                **mine, id=new_id(), file_id=file_id, kind=kind, happened_on=day, own_act=own, source="t", noted_on=day
            )
        )
    for programme in history.enrolled:
        session.execute(
            insert(ENROLMENT).values(**mine, file_id=file_id, programme=programme, started_on=date(2020, 1, 1))
        )
    return record_id
