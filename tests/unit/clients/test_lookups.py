"""Keys that lookups compare, and the first time limit of a referral."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.clients.normalise import name_key, notice_due_on, postcode_key, reference_key

WORDS = st.text(max_size=40)


@given(WORDS)
def test_a_key_is_its_own_key(text: str) -> None:
    assert reference_key(reference_key(text)) == reference_key(text)
    assert postcode_key(postcode_key(text)) == postcode_key(text)


@given(WORDS, WORDS)
def test_a_name_has_one_blank_at_most_and_begins_with_the_family_name(family: str, given_names: str) -> None:
    key = name_key(family, given_names)
    assert key.count(" ") <= 1
    assert key == key.strip()
    assert key.startswith(name_key(family, None))


@given(WORDS)
def test_case_form_and_punctuation_make_no_difference(text: str) -> None:
    assert reference_key(unicodedata.normalize("NFD", text)) == reference_key(unicodedata.normalize("NFC", text))
    assert reference_key(f" -{text}. ") == reference_key(text)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=40))
def test_the_short_way_for_ascii_gives_the_same(text: str) -> None:
    marked = text + "é"
    assert reference_key(marked) == reference_key(text) + "e"


@pytest.mark.parametrize(
    ("obtained", "due"),
    [
        (date(2026, 11, 22), date(2026, 12, 22)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2024, 1, 30), date(2024, 2, 29)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 11, 25), date(2026, 12, 25)),
    ],
)
def test_a_referred_person_is_told_within_a_month_holiday_or_not(obtained: date, due: date) -> None:
    assert notice_due_on(obtained) == due


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1)))
def test_the_month_is_never_longer_than_the_calendar_allows(obtained: date) -> None:
    due = notice_due_on(obtained)
    assert 28 <= (due - obtained).days <= 31
    assert (due.year * 12 + due.month) - (obtained.year * 12 + obtained.month) == 1
