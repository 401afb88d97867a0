"""TOML that nobody writes on purpose: each gets one error that names the file, and none a traceback."""

from __future__ import annotations

import time

import msgspec
import pytest

from muniment.api.decoding import decode_toml
from muniment.api.errors import DeclarationError, InvalidInput
from muniment.policy.deciding import parse_value


class Table(msgspec.Struct, forbid_unknown_fields=True):
    name: str


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"name = " + b"[" * 5_000, "nested too deeply"),
        (b"name = " + b"[" * 5_000 + b"]" * 5_000, "nested too deeply"),
        (b"name = " + b"9" * 5_000, "out of range"),
        (b"name = 2026-02-30", "not TOML"),
        (b"a" + b".a" * 3_000 + b" = 1", "nested too deeply"),
        (b'name = "\xff"', "not UTF-8 at byte 8"),
        (b'name = "\x00"', "not TOML"),
        ("name = 'x'".encode("utf-16"), "not UTF-8"),
        (b"name = 'x'\nname = 'y'", "not TOML"),
        (b"#" * 1_000_001, "larger than"),
    ],
)
def test_a_file_that_does_not_load_is_told_of_once(content: bytes, told: str) -> None:
    with pytest.raises(DeclarationError, match=told) as caught:
        decode_toml(content, Table, file="council.toml")
    assert str(caught.value).startswith("council.toml at $")
    assert len(str(caught.value)) < 300


def test_an_editor_may_put_a_byte_order_mark_first() -> None:
    assert decode_toml(b"\xef\xbb\xbfname = 'x'", Table, file="council.toml") == Table("x")


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nested too deeply"):
        parse_value("[" * 5_000)


@pytest.mark.parametrize(
    "content",
    [
        b".".join([b"a"] * 300_000) + b" = 1",
        b"[" + b" . ".join([b"a"] * 150_000) + b"]",
        b".".join([b'"a"'] * 200_000) + b" = 1",
        b"a = " + b"{a = " * 100_000,
    ],
    ids=["dotted", "table", "quoted", "inline"],
)
def test_a_key_of_thousands_of_parts_is_refused_at_once(content: bytes) -> None:
    before = time.process_time()
    with pytest.raises(DeclarationError, match="nested too deeply"):
        decode_toml(content, Table, file="alpha/council.toml")
    assert time.process_time() - before < 20  # it would take minutes


def test_a_number_that_no_computer_reads_is_taken_as_text() -> None:
    assert parse_value("9" * 5_000) == "9" * 5_000
