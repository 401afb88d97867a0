"""Keys as one run of bytes are the keys they were made of."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.database.packed import Keys

MANY = st.lists(st.uuids(), max_size=20)


@given(MANY)
def test_keys_are_a_sequence_of_what_was_packed(keys: list[UUID]) -> None:
    found = Keys.of(keys)
    assert list(found) == keys
    assert len(found) == len(keys)
    assert [found[place] for place in range(len(keys))] == keys
    assert list(found[1:3]) == keys[1:3]
    assert Keys.of(found) is found
    assert (found == Keys.of(iter(keys)), hash(found)) == (True, hash(Keys(found.packed)))


@given(MANY, MANY)
def test_sets_of_keys(some: list[UUID], others: list[UUID]) -> None:
    both = Keys.joined([Keys.of(some), Keys.of(others)])
    assert list(both) == some + others
    assert list(both.distinct()) == list(dict.fromkeys(some + others))
    assert list(Keys.of(some).without([Keys.of(others)])) == [key for key in some if key not in others]


def test_keys_are_whole_and_shown_as_a_number_of_them() -> None:
    assert repr(Keys.of([UUID(int=1)])) == "<1 keys>"
    with pytest.raises(ValueError, match="16 bytes"):
        Keys(b"123")
