"""Records that are made anonymous: an intruder who has all that is left learns nothing about anybody.

The intruder is given more than anybody has: the whole database as a superuser sees it with its own marks, the erasure
ledger, every certificate and audit event, what the statistics showed before and after each sweep, and of each person
everything that was ever stored but for the one thing to be found out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from muniment.api.clients import Category, Choice, Field
from muniment.clients.facts import RECORD
from muniment.database.ids import new_id
from muniment.policy.shapes import contradictions
from muniment.policy.store import adopt
from muniment.retention.disposal import chunk as chunks
from muniment.retention.disposal.anonymising import statistics
from muniment.retention.disposal.restore import apply_again
from muniment.retention.evidence.certificates import certificates
from tests.integration.retention.kit import RETENTION, House, hold, policy_of
from tests.integration.retention.test_evidence import restored

CLOSED = date(2019, 5, 2)


def choices(*names: str) -> tuple[Choice, ...]:
    return tuple(Choice(id=name, title=name) for name in names)


CATEGORIES = (
    Category(
        id="about",
        title="About",
        fields=(
            Field(id="sex", title="Sex", type="choice", choices=choices("f", "m", "x")),
            Field(id="need", title="Need", type="choice", choices=choices("work", "debt", "asylum")),
            Field(id="note", title="Note", type="long-text"),
            Field(id="ni", title="NI number", type="ni-number"),
        ),
    ),
    Category(
        id="health",
        title="Health",
        kind="special",
        characteristic="health",
        fields=(Field(id="ill", title="Ill", type="choice", choices=choices("yes", "no", "rare")),),
    ),
)
KEEP = ["born-on", "about.sex", "about.need", "postcode", "health.ill"]


def rule(keep: list[str] | None = KEEP) -> dict[str, Any]:
    clause: dict[str, Any] = {"id": "years", "keep": "1 year", "from": {"event": "case-closed"}, "action": "anonymise"}
    if keep is not None:
        clause["keep_fields"] = keep
    _, *others = RETENTION["rule"]
    classes = [{**entry, "categories": ["about", "health"]} for entry in RETENTION["class"]]
    return {"class": classes, "rule": [{"id": "case", "classes": ["case"], "clause": [clause]}, *others]}


@dataclass(frozen=True)
class Somebody:
    """A person, with what the intruder knows and (`ill`) is after."""

    file_id: UUID
    facts: dict[str, str]
    ill: str


def somebody(
    house: House, *, born: int = 1990, sex: str = "f", need: str = "work", postcode: str = "L1 1AA", ill: str = "no"
) -> Somebody:
    values = {
        "about.sex": sex,
        "about.need": need,
        "health.ill": ill,
        "about.note": "canary-note",
        "about.ni": "canary-ni",
    }
    stored = {name: {"v": value, "s": "client", "on": "2019-01-01", "p": ["advice"]} for name, value in values.items()}
    day = date(2019, 1, 1)
    file_id = house.file(
        "case", "letter", values=stored, milestones={"case-closed": CLOSED}, recorded_on=day, born_on=date(born, 6, 1)
    )
    made = house._made.rows
    next(row for table, rows in made.items() if table.name == "client_file" for row in rows if row["id"] == file_id)[
        "postcode"
    ] = postcode
    [letter] = [row for table, rows in made.items() if table.name == "record" for row in rows
                if row["file_id"] == file_id and row["record_class"] == "advice/letter"]  # fmt: skip
    letter["values"] = {}
    age = 2019 - born - 1
    band = "90 or older" if age >= 90 else f"{age // 10 * 10} to {age // 10 * 10 + 9}"
    facts = {"year": "2019", "born-on": band, "about.sex": sex, "about.need": need, "postcode": postcode.rstrip("1 A")}
    return Somebody(file_id, facts, ill)


def adopted(house: House, retention: dict[str, Any]) -> None:
    policy = policy_of(retention, categories=CATEGORIES)
    assert list(contradictions(policy)) == []
    with house.session() as session:
        adopt(session, policy, house.clock, by="test")
    house.clock_all()


def pool(house: House) -> Counter[str]:
    return Counter(dict(house.all("select facts, records from anonymous_count")))


def everything(house: House, engine: Engine) -> Iterator[tuple[str, str]]:
    """All rows of all tables with the database's own marks, and the ledger's lines."""
    with engine.connect() as connection:
        tables = connection.scalars(text("select tablename from pg_tables where schemaname = 'public'")).all()
        for table in tables:
            for row in connection.execute(text(f"select t.xmin::text, t.ctid::text, t.* from {table} t")):
                yield table, " ".join(map(str, row))
    yield "ledger", house.ledger.path.read_text()


def test_an_intruder_with_all_that_is_left_finds_nobody(house: House, superuser_engine: Engine) -> None:
    adopted(house, rule())
    crowd = [
        somebody(house, born=born, sex=sex, need=need, ill=ill)
        for born, sex, need, ill in product((1985, 1975), "fm", ("work", "debt"), ("yes", "no"))
        for _ in range(10)
    ]
    unlike = [
        somebody(house, born=1920),
        somebody(house, postcode="ZE1 1AA"),
        somebody(house, sex="x", need="asylum"),
        somebody(house, ill="rare"),
    ]
    alike = [somebody(house, born=1955, ill="yes") for _ in range(12)]  # all of one kind are ill
    house.flush()
    house.arm("case")
    run = house.sweep(files=1_000)
    assert run.disposed == len(crowd) + len(unlike) + len(alike)
    before = pool(house)
    # Somebody like many others, and somebody like nobody, each alone in a sweep.
    late: list[Somebody] = []
    for unlike_others in ({"born": 1985}, {"born": 1930, "sex": "x"}):
        late.append(somebody(house, ill="yes", **unlike_others))
        house.flush()
        assert house.sweep().disposed == 1
    after = pool(house)

    # It is of use: most combinations are there whole.
    whole = {facts: count for facts, count in before.items() if "health.ill" in json.loads(facts)}
    assert sum(whole.values()) >= 0.9 * len(crowd)
    assert sum(after.values()) == len(crowd) + len(unlike) + len(alike) + len(late)

    # Rare combinations: each line is shared by many.
    for facts, count in after.items():
        least = 10 if "health.ill" in json.loads(facts) else 5
        assert facts == "{}" or count >= least
    assert not any(word in facts for facts in after for word in ("rare", "90 or older", "ZE", "asylum", '"x"'))

    # Inference: whoever knows all else of a person, and looks at the lines that agree in most of it, is left with at
    # least two answers.
    for person in [*crowd, *unlike, *alike, *late]:
        fitting = [facts for facts in map(json.loads, after)
                   if all(facts[name] == person.facts[name] for name in facts if name != "health.ill")]  # fmt: skip
        most = max(len(facts.keys() - {"health.ill"}) for facts in fitting)
        fitting = [facts for facts in fitting if len(facts.keys() - {"health.ill"}) == most]
        answers = {facts.get("health.ill", "anything") for facts in fitting}
        assert "anything" in answers or len(answers) > 1

    # Counting: what a sweep of one person adds says nothing but that there was one.
    assert after - before == Counter({"{}": len(late)})

    # Time and order: every line carries the same mark, and lies where what it says puts it.
    with superuser_engine.connect() as connection:
        lines = connection.execute(text("select xmin::text, facts from anonymous_count order by ctid")).all()
    assert len({line.xmin for line in lines}) == 1
    assert [line.facts for line in lines] == sorted(line.facts for line in lines)
    columns = "select column_name from information_schema.columns where table_name = 'anonymous_count' order by 1"
    assert list(house.ids(columns)) == ["council_id", "facts", "record_class", "records"]

    # Keys and values: nothing of the records is anywhere, and no line beside the counts says what the counts say.
    keys = [json.dumps(facts) for facts in after if facts != "{}"]
    for table, row in everything(house, superuser_engine):
        assert "canary" not in row or table == "client_file", table
        if table != "anonymous_count":
            assert not any(key.strip('"') in row for key in keys), table
            assert "health.ill" not in row or table in ("adopted_policy", "policy_version"), table


def test_what_a_certificate_says_and_who_may_read_what_is_left(house: House) -> None:
    adopted(house, rule())
    for sex in "ffffffmmmmm":
        somebody(house, sex=sex)
    kept = somebody(house)
    house.flush()
    house.arm("case")
    hold(house, "file", kept.file_id)
    run = house.sweep()
    assert (run.disposed, run.kept) == (11, 1)
    with house.session() as session:
        [certificate] = certificates(session, house.caller)
        groups = statistics(session, house.caller, "advice/case")
    assert (certificate.action, certificate.disposed, certificate.kept) == ("anonymise", 11, 1)
    assert "counts" in certificate.method
    assert [(group.facts, group.records) for group in groups] == [
        ({"about.sex": "f", "year": "2019"}, 6),
        ({"about.sex": "m", "year": "2019"}, 5),
    ]
    assert "6 records" in groups[0].line


def test_after_a_restore_records_are_made_anonymous_again(house: House, superuser_engine: Engine) -> None:
    adopted(house, rule(None))
    for need in ("work", "debt"):
        for _ in range(6):
            somebody(house, need=need)
    house.flush()
    house.arm("case")
    with restored(house, superuser_engine):
        house.sweep()
        made = pool(house)
        assert made == Counter({f'{{"about.need":"{need}","year":"2019"}}': 6 for need in ("work", "debt")})
    with superuser_engine.begin() as connection:
        connection.execute(text("delete from anonymous_count"))
    with house.session() as session:
        assert apply_again(session, house.ledger).rows == 12
    assert pool(house) == made
    assert house.scalar("select count(*) from record where record_class = 'advice/case'") == 0
    with house.session() as session:
        assert apply_again(session, house.ledger).rows == 0
    assert pool(house) == made


def test_a_crash_leaves_all_or_nothing_and_paper_is_awaited(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    adopted(house, rule(None))
    for _ in range(5):
        somebody(house)
    house.flush()
    with house.session() as session:
        session.execute(
            text("update record set medium = 'paper', location = 'shelf' where record_class = 'advice/case'")
        )
    house.arm("case")

    def crash(*_: Any) -> None:
        raise ValueError("the worker is gone")

    with monkeypatch.context() as broken:
        broken.setattr(chunks, "tell", crash)
        assert house.sweep().parked == 5
    assert pool(house) == Counter()
    assert house.sweep().awaited == 5
    assert pool(house) == Counter({'{"year":"2019"}': 5})
    assert house.all("select distinct values, disposal from record where record_class = 'advice/case'") == [
        ({}, "awaiting")
    ]


def test_records_without_a_name_are_not_counted_as_so_many_persons(house: House) -> None:
    """Six records of one client, each in a file of its own since it was pseudonymised, are still of one."""
    names = {"id": "names", "keep": "none", "from": {"event": "case-closed"}, "action": "pseudonymise"}
    retention = rule(["about.sex"])
    retention["rule"][0] |= {"combine": "sequence", "clause": [names, *retention["rule"][0]["clause"]]}
    adopted(house, retention)
    client = somebody(house)
    for _ in range(5):
        house._made.add(RECORD, id=new_id(), file_id=client.file_id, record_class="advice/case", medium="digital",
                        recorded_on=date(2019, 1, 1), location=None, values={"about.sex": {"v": "m"}})  # fmt: skip
    house.flush()
    house.clock.move_to(CLOSED + timedelta(days=1))
    house.arm("case")
    assert house.sweep().changed == 6
    house.clock.move_to(date(2026, 11, 20))
    house.sweep()
    assert pool(house) == Counter({"{}": 6})


@pytest.mark.parametrize(
    ("clause", "says"),
    [
        ({"keep_fields": ["about.note"]}, "cannot stay"),
        ({"keep_fields": ["about.sex"], "action": "destroy"}, "the action is"),
    ],
)
def test_what_cannot_be_anonymous_is_told_before_anything_is_adopted(clause: dict[str, Any], says: str) -> None:
    retention = rule()
    retention["rule"][0]["clause"][0].update(clause)
    [finding] = contradictions(policy_of(retention, categories=CATEGORIES))
    assert finding.level == "error"
    assert says in finding.message
