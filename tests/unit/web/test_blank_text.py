"""What nobody would see is as good as empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.api.text import is_blank

INVISIBLE = "\u200b\u200d\u2060\u200e\u202e\u2066\ufeff\u00ad\u3164\u2800\u00a0 \t"


@given(st.text(INVISIBLE))
def test_text_of_invisible_characters_alone_is_blank(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("letter", ["a", "É", "ŵ", "أ", "ｱ", "中", "7", "-", "😀"])
def test_one_character_that_is_seen_makes_the_difference(letter: str) -> None:
    assert not is_blank(f"\u202e{letter}\u200b")
