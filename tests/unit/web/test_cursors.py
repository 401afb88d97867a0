"""Cursors survive the way there and back, and anything else is one clear refusal."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.api.errors import InvalidInput
from muniment.web.cursors import decode_cursor, encode_cursor, page_of


@given(st.dates(), st.uuids())
def test_there_and_back(day: date, key: UUID) -> None:
    assert decode_cursor(encode_cursor((day, key)), tuple[date, UUID]) == (day, key)


@given(st.text(max_size=60))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a cursor"):
        decode_cursor(text, tuple[date, UUID])


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(encode_cursor((1, 2)), tuple[date, UUID])


def test_a_page_has_a_next_one_only_if_there_is_more() -> None:
    keys = [uuid4() for _ in range(3)]
    page = page_of(keys, 2, lambda key: (key,))
    assert page.items == keys[:2]
    assert decode_cursor(page.next or "", tuple[UUID]) == (keys[1],)
    assert page_of(keys, 3, lambda key: (key,)).next is None
    assert page_of([], 3, lambda key: (key,)).next is None
