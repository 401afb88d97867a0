"""What stays of records that are made anonymous is shared by many, or it does not stay."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from muniment.api.clients import Category, Choice, Field
from muniment.api.retention import Clause, RecordClass
from muniment.policy.special import Slot
from muniment.retention.rules.anonymity import Kept, Told, anonymous, kept_anonymous, kept_pseudonymous, told

KEPT = (Kept("sex", "value"), Kept("age", "age"), Kept("health", "value", sensitive=True))
FEWEST, SENSITIVE = 3, 5
ROWS = st.lists(
    st.builds(
        Told,
        st.integers(0, 25),
        st.tuples(
            st.sampled_from(["2020", "2021"]),
            st.sampled_from(["f", "m", None]),
            st.sampled_from(["20 to 29", "30 to 39", "90 or older"]),
            st.sampled_from(["yes", "no", None]),
        ),
    ),
    max_size=80,
)


def kept_of(rows: list[Told]) -> Counter[str]:
    return anonymous(rows, KEPT, fewest=FEWEST, fewest_sensitive=SENSITIVE)


@given(ROWS)
def test_every_record_is_counted_once_and_every_combination_is_shared(rows: list[Told]) -> None:
    counts = kept_of(rows)
    assert sum(counts.values()) == len(rows)
    names = ("year", "sex", "age", "health")
    for written, count in counts.items():
        facts = json.loads(written)
        fitting = [row for row in rows if all(row.facts[names.index(name)] == facts[name] for name in facts)]
        assert len(fitting) >= count
        if facts:
            assert len({row.person for row in fitting}) >= (SENSITIVE if "health" in facts else FEWEST)


@given(ROWS)
def test_nothing_sensitive_follows_from_the_rest(rows: list[Told]) -> None:
    """Whoever knows all else of somebody still does not learn it: beside each answer another is kept."""
    cells = [json.loads(written) for written in kept_of(rows)]
    told_of = [facts for facts in cells if "health" in facts]
    for facts in told_of:
        rest = {name: value for name, value in facts.items() if name != "health"}
        assert len({other["health"] for other in told_of if {**rest, "health": other["health"]} == other}) > 1


@given(ROWS)
def test_what_all_have_in_common_is_told_of_none(rows: list[Told]) -> None:
    for place, name in ((1, "sex"), (2, "age"), (3, "health")):
        if len({row.facts[place] for row in rows}) == 1:
            assert not any(name in json.loads(written) for written in kept_of(rows))


def test_many_records_of_one_person_are_one_person() -> None:
    rows = [Told("same", ("2020", "f", "20 to 29", None)) for _ in range(50)]
    assert kept_of(rows) == Counter({"{}": 50})


def test_the_last_named_is_given_up_first() -> None:
    common = [Told(person, ("2020", "f" if person < 6 else "m", "20 to 29", None)) for person in range(12)]
    rare = [Told(20 + person, ("2020", "f", f"{person}0 to {person}9", None)) for person in range(4, 8)]
    assert kept_of(common + rare) == Counter(
        {
            '{"age":"20 to 29","sex":"f","year":"2020"}': 6,
            '{"age":"20 to 29","sex":"m","year":"2020"}': 6,
            '{"sex":"f","year":"2020"}': 4,
        }
    )


FIELDS = {
    "text": "text", "note": "long-text", "on": "date", "count": "integer", "flag": "boolean", "sex": "choice",
    "mail": "email", "phone": "phone", "code": "postcode", "ni": "ni-number", "paid": "money",
}  # fmt: skip
SLOTS = {
    f"a.{name}": Slot(
        Category(id="a", title="A"),
        Field(id=name, title=name, type=kind, choices=(Choice(id="f", title="F"),)),  # type: ignore[arg-type]
    )
    for name, kind in FIELDS.items()
} | {"b.ill": Slot(Category(id="b", title="B", kind="special"), Field(id="ill", title="Ill", type="boolean"))}
CASE = RecordClass(id="case", title="Cases", categories=("a", "b"))


def test_what_stays_by_itself_and_what_a_clause_can_name() -> None:
    by_itself = [kept.name for kept in kept_anonymous(SLOTS, CASE, Clause(id="x"))]
    assert by_itself == ["a.on", "a.count", "a.flag", "a.sex", "a.paid"]
    named = Clause(id="x", keep_fields=("b.ill", "postcode", "born-on", "a.note", "a.sex", "a.code", "a.ni"))
    assert [(kept.name, kept.how, kept.sensitive) for kept in kept_anonymous(SLOTS, CASE, named)] == [
        ("postcode", "area", False), ("born-on", "age", False), ("a.sex", "value", False), ("a.code", "area", False),
        ("b.ill", "value", True),
    ]  # fmt: skip
    under_a_code = {kept.name for kept in kept_pseudonymous(SLOTS, Clause(id="x", keep_fields=("a.note",)))}
    assert under_a_code == {"a.on", "a.count", "a.flag", "a.sex", "a.paid", "b.ill", "a.note"}


def test_facts_are_coarse() -> None:
    kept = kept_anonymous(SLOTS, CASE, Clause(id="x", keep_fields=("born-on", "postcode", *SLOTS)))
    stored = {"a.on": "2019-05-04", "a.count": 0, "a.flag": True, "a.sex": "f", "a.code": "pr8 1aa", "a.paid": "3417.5",
              "a.note": "canary", "a.text": "canary"}  # fmt: skip
    values = {name: {"v": value} for name, value in stored.items()}
    stub = {"born-on": date(2000, 2, 29), "postcode": "ZE1 0AA"}
    facts = dict(
        zip(("year", *(entry.name for entry in kept)), told(kept, date(2020, 2, 28), values, stub), strict=True)
    )
    assert facts == {
        "year": "2020", "born-on": "10 to 19", "postcode": "ZE", "a.on": "2019", "a.count": "0", "a.flag": "yes",
        "a.sex": "f", "a.code": "PR", "a.paid": "3000 to 3999", "b.ill": None,
    }  # fmt: skip
    for born, says in [(date(1900, 1, 1), "90 or older"), (date(2021, 1, 1), None), (date(2000, 2, 28), "20 to 29")]:
        assert told((Kept("born-on", "age"),), date(2020, 2, 28), {}, {"born-on": born})[1] == says
