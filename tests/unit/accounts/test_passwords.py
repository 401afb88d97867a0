"""Passwords are hashed with Argon2id, asked for length alone, and checked alike for those there are and are not."""

from __future__ import annotations

import pytest
from argon2 import extract_parameters

from muniment.accounts import passwords
from muniment.accounts.passwords import check_password, generate_password, hash_password, needs_new_hash
from muniment.api.errors import InvalidInput


@pytest.fixture
def _cheap_passwords() -> None:
    """Here passwords cost what they cost in production."""


def test_a_hash_knows_its_password_and_no_other() -> None:
    stored = hash_password("three random words")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert check_password(stored, "three random words")
    assert not check_password(stored, "three random word")
    assert not needs_new_hash(stored)


def test_the_same_characters_typed_otherwise_are_the_same_password() -> None:
    assert check_password(hash_password("caf\u00e9 au lait ici"), "cafe\u0301 au lait ici")


def test_no_account_has_no_password() -> None:
    assert not check_password(None, "anything at all")
    assert extract_parameters(passwords._of_nobody()) == extract_parameters(hash_password("anything at all"))
    assert not check_password("not a hash", "anything at all")


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 257])
def test_too_short_and_too_long_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match="12 to 256"):
        hash_password(password)


def test_generated_passwords_differ_and_are_taken() -> None:
    one, other = generate_password(), generate_password()
    assert one != other
    assert check_password(hash_password(one), one)
