"""Every retention row of the declared notices and schedules: it is declared as it is stated, and it comes to its days.

The rows in `rows/` were written from the documents and not from the declarations: what a row is about, its condition,
duration and unit as written, first day, bound, action, holder, review, reference and authority. Beside each stand days
worked out by hand; the database must come to the same. A row that states nothing that can be computed is unclocked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import insert

from muniment.api.retention import Anchor, Authority, Clause, Reference, RetentionRule, When
from muniment.api.text import say
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PERSON, PROGRAMME_FACT, RECORD, REGISTER, REGISTER_ENTRY
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.policy.compile import compile_policy
from muniment.policy.deciding import Proposal
from muniment.policy.model import Policy
from muniment.policy.store import adopt
from muniment.retention.explain import Explanation, explain
from tests.integration.retention.kit import House
from tests.policies import TEST_POLICIES, all_plugins

TODAY = date(2026, 11, 20)
FOLDER = Path(__file__).parent / "rows"
COUNCILS = ("milton-keynes", "sefton", *TEST_POLICIES)
NO_ROWS = {"rhondda-cynon-taf", "west-northamptonshire"}
"""Councils of whose notices no retention row was read."""


class Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"anchor": "from"}):
    """One clause of a row. `words` says that the row gives a criterion or a limit in words, which are not compared."""

    id: str
    when: str = ""
    keep: str = ""
    anchor: str = ""
    bound: str = ""
    action: str = ""
    refer: str = ""
    holder: str = ""
    review: str = ""
    authority: tuple[str, ...] = ()
    words: bool = False


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happened to somebody, and what the row (or one `clause` of it) then comes to.

    `given`: `recorded`, `born`, `medium`, `stage` and `values` of the record, `enrolled` programmes, and milestones by
    kind (`child/birth` for somebody else's). `comes` is a state, or a last day and an action. `decided` counts with the
    decisions at the head of the file.
    """

    comes: str
    given: dict[str, Any] = msgspec.field(default_factory=dict)
    clause: str = ""
    decided: bool = False
    record: str = ""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a schedule, or one sentence of a notice. `rule` is the service and the rule that declare it."""

    rule: str
    records: tuple[str, ...]
    clauses: tuple[Stated, ...] = msgspec.field(name="clause")
    examples: tuple[Example, ...] = msgspec.field(name="example")
    combine: str = "longest"
    extension: str = ""


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rows of one council, the programmes that have ended, and what it might decide where rows leave a gap."""

    rows: tuple[Row, ...] = msgspec.field(name="row")
    decisions: tuple[Proposal, ...] = msgspec.field(name="decision", default=())
    ended: dict[str, date] = {}


@cache
def rows_of(slug: str) -> Rows:
    if slug in NO_ROWS:
        return Rows(())
    return msgspec.convert(tomllib.loads((FOLDER / f"{slug}.toml").read_text()), Rows)


@cache
def policy_of(slug: str, *, decided: bool = False) -> Policy:
    decisions = [proposal.made_on(TODAY) for proposal in rows_of(slug).decisions] if decided else []
    return compile_policy(all_plugins().facade(slug), decisions, TODAY).sound()


def rule_of(policy: Policy, name: str) -> RetentionRule:
    service, _, rule_id = name.partition("/")
    return next(rule for rule in policy.service(service).retention.rules if rule.id == rule_id)


# --- What is declared, in the words that rows are written in. ---


def told_anchor(anchor: Anchor | None) -> str:
    if anchor is None:
        return ""
    told = str(anchor.on or anchor.event or anchor.milestone or "a day in words")
    if anchor.either:
        told = f"of {', '.join(map(told_anchor, anchor.either))}"
    if anchor.stage is not None:
        told = f"day of {anchor.stage}"
    if anchor.birthday is not None:
        told = f"birthday {anchor.birthday}"
    if anchor.occurrence == "first":
        told = f"first {told}"
    if anchor.whose != "client":
        told = f"{told} of {anchor.whose}"
    if anchor.programme is not None:
        told = f"{told} {anchor.programme}"
    if anchor.plus is not None:
        told = f"{anchor.plus} after {told}"
    return f"{anchor.align} of {told}" if anchor.align else told


