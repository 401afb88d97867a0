"""The list of what has gone wrong elsewhere leads to tests that are there, by the names that the documentation has."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.failures import FAILURES, mark

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reliability.md"


def test_each_failure_has_tests_that_are_there() -> None:
    there: dict[str, set[str]] = {}
    for failure in FAILURES.values():
        for test in failure.tests:
            path, _, function = test.partition("::")
            if path not in there:
                tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
                there[path] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert function in there[path], f"{path} has no {function} any more: name the test that took its place"
        assert failure.tests


def test_the_page_tells_of_each_in_the_same_words() -> None:
    rows = [line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    said = {name.strip().strip("`"): what.strip() for name, what, *_ in rows}
    assert {name: failure.what for name, failure in FAILURES.items()}.items() <= said.items(), lines()


def test_a_test_is_found_by_the_name_of_what_it_would_catch() -> None:
    marks: list[Any] = []
    path = next(test for test in FAILURES["a-day-early-in-summer-time"].tests if "test_sweep" in test)
    item: Any = SimpleNamespace(nodeid=f"tests/{path}[1-spring]", add_marker=marks.append)
    mark([item])
    assert [found.kwargs for found in marks] == [{"failure": "a-day-early-in-summer-time"}]


def lines() -> str:
    """The rows of the table in docs/reliability.md."""
    rows = [f"| `{name}` | {failure.what} |" for name, failure in FAILURES.items()]
    return "the table is to read\n" + "\n".join(rows)
