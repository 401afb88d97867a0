"""Every clause of the two councils and of the test policies comes to a state in the database, and to plain words.

What each clause comes to is pinned in `states.toml`, by policy and rule: once in a file in which nothing has happened,
once in a file in which everything has happened that the policy counts from. A declaration that cannot be computed is
`unclocked` there, and no history makes anything of it due.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from muniment.api.retention import RecordClass
from muniment.clients.events import milestone_kinds
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PERSON, PROGRAMME_FACT, RECORD, REGISTER, REGISTER_ENTRY
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.policy.compile import compile_policy
from muniment.policy.deciding import read_decisions
from muniment.policy.model import Policy
from muniment.policy.store import adopt
from muniment.retention.explain import Explanation, explain
from muniment.retention.rules.compile import clocks
from muniment.retention.subjects import SUBJECTS
from tests.integration.retention.kit import House
from tests.policies import TEST_POLICIES, all_plugins

TODAY = date(2026, 11, 20)
DECISIONS = Path(__file__).parents[3] / "deploy" / "demo" / "decisions"
COUNCILS = ("milton-keynes", "sefton")
POLICIES = [*TEST_POLICIES, *COUNCILS, *(f"{slug} decided" for slug in COUNCILS)]
STATES = tomllib.loads((Path(__file__).parent / "states.toml").read_text())
HAPPENED = date(2020, 3, 31)
PYTHON = re.compile(r"\bNone\b|[\[\]{}<>]|\bTrue\b|\bFalse\b|Anchor|Period\(")
"""What plain words never hold: an object that was put into a sentence as it is."""


@cache
def policy_named(name: str) -> Policy:
    slug, _, decided = name.partition(" ")
    file = DECISIONS / f"{slug}.toml"
    proposals = read_decisions(file.read_bytes(), file=file.name) if decided else ()
    return compile_policy(all_plugins().facade(slug), [made.made_on(TODAY) for made in proposals], TODAY).sound()


def programmes_of(policy: Policy, slug: str) -> list[str]:
    return [period.programme for period in policy.service(slug).retention.programmes]


class Filler:
    """Writes a file with a record of every class of a service, and its registers."""

    def __init__(self, session: CouncilSession, policy: Policy) -> None:
        self.session, self.policy = session, policy
        self.mine = {"council_id": session.council_id}
        self.made: dict[UUID, str] = {}

    def write(self, slug: str, history: str) -> None:
        session, mine = self.session, self.mine
        person, file_id = new_id(), new_id()
        full = history == "everything"
        session.execute(insert(PERSON).values(**mine, id=person))
        session.execute(
            insert(FILE).values(
                **mine, id=file_id, person_id=person, service=slug, family_name="Canary", name_key="canary",
                born_on=date(1990, 2, 28) if full else None, opened_on=HAPPENED, source="test", generated=True,
            )
        )  # fmt: skip
        if full:
            for kind in sorted(milestone_kinds(self.policy.service(slug))):
                happened = {"kind": kind, "happened_on": HAPPENED, "own_act": True, "noted_on": HAPPENED}
                session.execute(
                    insert(MILESTONE).values(**mine, id=new_id(), file_id=file_id, source="test", **happened)
                )
            for programme in programmes_of(self.policy, slug):
                session.execute(
                    insert(ENROLMENT).values(**mine, file_id=file_id, programme=programme, started_on=HAPPENED)
                )
        for declared in self.policy.service(slug).retention.classes:
            for medium in dict.fromkeys(("digital", *declared.media)):
                self.record(slug, file_id, declared, medium, history)

    def record(self, slug: str, file_id: UUID, declared: RecordClass, medium: str, history: str) -> None:
        key, row_id = f"{slug}/{declared.id}", new_id()
        common = {**self.mine, "id": row_id, "record_class": key, "medium": medium}
        if declared.shape == "register":
            self.session.execute(insert(REGISTER).values(**common, service=slug, title="Canary", held_on=HAPPENED))
            entry = {"register_id": row_id, "position": 0, "file_id": file_id, "attended": True}
            self.session.execute(insert(REGISTER_ENTRY).values(**self.mine, **entry))
        else:
            self.session.execute(
                insert(RECORD).values(**common, file_id=file_id, recorded_on=HAPPENED, values={}, location=None)
            )
        self.made[row_id] = history


def filled(house: House, name: str) -> dict[UUID, str]:
    """The rows made under a policy, each with the history of its file."""
    policy = policy_named(name)
    with house.session() as session:
        adopt(session, policy, house.clock, by="test")
    with house.session() as session:
        filler = Filler(session, policy)
        programmes = {programme for slug in policy.services for programme in programmes_of(policy, slug)}
        for programme in sorted(programmes):
            ended = {"programme": programme, "kind": "ended", "happened_on": HAPPENED}
            session.execute(insert(PROGRAMME_FACT).values(council_id=house.id, **ended))
        for slug in sorted(policy.services):
            for history in ("nothing", "everything"):
                filler.write(slug, history)
    house.clock_all(limit=50)
    return filler.made


def states_of(made: dict[UUID, str], explained: dict[UUID, Explanation]) -> dict[str, dict[str, list[str]]]:
    """By rule and clause, the states it comes to where nothing, and where everything, has happened."""
    states: dict[str, dict[str, dict[str, set[str]]]] = {}
    for row_id, found in explained.items():
        rule = f"{found.record_class.partition('/')[0]}/{found.rule}"
        for clause in found.clauses:
            both = states.setdefault(rule, {}).setdefault(clause.id, {"nothing": set(), "everything": set()})
            both[made[row_id]].add(clause.state)
    return {
        rule: {clause: [" ".join(sorted(both[history])) for history in both] for clause, both in clauses.items()}
        for rule, clauses in states.items()
    }


def check_states(house: House, policy: Policy, made: dict[UUID, str]) -> None:
    by_key = clocks(policy)
    rows: list[Any] = []
    for subject in SUBJECTS:
        rows += house.all(f"select id, record_class, state, due_on, action, rule_hash from {subject.name}")
    assert {row.id for row in rows} == set(made)
    for row in rows:
        assert row.state in ("dated", "running", "unclocked", "permanent"), row.record_class
        assert (row.due_on is not None) is (row.action is not None) is (row.state == "dated")
        assert row.rule_hash == by_key[row.record_class].hash


def check_words(found: Explanation) -> None:
    assert found.title
    assert found.provisions
    for words in (found.sentence, found.next, *found.blocks, *found.provisions):
        assert words == words.strip() != ""
        assert not PYTHON.search(words), words
    for clause in found.clauses:
        assert clause.says
        assert not PYTHON.search(f"{clause.says} {clause.counts_from} {clause.because}"), clause
        assert (clause.because != "") is (clause.state in ("unclocked", "out")), clause
    deciding = sum(clause.decides for clause in found.clauses)
    assert deciding == any(clause.state != "out" for clause in found.clauses)


@pytest.mark.parametrize("name", POLICIES)
def test_every_record_gets_a_state_and_an_explanation_and_each_clause_what_is_pinned(house: House, name: str) -> None:
    made = filled(house, name)
    check_states(house, policy_named(name), made)
    with house.session() as session:
        explained = {row_id: explain(session, house.caller, row_id) for row_id in made}
    for found in explained.values():
        check_words(found)
    assert states_of(made, explained) == STATES.get(name, {})