def told_when(when: When) -> str:
    given: dict[str, Any] = {
        "words": "" if when.in_words else None,
        "with": when.milestone,
        "without": when.no_milestone,
        "in": when.in_programme,
        "cohort": when.cohort,
        "field": when.field and f"{when.field} {'|'.join(when.equals)}".strip(),
        "more_than": when.more_than,
        "at_least": when.at_least,
        "less_than": when.less_than,
        "on": when.medium,
        "for": when.purpose,
        "form": when.form,
        "request": "" if when.request else None,
        "day": when.anchor and told_anchor(when.anchor),
        "before": when.before and told_anchor(when.before),
        "after": when.after and told_anchor(when.after),
        "either": " or ".join(f"({told_when(inner)})" for inner in when.either) or None,
        "never": when.never and f"({told_when(when.never)})",
    }
    return " ".join(f"{name} {value}".strip() for name, value in given.items() if value is not None)


def told_authority(authority: Authority) -> str:
    named = ", ".join(part for part in (say(authority.title, "en"), authority.provision) if part)
    return f"{authority.kind}: {named}" if named else authority.kind


def told_reference(refer: Reference) -> str:
    plus = f"plus {refer.plus}" if refer.plus else None
    return " ".join(filter(None, (refer.to, refer.id, say(refer.title, "en"), plus)))


def told(clause: Clause) -> Stated:
    refer, review = clause.refer, clause.review
    return Stated(
        id=clause.id,
        when=told_when(clause.when) if clause.when else "",
        keep=clause.keep or "",
        anchor=told_anchor(clause.anchor),
        bound=clause.bound or "",
        action=" ".join(filter(None, (clause.action, clause.into, *clause.redact))),
        refer=told_reference(refer) if refer else "",
        holder=say(clause.holder, "en"),
        review=review.every if review else "",
        authority=tuple(map(told_authority, clause.authority)),
        words=clause.in_words is not None,
    )


@pytest.mark.parametrize("slug", [slug for slug in COUNCILS if slug not in NO_ROWS])
def test_each_row_is_declared_as_it_is_stated(slug: str) -> None:
    policy = policy_of(slug)
    for row in rows_of(slug).rows:
        rule = rule_of(policy, row.rule)
        titles = {
            entry.id: say(entry.title, "en") for entry in policy.service(row.rule.partition("/")[0]).retention.classes
        }
        assert tuple(titles[entry] for entry in rule.classes) == row.records, row.rule
        assert rule.combine == row.combine, row.rule
        assert [told(clause) for clause in rule.clauses] == list(row.clauses), row.rule
        extension = rule.extension
        longer = (say(extension.by, "en"), *extension.cohorts) if extension else ()
        assert " ".join(filter(None, longer)) == row.extension, row.rule


@pytest.mark.parametrize("slug", COUNCILS)
def test_no_rule_is_without_a_row_and_no_row_without_an_example(slug: str) -> None:
    services = policy_of(slug).services.items()
    declared = [f"{service}/{rule.id}" for service, policy in services for rule in policy.retention.rules]
    rows = rows_of(slug).rows
    assert sorted(declared) == sorted(row.rule for row in rows)
    for row in rows:
        assert row.examples, row.rule
        known = {clause.id for clause in row.clauses}
        assert {example.clause for example in row.examples if example.clause} <= known, row.rule


# --- What it comes to. ---


