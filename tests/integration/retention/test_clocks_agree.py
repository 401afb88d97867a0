"""The SQL and the plain reference come to the same state, days and action, whatever the rule and the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text, update

from muniment.api.clients import Cohort
from muniment.api.retention import Action, Alignment, RetentionDeclarations
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PERSON, PROGRAMME_FACT, RECORD
from muniment.database.ids import new_id
from muniment.database.registry import table_of
from muniment.retention.rules.clock_sql import set_clocks, with_ids
from muniment.retention.rules.compile import clocks
from muniment.retention.subjects import RECORDS
from muniment.retention.tables import Extension
from tests.integration.retention.kit import SERVICE, House, policy_of
from tests.integration.retention.reference import History, expected

WHOSE = ["client", "client", "client", "client", "child", "parent"]
KINDS = ["case-closed", "case-closed", "last-contact", "last-contact", "request", "death"]
PROGRAMMES = ["bridge", "harbour"]
EXTENSION = table_of(Extension)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ODD_DAYS = [date(2024, 2, 29), date(2023, 1, 31), date(2024, 12, 31), date(2023, 3, 31), date(2023, 8, 31)]

days = st.sampled_from(ODD_DAYS) | st.dates(date(1930, 1, 1), date(2060, 1, 1))
lengths = st.sampled_from(
    ["1 month", "1 year", "24 months", "7 years", "56 days", "1 year 6 months", "8 weeks 3 days", "36 hours",
     "20 working days", "1 month 1 working day"]
)  # fmt: skip
keeps = lengths | st.sampled_from(["permanent", "none", "variable", "2 years to 5 years", "9000 years"])


def without_none(**parts: Any) -> st.SearchStrategy[dict[str, Any]]:
    made = st.fixed_dictionaries(parts)
    return made.map(lambda found: {key: value for key, value in found.items() if value is not None})


def some_anchors() -> st.SearchStrategy[dict[str, Any]]:
    common = {
        "plus": st.none() | lengths,
        "align": st.none() | st.sampled_from(get_args(Alignment)),
    }
    happened = without_none(
        event=st.sampled_from([*KINDS, "collection"]),
        occurrence=st.sampled_from(["latest", "first"]),
        whose=st.sampled_from(WHOSE),
        in_words=st.none() | st.just("and nothing else"),
        **common,
    )
    noted = without_none(milestone=st.just("interview"), whose=st.none() | st.just("parent"), **common)
    birth = without_none(
        event=st.just("birth"),
        birthday=st.none() | st.integers(1, 100),
        whose=st.sampled_from(WHOSE),
        occurrence=st.sampled_from(["latest", "first"]),
        **common,
    )
    ended = without_none(event=st.just("programme-end"), programme=st.none() | st.sampled_from(PROGRAMMES), **common)
    fixed = without_none(on=days.map(date.isoformat), **common)
    single = st.one_of(happened, noted, birth, ended, fixed, st.just({"in_words": "when it is over"}))
    either = without_none(
        either=st.lists(single, min_size=2, max_size=3), occurrence=st.sampled_from(["latest", "first"]), **common
    )
    return st.one_of(single, single, either)


def named(strategy: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The same, told by a short name: what Hypothesis writes of a strategy would otherwise run to pages."""

    @st.composite
    def drawn(draw: st.DrawFn) -> dict[str, Any]:
        return draw(strategy)

    return drawn()


anchors = named(some_anchors())


conditions = named(
    st.recursive(
        st.one_of(
            st.sampled_from(KINDS).map(lambda kind: {"milestone": kind}),
            st.sampled_from(KINDS).map(lambda kind: {"no_milestone": kind}),
            st.sampled_from([*PROGRAMMES, "any"]).map(lambda name: {"in_programme": name}),
            st.sampled_from(["paper", "digital"]).map(lambda medium: {"medium": medium}),
            st.sampled_from([["yes"], ["no"], []]).map(lambda equals: {"field": "a.b", "equals": equals}),
            st.sampled_from(
                [{"more_than": 50}, {"at_least": 50}, {"less_than": 50}, {"at_least": 51, "less_than": 99}]
            ).map(lambda limits: {"field": "a.n", **limits}),
            st.just({"request": True}),
            st.sampled_from(["advice", "research"]).map(lambda purpose: {"purpose": purpose}),
            st.sampled_from(["identifiable", "pseudonymised"]).map(lambda form: {"form": form}),
            st.sampled_from(["carers", "learners", "others", "all"]).map(lambda cohort: {"cohort": cohort}),
            st.just({"in_words": "where it matters"}),
            without_none(anchor=anchors, before=st.none() | anchors, after=st.none() | anchors),
        ),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda several: {"either": several}),
            inner.map(lambda one: {"never": one}),
        ),
        max_leaves=4,
    )
)

