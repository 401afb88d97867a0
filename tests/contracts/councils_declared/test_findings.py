"""What the law finds in the councils' own documents. For the two, all of it is pinned beside their plugins' tests."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from muniment.defaults.law import law_in_force
from muniment.policy.check import Finding, check
from muniment.policy.compile import compile_policy
from muniment.policy.deciding import read_decisions
from muniment.policy.documents import needs_document
from tests.policies import TEST_POLICIES, all_plugins

TODAY = date(2026, 11, 20)
FAULTS = tomllib.loads(Path(__file__).with_name("faults.toml").read_text())
DECISIONS = Path(__file__).parents[3] / "deploy" / "demo" / "decisions"
COUNCILS = ("milton-keynes", "sefton")


@cache
def found(slug: str, day: date = TODAY, *, decided: bool = False) -> tuple[Finding, ...]:
    decisions = []
    if decided:
        file = DECISIONS / f"{slug}.toml"
        decisions = [proposal.made_on(day) for proposal in read_decisions(file.read_bytes(), file=file.name)]
    compiled = compile_policy(all_plugins().facade(slug), decisions, day)
    # The demonstration has a policy document prepared and approved for each condition that needs one.
    needing = {
        f"{service}.condition.{condition.id}"
        for service, policy in compiled.sound().services.items()
        for condition in policy.purposes.conditions
        if decided and needs_document(condition)
    }
    return check(compiled, law_in_force(day), day, frozenset(needing))


@pytest.mark.parametrize("slug", [*COUNCILS, *TEST_POLICIES])
def test_no_policy_has_an_error(slug: str) -> None:
    assert [finding for finding in found(slug) if finding.level == "error"] == []


@pytest.mark.parametrize(("slug", "fault"), [(slug, fault) for slug, faults in FAULTS.items() for fault in faults])
def test_each_known_fault_is_found_with_its_provision(slug: str, fault: str) -> None:
    finding_id, _, path = FAULTS[slug][fault].partition(" ")
    [finding] = [finding for finding in found(slug) if (finding.id, finding.path) == (finding_id, path)]
    assert finding.level in ("gap", "note")
    assert finding.provision


def test_findings_follow_the_law_of_the_day() -> None:
    complaint = "rights.complain-to-controller"
    assert complaint not in {finding.id for finding in found("sefton", date(2026, 6, 18))}
    assert complaint in {finding.id for finding in found("sefton", date(2026, 6, 19))}


@pytest.mark.parametrize("slug", COUNCILS)
def test_the_demonstration_turns_gaps_into_decisions(slug: str) -> None:
    before = {(finding.id, finding.path) for finding in found(slug) if finding.level == "gap"}
    after = found(slug, decided=True)
    settled = {(finding.id, finding.path) for finding in after if finding.level == "decided"} & before
    assert {"retention.anchor", "rights.complain-to-controller"} <= {name for name, _ in settled}
    assert not [finding for finding in after if finding.level == "gap" and finding.id == "retention.anchor"]
    assert not [finding for finding in after if finding.level == "gap" and (finding.id, finding.path) not in before]
