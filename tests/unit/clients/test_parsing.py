"""Values by type: one stored form, or a code; never an exception of another kind, never the value in a message."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.api.clients import Choice, Field, FieldType
from muniment.clients.parsing import BadValue, parse_field

FIELDS = [
    Field(id="x", title="X", type=kind, choices=(Choice(id="one", title="One"),) if kind == "choice" else ())
    for kind in get_args(FieldType)
]
NAMES_WITH_JOINERS = ("\u0646\u0627\u0632\u200c\u0646\u06cc\u0646", "\u0dc1\u0dca\u200d\u0dbb\u0dd3")
ANYTHING = st.one_of(
    st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text(), max_size=2)
)


@given(st.sampled_from(FIELDS), ANYTHING)
def test_anything_is_taken_or_refused_by_code(field: Field, value: object) -> None:
    try:
        stored = parse_field(field, value)
    except BadValue:
        return
    assert isinstance(stored, str | int | bool)
    assert parse_field(field, stored) == stored, "what is stored is its own stored form"


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        ("postcode", " sw1a  1aa ", "SW1A 1AA"),
        ("ni-number", "qq 12 34 56 c", "QQ123456C"),
        ("money", "£1,234.5", "1234.50"),
        ("money", 12, "12.00"),
        ("boolean", "No", False),
        ("integer", " 7 ", 7),
        ("date", "2024-02-29", "2024-02-29"),
        ("phone", "+44 (0)1632 960 001", "+44 (0)1632 960 001"),
        ("email", "a.b@example.org", "a.b@example.org"),
        *(("text", name, name) for name in NAMES_WITH_JOINERS),
    ],
)
def test_one_stored_form(kind: FieldType, written: object, stored: object) -> None:
    assert parse_field(Field(id="x", title="X", type=kind), written) == stored


@pytest.mark.parametrize(
    ("kind", "written", "code"),
    [
        ("date", "2023-02-29", "not-a-date"),
        ("date", "1899-12-31", "date-too-early"),
        ("date", "20240101", "not-a-date"),
        ("integer", True, "not-text"),
        ("money", "1.234", "not-an-amount"),
        ("text", "a\x07", "control-character"),
        ("text", "\ud800", "control-character"),
        *(("text", f"Ann{turn} nosnhoJ", "text-direction") for turn in "\u202a\u202b\u202c\u202d\u202e"),
        *(("text", f"Ann{turn} nosnhoJ", "text-direction") for turn in "\u2066\u2067\u2068\u2069"),
        ("long-text", "One line\nand \u202ea drawkcab eno", "text-direction"),
        ("text", "x" * 501, "too-long"),
        ("email", "someone", "not-an-email-address"),
        ("choice", "two", "not-a-choice"),
    ],
)
def test_what_is_refused(kind: FieldType, written: object, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        parse_field(Field(id="x", title="X", type=kind, choices=(Choice(id="one", title="One"),)), written)
    assert refused.value.code == code
    assert str(written) not in str(refused.value) or len(str(written)) < 4
