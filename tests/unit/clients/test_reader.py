"""A CSV file as a stream: whatever the bytes are, rows or reasons come out, and memory stays bounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.clients.importing.reader import LONGEST_ROW, MOST_LINES, RawRow, read_rows

CELL = st.text(alphabet=st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=12)


def rows_of(content: bytes, size: int = 7) -> list[RawRow]:
    blocks = (content[start : start + size] for start in range(0, len(content), size))
    return list(read_rows(blocks, delimiter=",", encoding="utf-8"))


@given(st.binary(max_size=400), st.integers(1, 50))
def test_garbage_gives_rows_or_reasons_and_never_an_error(content: bytes, size: int) -> None:
    for row in rows_of(content, size):
        assert row.line >= 1
        assert bool(row.problem) != bool(row.cells)


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=8), st.integers(1, 30))
def test_what_is_written_is_read_however_it_is_cut(rows: list[list[str]], size: int) -> None:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    expected = [tuple(cell.strip() for cell in row) for row in rows]
    found = [row.cells for row in rows_of(out.getvalue().encode(), size)]
    assert found == [row for row in expected if any(row)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,b\n"never closed,x\nc,d\n', [(1, ""), (2, "unbalanced-quotes"), (3, "")]),
        (b"a,b\n\xff\xfe,x\nc,d\n", [(1, ""), (2, "encoding"), (3, "")]),
        (b"a,b\n" + b"x" * (LONGEST_ROW + 1) + b"\nc,d\n", [(1, ""), (2, "too-long"), (3, "")]),
        (b'a,b\n"x"y,z\nc,d\n', [(1, ""), (2, "malformed"), (3, "")]),
        (b"\xef\xbb\xbfa,b\r\n\r\nc,d", [(1, ""), (3, "")]),
        (b'a,b\n"two\nlines",x\nc,d\n', [(1, ""), (2, ""), (4, "")]),
        (b"", []),
    ],
)
def test_a_spoilt_row_spoils_no_other(content: bytes, expected: list[tuple[int, str]]) -> None:
    assert [(row.line, row.problem) for row in rows_of(content, 4096)] == expected


def test_a_quote_that_never_closes_is_given_up_after_some_lines() -> None:
    content = b'"' + b"x\n" * (MOST_LINES * 3)
    found = rows_of(content, 4096)
    assert found[0].problem == "unbalanced-quotes"
    assert len(found) == MOST_LINES * 3


def test_memory_is_bounded_by_the_row_not_the_file() -> None:
    served = 0

    def endless() -> Iterator[bytes]:
        nonlocal served
        while served < 400:
            served += 1
            yield b"a,b\n" * 1000

    reading = read_rows(endless(), delimiter=",", encoding="utf-8")
    for _ in range(1500):
        next(reading)
    assert served <= 3
