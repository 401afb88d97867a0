"""Dates, periods and lists as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from muniment.notices.language import as_sentence, listed, long_date, period_words


def test_dates_are_written_out() -> None:
    assert long_date(date(2024, 10, 28), "en") == "28 October 2024"
    assert long_date(date(2024, 10, 28), "cy") == "28 Hydref 2024"
    assert long_date(date(2024, 10, 28), "en.young") == "28 October 2024"


@pytest.mark.parametrize(
    ("period", "language", "words"),
    [
        ("24 months", "en", "24 months"),
        ("1 year", "en", "1 year"),
        ("1 year 6 months", "en", "1 year 6 months"),
        ("56 days", "en", "56 days"),
        ("2 years to 5 years", "en", "2 years to 5 years"),
        ("3 years", "cy", "3 blynedd"),
        ("24 months", "cy", "24 mis"),
        ("1 year 2 months 2 days", "cy", "1 flwyddyn 2 fis 2 ddiwrnod"),
        ("6 weeks", "cy", "6 wythnos"),
    ],
)
def test_periods_keep_the_units_they_were_written_in(period: str, language: str, words: str) -> None:
    assert period_words(period, language) == words


def test_lists_are_told_apart_whatever_is_in_them() -> None:
    assert listed(["a", "b", "c"], "en") == "a, b and c"
    assert listed(["a"], "en") == "a"
    assert listed([], "en") == ""
    assert listed(["a, or b", "c"], "en") == "a, or b; c"


def test_a_sentence_ends_once() -> None:
    assert as_sentence("It ends") == "It ends."
    assert as_sentence("It ends. ") == "It ends."
    assert as_sentence("Does it?") == "Does it?"
    assert as_sentence("") == ""
