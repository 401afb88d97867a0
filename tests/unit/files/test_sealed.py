"""The form of encrypted objects: whole, in order, bound to their file; or refused."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.files import sealed
from muniment.files.sealed import CHUNK, TAG, Damaged, decrypt, encrypt, new_key

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5]


def sealed_object(key: bytes, content: bytes, bound_to: bytes = b"file") -> bytes:
    return b"".join(encrypt(key, bound_to, [content]))


def opened(key: bytes, stored: bytes, bound_to: bytes = b"file") -> bytes:
    return b"".join(decrypt(key, bound_to, BytesIO(stored)))


@pytest.mark.parametrize("size", SIZES)
def test_what_comes_out_is_what_went_in(size: int) -> None:
    key, content = new_key(), b"x" * size
    assert opened(key, sealed_object(key, content)) == content


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_the_pieces_do_not_matter(pieces: list[bytes]) -> None:
    key = new_key()
    assert b"".join(encrypt(key, b"f", pieces)) == sealed_object(key, b"".join(pieces), b"f")


@pytest.mark.parametrize("size", SIZES)
def test_a_changed_byte_a_cut_or_an_addition_is_found(size: int) -> None:
    key = new_key()
    stored = sealed_object(key, b"x" * size)
    changed = bytearray(stored)
    changed[len(stored) // 2] ^= 1
    chunk = CHUNK + TAG
    spoiled = [bytes(changed), stored[:-1], stored + b"x", b"", stored[: len(stored) // chunk * chunk or 5]]
    for each in spoiled:
        if each != stored:
            with pytest.raises(Damaged):
                opened(key, each)


def test_chunks_cannot_change_places() -> None:
    key, chunk = new_key(), CHUNK + TAG
    stored = sealed_object(key, b"a" * CHUNK + b"b" * CHUNK + b"c")
    with pytest.raises(Damaged):
        opened(key, stored[chunk : 2 * chunk] + stored[:chunk] + stored[2 * chunk :])


def test_another_key_or_another_file_opens_nothing() -> None:
    key = new_key()
    stored = sealed_object(key, b"x")
    for other, bound_to in ((new_key(), b"file"), (key, b"other")):
        with pytest.raises(Damaged):
            opened(other, stored, bound_to)


def test_no_nonce_is_used_twice() -> None:
    nonces = {sealed._nonce(count, last=last) for count in range(1000) for last in (False, True)}
    assert len(nonces) == 2000
