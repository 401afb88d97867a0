"""Recomputing goes on where it was left, says how far it is, and leaves alone what comes to the same."""

from __future__ import annotations

import copy

import pytest

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Forbidden
from muniment.retention.clocks.progress import Progress, progress
from muniment.retention.clocks.recomputing import clock_stale
from muniment.retention.subjects import RECORDS
from tests.integration.retention.kit import RETENTION, House, policy_of


def seen(house: House, caller: Caller | None = None) -> tuple[Progress, ...]:
    with house.session() as session:
        return progress(session, caller or house.caller)


@pytest.fixture
def filled(house: House) -> House:
    house.adopt()
    for _ in range(10):
        house.file("case", "letter")
    house.flush()
    return house


def test_a_new_rule_is_clocked_chunk_by_chunk_and_the_others_rows_are_not_touched(filled: House) -> None:
    assert seen(filled) == (Progress("advice/case", 10, 10), Progress("advice/letter", 10, 10))
    cases = "select id, ctid::text, xmin::text from record where record_class = 'advice/case' order by id"
    before = filled.all(cases)
    longer = copy.deepcopy(dict(RETENTION))
    longer["rule"][1]["clause"][0]["keep"] = "2 years"
    filled.adopt_only(policy_of(longer))
    assert seen(filled)[1] == Progress("advice/letter", 0, 10)
    with filled.session() as session:
        assert clock_stale(session, RECORDS, None, 4) is not None
    assert seen(filled)[1] == Progress("advice/letter", 4, 10)
    longer["rule"][1]["clause"][0]["keep"] = "3 years"  # another policy while the first is still being recomputed
    filled.adopt_only(policy_of(longer))
    assert seen(filled)[1] == Progress("advice/letter", 0, 10)
    filled.clock_all(limit=3)  # as another worker would: it begins anew and finds what is left
    assert seen(filled)[1] == Progress("advice/letter", 10, 10)
    assert filled.scalar("select count(*) from record where due_on = '2023-01-01'") == 10
    assert filled.all(cases) == before
    written = filled.all("select id, ctid::text from record order by id")
    filled.clock_all()
    assert filled.all("select id, ctid::text from record order by id") == written


def test_progress_is_told_of_what_one_may_see(filled: House) -> None:
    elsewhere = Caller(filled.caller.actor, filled.id, {Permission.READ_RETENTION: frozenset({"another"})})
    assert seen(filled, elsewhere) == ()
    with pytest.raises(Forbidden):
        seen(filled, Caller(filled.caller.actor, filled.id, {}))