class Writer:
    """Puts what an example gives into a council's files."""

    def __init__(self, session: CouncilSession, policy: Policy) -> None:
        self._session, self._policy = session, policy
        self._mine = {"council_id": session.council_id}

    def end(self, programme: str, day: date) -> None:
        self._insert(PROGRAMME_FACT, programme=programme, kind="ended", happened_on=day)

    def write(self, row: Row, example: Example) -> UUID:
        """The record (or register) that was written."""
        service = row.rule.partition("/")[0]
        given = dict(example.given)
        recorded = given.pop("recorded", date(2020, 1, 1))
        stored: dict[str, Any] = {name: given.pop(name) for name in ("medium", "stage", "values") if name in given}
        file_id = self._file(service, given.pop("born", None))
        for programme in given.pop("enrolled", []):
            self._insert(ENROLMENT, file_id=file_id, programme=programme, started_on=recorded)
        for name, days in given.items():
            whose, _, kind = name.rpartition("/")
            for day in days if isinstance(days, list) else [days]:
                self._insert(
                    MILESTONE, id=new_id(), file_id=file_id, kind=kind, whose=whose or "client", happened_on=day,
                    own_act=True, source="test", noted_on=day,
                )  # fmt: skip
        return self._record(service, example.record or row.records[0], file_id, recorded, stored)

    def _file(self, service: str, born: date | None) -> UUID:
        person, file_id = new_id(), new_id()
        self._insert(PERSON, id=person)
        self._insert(
            FILE, id=file_id, person_id=person, service=service, family_name="Canary", name_key="canary",
            born_on=born, opened_on=date(2000, 1, 1), source="test", generated=True,
        )  # fmt: skip
        return file_id

    def _record(self, service: str, title: str, file_id: UUID, recorded: date, stored: Mapping[str, Any]) -> UUID:
        classes = self._policy.service(service).retention.classes
        declared = next(entry for entry in classes if say(entry.title, "en") == title)
        row_id, medium = new_id(), stored.get("medium", declared.media[0])
        common = {"id": row_id, "record_class": f"{service}/{declared.id}", "medium": medium}
        if declared.shape == "register":
            self._insert(REGISTER, **common, service=service, title="Canary", held_on=recorded)
            self._insert(REGISTER_ENTRY, register_id=row_id, position=0, file_id=file_id, attended=True)
        else:
            values = {name: {"v": value} for name, value in stored.get("values", {}).items()}
            done = {"stage": stored["stage"]} if "stage" in stored else {}
            self._insert(RECORD, **common, **done, file_id=file_id, recorded_on=recorded, values=values)
        return row_id

    def _insert(self, table: Any, **values: Any) -> None:
        self._session.execute(insert(table).values(**self._mine, **values))


def came_to(found: Explanation, clause_id: str) -> str:
    """The state of the record, or of one clause; where it is dated the last day, and the record's action."""
    if clause_id:
        states = {(clause.state, clause.due_on) for clause in found.clauses if clause.id == clause_id}
        ((state, due_on),) = states - {("out", None)} or states
        return str(due_on) if state == "dated" else state
    return f"{found.due_on} {found.action}" if found.state == "dated" else found.state


def wrong(house: House, slug: str, *, decided: bool) -> Iterator[str]:
    """Examples that come to something else than they should."""
    policy = policy_of(slug, decided=decided)
    chosen = [(row, example) for row in rows_of(slug).rows for example in row.examples if example.decided is decided]
    if not chosen:
        return
    with house.session() as session:
        adopt(session, policy, house.clock, by="test")
    with house.session() as session:
        writer = Writer(session, policy)
        for programme, day in rows_of(slug).ended.items() if not decided else ():
            writer.end(programme, day)
        written: Mapping[UUID, tuple[Row, Example]] = {
            writer.write(row, example): (row, example) for row, example in chosen
        }
    house.clock_all(limit=200)
    with house.session() as session:
        for row_id, (row, example) in written.items():
            found = came_to(explain(session, house.caller, row_id), example.clause)
            if found != example.comes:
                yield f"{row.rule} {example.clause} {example.given}: {found} instead of {example.comes}"


@pytest.mark.parametrize("slug", [slug for slug in COUNCILS if slug not in NO_ROWS])
def test_each_row_comes_to_its_days(house: House, slug: str) -> None:
    assert list(wrong(house, slug, decided=False)) == []
    assert list(wrong(house, slug, decided=True)) == []
