"""Every test runs once, whatever order a run puts them in, and the slow ones are what its workers begin with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.running import in_order


@given(slow=st.lists(st.booleans(), max_size=40), workers=st.integers(1, 5))
def test_slow_tests_come_first_in_each_workers_share_and_none_is_lost(slow: list[bool], workers: int) -> None:
    ordered = list(in_order(range(len(slow)), slow, workers))
    assert sorted(ordered) == list(range(len(slow)))
    left, at = len(slow), 0
    if sum(slow) * 2 > len(slow):
        return  # more than shares have room for: those spill over
    for worker in range(workers):
        share = left // (workers - worker)
        mine = [slow[place] for place in ordered[at : at + share]]
        assert mine == sorted(mine, reverse=True), "a slow one behind a quick one"
        left, at = left - share, at + share
