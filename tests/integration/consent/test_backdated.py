"""An act of before the policy in force: its words are taken for those of then only where they were the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from muniment.api.errors import InvalidInput
from muniment.clock import FixedClock
from tests.integration.consent.acts import answer, told
from tests.integration.consent.kit import PURPOSES, RETENTION, TODAY, House


def days_ago(days: int) -> FixedClock:
    return FixedClock(TODAY - timedelta(days=days))


def test_the_words_of_a_policy_are_those_of_a_day_on_which_they_were_the_same(house: House) -> None:
    clock = house.database.clock
    others = [
        {**one, "consent_wording": "Other words."} if one["id"] == "stories" else one for one in PURPOSES["purpose"]
    ]
    try:
        house.database.clock = days_ago(20)
        house.adopt(purposes={**PURPOSES, "purpose": others})
        house.database.clock = days_ago(10)
        house.adopt(retention={**RETENTION, "rule": RETENTION["rule"][:1]})  # the words as now, another schedule
    finally:
        house.database.clock = clock
    house.adopt()
    file_id = house.register()
    as_now: dict[str, Any] = {"document": house.document, "version": None, "wording": None, "recipients": None}
    answer(house, file_id, on=TODAY - timedelta(days=10), **as_now)
    [event] = told(house, file_id)
    assert (event.wording, event.recipients) == ("I agree that the council tells my story.", ("newspaper",))
    for days in (11, 30):
        with pytest.raises(InvalidInput) as refused:
            answer(house, file_id, on=TODAY - timedelta(days=days), **as_now)
        assert refused.value.code == "later-policy"
