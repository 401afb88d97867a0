"""What holds for every policy and every set of decisions."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from muniment.api.sharing import Recipient
from muniment.policy.compile import compile_policy
from muniment.policy.formats import read_policy
from muniment.policy.model import FORMAT, Decision, Policy, canonical
from muniment.policy.paths import walk_policy
from tests.unit.policy.made import TODAY, decision, facade

FACADE = facade()
DECLARED = compile_policy(FACADE, (), TODAY).sound()
PATHS = sorted(
    f"{path}.{field.encode_name}"
    for _, path, node in walk_policy(DECLARED)
    for field in msgspec.structs.fields(type(node))
)
VALUES = st.one_of(
    st.sampled_from([
        None, True, "", "destroy", "2 years", "9.2.g", "none", "en", [], ["rent"], ["housing"], {"event": "birth"},
        {"role": "Clerk"}, {"title": "A", "in_force_from": "2026-01-01"}, {"in_words": "some day"}, {}, 7, "at-most",
    ]),
    st.text(max_size=8),
)  # fmt: skip
DECISIONS = st.lists(st.tuples(st.sampled_from(PATHS), VALUES), max_size=8, unique_by=lambda made: made[0])
quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def made_of(decisions: list[tuple[str, Any]]) -> list[Decision]:
    return [decision(path, value) for path, value in decisions]


def stated(policy: Policy) -> dict[str, Any]:
    """Everything that a policy states, by path: what is not absent. That a recipient is not so is said by nobody."""
    return {
        f"{path}.{field.encode_name}": getattr(node, field.name)
        for _, path, node in walk_policy(policy)
        for field in msgspec.structs.fields(type(node))
        if not isinstance(getattr(node, field.name), msgspec.Struct | tuple)
        and getattr(node, field.name) not in (None, "", "not-stated")
        and not (isinstance(node, Recipient) and field.name in KNOWN_TO_THE_COUNCIL and not getattr(node, field.name))
    }


KNOWN_TO_THE_COUNCIL = {"agreement", "on_request", "competent_authority"}
OPEN_THOUGH_STATED = {"housing.rule.tenancies.clause.range.keep", "housing.rule.tenancies.clause.about.bound"}


@quick
@example([("housing.recipient.landlords.agreement", True)])
@given(DECISIONS)
def test_a_decision_never_changes_what_is_declared(decisions: list[tuple[str, Any]]) -> None:
    policy = compile_policy(FACADE, made_of(decisions), TODAY).policy
    assert policy is not None
    after = stated(policy)
    for path, value in stated(DECLARED).items():
        if path not in OPEN_THOUGH_STATED:
            assert after[path] == value


@quick
@given(DECISIONS, st.randoms(use_true_random=False))
def test_the_order_of_decisions_does_not_matter(decisions: list[tuple[str, Any]], random: Any) -> None:
    shuffled = list(decisions)
    random.shuffle(shuffled)
    one, other = (compile_policy(FACADE, made_of(given), TODAY) for given in (decisions, shuffled))
    assert one.policy is not None
    assert other.policy is not None
    assert one.policy.hash == other.policy.hash
    assert set(one.problems) == set(other.problems)


@quick
@given(DECISIONS)
def test_canonical_json_reads_back_to_the_same_policy(decisions: list[tuple[str, Any]]) -> None:
    policy = compile_policy(FACADE, made_of(decisions), TODAY).policy
    assert policy is not None
    read = read_policy(canonical(policy), FORMAT)
    assert read == policy
    assert canonical(read) == canonical(policy)
    assert read.hash == policy.hash


@quick
@given(DECISIONS)
def test_every_decision_counts_or_is_told(decisions: list[tuple[str, Any]]) -> None:
    compiled = compile_policy(FACADE, made_of(decisions), TODAY)
    assert compiled.policy is not None
    counted = {made.path for made in compiled.policy.decisions}
    refused = {found.path for found in compiled.problems if found.id == "decision.refused"}
    assert counted | refused == {path for path, _ in decisions}
    assert not counted & refused


def test_the_hash_tells_decisions_apart() -> None:
    path = "housing.rule.tenancies.clause.usual.action"
    hashes = {
        compile_policy(FACADE, [decision(path, value, review_on=review)], TODAY).sound().hash
        for value in ("destroy", "review")
        for review in (None, date(2027, 1, 1))
    }
    assert len(hashes | {DECLARED.hash}) == 5
