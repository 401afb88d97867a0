"""The demonstration's decisions settle what it needs; its import formats take generated people in without a reject."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from muniment.cli.demonstration.population import lives, write_csv
from muniment.clients.importing.layout import Layout
from muniment.clients.values import ValueRules
from muniment.policy.compile import compile_policy
from muniment.policy.deciding import Proposal, read_decisions
from muniment.policy.documents import stated
from muniment.policy.model import Policy
from tests.policies import all_plugins

TODAY = date(2026, 11, 20)
DECISIONS = Path(__file__).parents[3] / "deploy" / "demo" / "decisions"
COUNCILS = {"milton-keynes": "employment-support", "sefton": "sefton-at-work"}


def proposals(slug: str) -> tuple[Proposal, ...]:
    file = DECISIONS / f"{slug}.toml"
    return read_decisions(file.read_bytes(), file=file.name)


@cache
def decided(slug: str) -> Policy:
    made = [proposal.made_on(TODAY) for proposal in proposals(slug)]
    compiled = compile_policy(all_plugins().facade(slug), made, TODAY)
    assert [problem for problem in compiled.problems if problem.level == "error"] == []
    return compiled.sound()


@pytest.mark.parametrize("slug", COUNCILS)
def test_every_decision_counts_and_says_whose_it_is(slug: str) -> None:
    assert len(decided(slug).decisions) == len(proposals(slug)) > 0
    for proposal in proposals(slug):
        assert proposal.generated
        assert proposal.ground.startswith("Demonstration only: ")
        assert proposal.decided_by == "information asset owner (demonstration)"
        assert proposal.review_on is not None


@pytest.mark.parametrize("slug", COUNCILS)
def test_every_period_has_a_first_day_once_decided(slug: str) -> None:
    policy = decided(slug).service(COUNCILS[slug])
    open_clauses = [
        f"{rule.id}.{clause.id}"
        for rule in policy.retention.rules
        for clause in rule.clauses
        if clause.anchor is None and clause.refer is None
    ]
    assert open_clauses == []


def test_the_seven_years_are_narrowed_to_the_finance_records() -> None:
    [rule] = decided("sefton").service("sefton-at-work").retention.rules
    [clause] = [clause for clause in rule.clauses if clause.id == "financial-support"]
    assert clause.classes == ("financial-support",)


@pytest.mark.parametrize(
    ("slug", "source_id"),
    [
        ("milton-keynes", "dwp-referral"),
        ("milton-keynes", "case-management"),
        ("sefton", "registration-form"),
        ("sefton", "aptem-export"),
    ],
)
def test_generated_people_are_taken_in_without_a_reject(slug: str, source_id: str, tmp_path: Path) -> None:
    policy, service = decided(slug), COUNCILS[slug]
    of_service = policy.service(service)
    [source] = [entry for entry in of_service.clients.imports if entry.id == source_id]
    people = list(lives(50, today=TODAY, seed="test"))
    write_csv(tmp_path / "people.csv", source, of_service, people, seed="test")
    layout = Layout(source, ValueRules(policy, service, TODAY, stated(policy, service, TODAY)), of_service)
    with (tmp_path / "people.csv").open(encoding=source.encoding, newline="") as file:
        header, *rows = csv.reader(file, delimiter=source.delimiter)
    layout.take_header(header)
    rejects = [reject for line, cells in enumerate(rows, 2) for reject in layout.read(line, cells)[1]]
    assert rejects == []
    assert len(rows) == 50


def test_without_the_decisions_special_category_data_are_refused() -> None:
    policy = compile_policy(all_plugins().facade("milton-keynes"), [], TODAY).sound()
    rules = ValueRules(policy, "employment-support", TODAY)
    problem = rules.bar(
        rules.classes["service-user-digital"], "sensitive-data.ethnicity", "the-person", ["employment-support"]
    )
    assert problem is not None
    assert problem.code == "no-condition"