COHORTS = (
    Cohort(id="carers", title="Carers", field="a.b", equals=("yes",)),
    Cohort(id="learners", title="Learners", in_programme="bridge"),
    Cohort(id="others", title="Others"),
    Cohort(id="all", title="All", field="a.b", in_programme="harbour"),
)
reviews = st.none() | lengths.map(lambda every: {"every": every})
holders = st.sampled_from([None, None, None, "a contractor"])
common = {
    "when": st.none() | conditions,
    "action": st.none() | st.sampled_from(get_args(Action)),
    "classes": st.none() | st.sampled_from([["case"], ["letter"]]),
}
clauses = named(
    st.one_of(
        without_none(
            keep=keeps,
            **{"from": st.none() | anchors},
            bound=st.none() | st.sampled_from(["exactly", "at-least", "at-most", "about"]),
            margin_days=st.none() | st.integers(0, 40),
            review=reviews,
            holder=holders,
            **common,
        ),
        without_none(**{"from": anchors}, review=reviews, in_words=st.none() | st.just("until it is over"), **common),
        without_none(
            refer=without_none(
                to=st.just("programme-notice"), id=st.sampled_from([None, "harbour"]), plus=st.none() | lengths
            ),
            **common,
        ),
        without_none(refer=st.just({"to": "guidance"}), **common),
        without_none(
            refer=without_none(to=st.just("class"), id=st.sampled_from(["note", "case"]), plus=st.none() | lengths),
            **common,
        ),
    )
)
periods = st.lists(
    without_none(
        programme=st.sampled_from(PROGRAMMES),
        title=st.just("A programme"),
        keep=st.none() | lengths | st.just("2 years to 5 years"),
        **{"from": st.none() | st.sampled_from([{"event": "programme-end"}, {"event": "case-closed"}])},
    ),
    max_size=2,
    unique_by=lambda period: period["programme"],
)


@st.composite
def rules(draw: st.DrawFn, name: str, classes: list[str]) -> dict[str, Any]:
    several = draw(st.lists(clauses, max_size=4))
    for place in range(1, len(several)):
        if draw(st.sampled_from([False, False, True])):
            earlier = draw(st.integers(0, place - 1))
            several[place]["from"] = {"stage": f"c{earlier}", **draw(without_none(plus=st.none() | lengths))}
    if classes == ["note"]:
        several = [{key: value for key, value in clause.items() if key != "classes"} for clause in several]
    return {
        "id": name,
        "classes": classes,
        "combine": draw(st.sampled_from(["longest", "earliest", "sequence"])),
        "cohorts": draw(st.sampled_from([[], [], [], ["learners"], ["carers", "others"]])),
        "clause": [{"id": f"c{number}", **clause} for number, clause in enumerate(several)],
    }


@st.composite
def retentions(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "defaults": draw(
            without_none(
                bound=st.none() | st.sampled_from(["at-least", "at-most"]),
                action=st.none() | st.just("review"),
                client=st.none() | st.just("child"),
                **{"from": st.none() | st.just({"event": "case-closed"})},
            )
        ),
        "class": [
            {"id": "case", "title": "Cases"},
            {"id": "letter", "title": "Letters", "form": "pseudonymised"},
            {"id": "note", "title": "Notes"},
        ],
        "rule": [draw(rules("all", ["case", "letter"])), draw(rules("notes", ["note"]))],
        "programme": draw(periods),
    }


