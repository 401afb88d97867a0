"""The benchmark's roles ask for what they should, as often as they should, and of nobody who was deleted."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.gdprbench.mixes import PERSONAS, Op, plan, scrambled_zipfian
from tests.benchmarks.gdprbench.town import PURPOSES, Town

TOWNS = (Town(1_000, 1), Town(1_000, 4), Town(20_000, 20), Town(100_000, 1))


@given(st.sampled_from(TOWNS), st.sampled_from(PERSONAS), st.integers(0, 100), st.integers(10, 60))
def test_a_plan_has_its_shares_and_asks_for_nobody_who_is_gone(
    town: Town, persona: object, seed: int, ops: int
) -> None:
    role = next(one for one in PERSONAS if one is persona)
    gone, changed = {0, 1}, {2}
    steps = plan(role, Random(seed), town, ops=ops, gone=gone, changed=changed)
    counted = Counter(step.op for step in steps)
    assert len(steps) == ops
    assert all(abs(counted[op] - share * ops) <= 2 for op, share in role.mix.items())
    deleted = [town.owner(step.key) for step in steps if step.op is Op.DELETE]
    assert len(set(deleted)) == len(deleted)
    assert not {0, 1} & set(deleted)
    asked = [step for step in steps if step.op not in (Op.DELETE, Op.INSERT)]
    assert not gone & {town.owner(step.key) for step in asked}
    once = [town.owner(step.key) for step in steps if step.op is Op.UPDATE_USER]
    assert len({*once}) == len(once)
    assert {2, *once} == changed


@given(st.sampled_from(TOWNS), st.data())
def test_every_record_is_one_councils_and_lies_in_its_users_file(town: Town, data: st.DataObject) -> None:
    key = data.draw(st.integers(0, town.records - 1))
    council = town.council_of(key)
    assert council * town.each <= key < (council + 1) * town.each
    assert council * town.users <= town.owner(key) < (council + 1) * town.users
    files = town.files_for(key, {town.owner(key) - PURPOSES})
    assert town.file_of(key) in files
    assert town.id_of("file", town.owner(key) - PURPOSES if town.owner(key) >= PURPOSES else 1 << 40) not in files
    assert town.council_of(town.new_key(Random(key))) < town.councils


def test_zipfian_keys_are_few_and_scattered() -> None:
    draw = scrambled_zipfian(Random(1), 10_000)
    drawn = Counter(draw() for _ in range(20_000))
    often = [key for key, _ in drawn.most_common(10)]
    assert 0.2 < sum(drawn[key] for key in often) / 20_000 < 0.5
    assert max(often) - min(often) > 5_000
    assert all(0 <= key < 10_000 for key in drawn)
