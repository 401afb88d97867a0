"""Generated schedules and histories: every thing that a clause can read, alone and together, at odd days too."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

from hypothesis import strategies as st

from muniment.api.clients import Cohort
from muniment.api.retention import Action, Alignment
from tests.integration.retention.reference import History

WHOSE = ["client", "client", "client", "client", "child", "parent"]
KINDS = ["case-closed", "case-closed", "last-contact", "last-contact", "request", "death"]
PROGRAMMES = ["bridge", "harbour"]
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
