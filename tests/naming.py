"""Finds a query of the product that does not name the council whose rows it means, in whichever test runs it.

Row-level security alone would keep councils apart. A query that says whose rows it means besides is right without it,
can use the primary key, and tells its reader. So every table of councils that a query reads, changes or deletes from
must have its `council_id` compared, in that query or subquery: with a value, with a table around it, or with another
table beside it of which the same is true.

`watch()`, which every run of the tests asks for, has each statement looked at when it is first executed. What a test
executes itself is the test's affair.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Engine, event

import muniment
from muniment.database.base import Base, is_council_table
from muniment.database.exchange import Statement

__all__ = ["unnamed", "watch"]

PASSING_ON = tuple(f"/muniment/database/{name}.py" for name in ("exchange", "session", "advisory"))
"""What asks for others."""

PRODUCT = str(Path(muniment.__path__[0]))
QUERY = re.compile(r"\s*(select|with|update|delete|insert|values)\b", re.IGNORECASE)
FROM = re.compile(
    r"\b(?:from|using|update)\s(.*?)(?=\b(?:where|set|group|order|limit|for|returning|union|having|offset|with|on\s+conflict)\b|$)",
    re.IGNORECASE | re.DOTALL,
)
BETWEEN = re.compile(r",|\b(?:join|left|right|full|inner|outer|cross|lateral|only)\b", re.IGNORECASE)
SOURCE = re.compile(r"\s*(\w+)(?![\w.(=])(?:\s+(?:as\s+)?(?!on\b)(\w+))?", re.IGNORECASE)
COMPARED = re.compile(r"(?:(\w+)\.)?council_id\s*=\s*(?:(\w+)\.council_id\b)?", re.IGNORECASE)
ROWS_COMPARED = re.compile(r"\((\w+)\.council_id,[^()]*\)\s*=\s*\((\w+)\.council_id,", re.IGNORECASE)


def watch() -> None:
    """Have every statement looked at that the product executes in this process."""
    known: dict[str, list[str]] = {}

    def look(conn: Any, cursor: Any, sql: str, parameters: Any, context: Any, executemany: bool) -> None:
        missing = known.get(sql)
        if missing is None:
            missing = known[sql] = unnamed(sql)
        if missing and (asker := _asker()):
            # Not an `Exception`: the product takes those for a file's fault, and parks the file.
            pytest.fail(f"{asker}: say whose {', '.join(missing)} (council_id == session.council_id):\n{sql}")

    def written(self: Statement, statement: ClauseElement) -> None:
        write(self, statement)
        look(None, None, self.query.decode(), None, None, False)

    write, Statement.__init__ = Statement.__init__, written  # type: ignore[method-assign]  # it goes past the engine
    event.listen(Engine, "before_cursor_execute", look)


def _asker() -> str | None:
    """The place in the product that executes a statement; None where a test does."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        name = frame.f_code.co_filename
        if "/sqlalchemy/" not in name and not name.endswith(PASSING_ON):
            ours = name.startswith(PRODUCT) and "/migrations/" not in name  # those walk councils: see their steps
            return f"{name}:{frame.f_lineno}" if ours else None
        frame = frame.f_back
    return None


def unnamed(sql: str) -> list[str]:
    """The tables of councils in a statement of which nothing says whose rows are meant, in order."""
    tables = {table.name for table in Base.metadata.tables.values() if is_council_table(table)}
    if sql.endswith("with no data"):
        return []
    return sorted({name for query in _queries(sql) for name in _of_query(query, tables)})


def _of_query(sql: str, tables: set[str]) -> Iterator[str]:
    if re.search(r"\bwhere false\b", sql, re.IGNORECASE):  # what SQLAlchemy makes of a condition that is never true
        return
    sources: dict[str, str] = {}
    for body in FROM.findall(sql):
        for match in filter(None, map(SOURCE.match, BETWEEN.split(body))):
            if match[1] in tables:
                sources[match[2] or match[1]] = match[1]
    named: set[str] = set()
    pairs = []
    for left, right in COMPARED.findall(sql) + ROWS_COMPARED.findall(sql):
        ours = left or next(iter(sources), "")  # without a prefix there is but one table
        if right in sources and ours in sources:
            pairs.append((ours, right))
        else:
            named |= {ours, right}
    for _ in pairs:
        named |= {name for pair in pairs if named & set(pair) for name in pair}
    yield from (name for alias, name in sources.items() if alias not in named)


def _queries(sql: str) -> Iterator[str]:
    """Each query in a statement without those inside it; brackets about anything else belong to what is around."""
    within: list[list[str]] = [[]]
    opened: list[bool] = []
    parts = re.split(r"([()])", re.sub(r"'(?:[^']|'')*'", "''", sql))
    for part, following in pairwise([*parts, ""]):
        if part == "(":
            opened.append(QUERY.match(following) is not None)
            if opened[-1]:
                within.append([])
        elif part == ")" and opened.pop():
            yield from _parts(within.pop())
        within[-1].append(part)
    yield from _parts(within[0])


def _parts(query: list[str]) -> list[str]:
    return re.split(r"\bunion(?:\s+all)?\b", "".join(query), flags=re.IGNORECASE)