@st.composite
def histories(draw: st.DrawFn) -> History:
    kinds = st.sampled_from([*KINDS, "birth", "interview"])
    happened = draw(st.lists(st.tuples(kinds, days, st.booleans(), st.sampled_from(WHOSE)), max_size=8))
    unique = {(kind, day, whose): (kind, day, own, whose) for kind, day, own, whose in happened}
    yes, no = {"v": "yes", "p": ["advice"]}, {"v": "no", "p": ["advice", "research"]}
    values: list[dict[str, Any]] = [{}, {"a.b": yes}, {"a.b": no}]
    values += [{"a.n": {"v": amount, "p": []}} for amount in ("50.00", "50.01", 51, "98.99", -3, "none")]
    return History(
        recorded_on=draw(days),
        medium=draw(st.sampled_from(["digital", "paper"])),
        born_on=draw(st.none() | days),
        milestones=list(unique.values()),
        enrolled=draw(st.lists(st.sampled_from([*PROGRAMMES, "other"]), unique=True, max_size=3)),
        values=draw(st.sampled_from(values)),
        stage=draw(st.sampled_from([0, 0, 1, 2])),
        reviewed_on=draw(st.none() | days),
        extended=draw(st.lists(st.tuples(days, st.booleans(), st.booleans()), max_size=2)),
    )


@st.composite
def single_clauses(draw: st.DrawFn) -> dict[str, Any]:
    """Six classes, each with one clause that reads one thing: nothing else decides, so that no mistake hides."""
    collected = {"event": "collection"}
    two = st.lists(st.sampled_from(["case-closed", "death", "request"]), min_size=2, max_size=2, unique=True)
    either = st.builds(
        lambda kinds, which: {"from": {"either": [{"event": kind} for kind in kinds], "occurrence": which}},
        two,
        st.sampled_from(["first", "latest"]),
    )
    read = st.one_of(
        either,
        st.fixed_dictionaries({"from": anchors}),
        st.fixed_dictionaries({"from": st.just(collected), "when": conditions}),
        st.sampled_from(["carers", "learners", "all"]).map(
            lambda cohort: {"from": collected, "when": {"cohort": cohort}}
        ),
    )
    clauses = draw(st.lists(read, min_size=6, max_size=6))
    classes = [f"class-{number}" for number in range(len(clauses))]
    return {
        "class": [{"id": name, "title": name} for name in classes],
        "rule": [
            {"id": name, "classes": [name], "clause": [{"id": "only", "keep": "1 month", **clause}]}
            for name, clause in zip(classes, clauses, strict=True)
        ],
    }


@st.composite
def eventful(draw: st.DrawFn) -> History:
    """A history in which everything has happened several times, to the client and to others, by them and by us."""
    history = draw(histories())
    for kind in sorted({*KINDS, "birth", "interview"}):
        for whose in ("client", "child", "parent"):
            found = draw(st.lists(st.tuples(days, st.booleans()), max_size=3, unique_by=lambda event: event[0]))
            history.milestones += [
                (kind, day, own, whose)
                for day, own in found
                if (kind, day, whose) not in {(of, on, theirs) for of, on, _, theirs in history.milestones}
            ]
    return history


def unless_in_a_programme() -> dict[str, Any]:
    """A clause for those who never joined a programme: a bare `not` before a column, which SQL brackets badly."""
    condition = {"never": {"in_programme": "harbour"}}
    clause = {"id": "c0", "keep": "1 year", "from": {"event": "collection"}, "when": condition, "action": "destroy"}
    classes = [{"id": "case", "title": "Cases"}, {"id": "letter", "title": "Letters"}]
    return {"class": classes, "rule": [{"id": "all", "classes": ["case", "letter"], "clause": [clause]}]}


def after_a_stage_of_which_nothing_is_known() -> dict[str, Any]:
    """A clause that counts from a stage whose condition nothing answers: a bare `not` again, of something unknown."""
    stages = [
        {
            "id": "c0",
            "keep": "2 years",
            "from": {"milestone": "interview"},
            "when": {"never": {"field": "a.n", "at_least": 50}},
        },
        {"id": "c1", "keep": "1 month", "from": {"stage": "c0"}},
    ]
    return {
        "class": [{"id": "note", "title": "Notes"}],
        "rule": [{"id": "notes", "classes": ["note"], "combine": "sequence", "clause": stages}],
    }


def reviewed_without_a_period() -> dict[str, Any]:
    """A clause with a review and no period: its working days count for the review alone."""
    first = {"on": "2023-03-31", "plus": "1 working day"}
    clause = {"id": "c0", "in_words": "until it is over", "from": first, "review": {"every": "1 month"}}
    return {
        "class": [{"id": "case", "title": "Cases"}],
        "rule": [{"id": "all", "classes": ["case"], "clause": [clause]}],
    }


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
            session.execute(set_clocks(clocks(policy)[key], RECORDS, with_ids(session, ids), house.clock.today()))
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
