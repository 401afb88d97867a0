"""From bytes to rows of cells: a CSV file read as a stream, whatever is in it.

Memory is bounded by the longest row that is allowed, not by the file. What cannot be read (a byte that is no character,
a quote that never closes, a line without end) spoils its own row alone; reading goes on at the next line. Pure.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

__all__ = ["LONGEST_ROW", "MOST_LINES", "RawRow", "read_rows"]

LONGEST_ROW: Final = 64 * 1024
"""Bytes a row may have."""

MOST_LINES: Final = 100
"""Lines of the file that one row may go over, where its cells hold line breaks."""

_QUOTE: Final = b'"'


class RawRow(msgspec.Struct, frozen=True):
    """A row as it stands in the file: the number of its first line, from 1, and its cells, or why it has none."""

    line: int
    cells: tuple[str, ...]
    problem: str = ""


def read_rows(content: Iterable[bytes], *, delimiter: str, encoding: str) -> Iterator[RawRow]:
    """The rows of a CSV file (RFC 4180, with `delimiter`), blank lines left out.

    `problem` is `encoding`, `unbalanced-quotes`, `too-long` or `malformed`; the rows after it are read all the same.
    """
    lines = _Lines(content)
    while (start := lines.next()) is not None:
        number, line = start
        if line is None:
            yield RawRow(number, (), "too-long")
            continue
        whole = _whole_row(line, lines)
        if whole is None:
            yield RawRow(number, (), "unbalanced-quotes")
            continue
        row = _parsed(number, whole, delimiter, encoding)
        if row.problem or any(row.cells):
            yield row


def _whole_row(line: bytes, lines: _Lines) -> bytes | None:
    """The row that begins with `line`: as many lines as its quotes need. None, and no more lines taken, if they never
    close."""
    if line.count(_QUOTE) % 2 == 0:
        return line
    taken: list[tuple[int, bytes | None]] = []
    parts, size = [line], len(line)
    while len(parts) < MOST_LINES and size <= LONGEST_ROW and (found := lines.next()) is not None:
        taken.append(found)
        if found[1] is None:
            break
        parts.append(found[1])
        size += len(found[1])
        if found[1].count(_QUOTE) % 2 == 1 and size <= LONGEST_ROW:
            return b"".join(parts)
    lines.give_back(taken)
    return None


def _parsed(number: int, row: bytes, delimiter: str, encoding: str) -> RawRow:
    try:
        text = row.decode(encoding)
    except UnicodeDecodeError:
        return RawRow(number, (), "encoding")
    try:
        found = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return RawRow(number, (), "malformed")
    if len(found) > 1:
        return RawRow(number, (), "malformed")
    return RawRow(number, tuple(cell.strip() for cell in found[0])) if found else RawRow(number, ())


class _Lines:
    """The lines of a stream with their numbers; a line that is too long is None. Lines can be given back."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self._split = _split(content)
        self._waiting: deque[tuple[int, bytes | None]] = deque()
        self._number = 0

    def next(self) -> tuple[int, bytes | None] | None:
        if self._waiting:
            return self._waiting.popleft()
        line = next(self._split, b"")
        if line == b"":
            return None
        self._number += 1
        return self._number, line

    def give_back(self, lines: list[tuple[int, bytes | None]]) -> None:
        self._waiting.extendleft(reversed(lines))


def _split(content: Iterable[bytes]) -> Iterator[bytes | None]:
    """The lines of a stream with their ends, without a byte order mark; None for one longer than a row may be."""
    rest, skipping, first = b"", False, True
    for block in content:
        if first and block:
            block, first = block.removeprefix(codecs.BOM_UTF8), False
        *ended, rest = (rest + block).split(b"\n")
        for line in ended:
            yield None if skipping or len(line) > LONGEST_ROW else line + b"\n"
            skipping = False
        if len(rest) > LONGEST_ROW:
            rest, skipping = b"", True
    if skipping or len(rest) > LONGEST_ROW:
        yield None
    elif rest:
        yield rest
