"""How a run goes, whichever test it is: what marks tests get, in which order they run, and that CI skips none.

These are hooks of pytest; `tests/conftest.py` takes them over by name.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import pytest

from tests import failures

__all__ = [
    "in_order",
    "pytest_collection_modifyitems",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
]

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
Item = TypeVar("Item")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    failures.mark(items)
    for item in items:
        if "server" in getattr(item, "fixturenames", ()):
            item.add_marker("database")
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = in_order(items, [item.get_closest_marker("slow") is not None for item in items], workers)


def in_order(items: Sequence[Item], slow: Sequence[bool], workers: int) -> Iterator[Item]:
    """The items with the slow ones first in what each worker begins with, so that none is left to one at the end.

    Workers begin with one share of the list each, in order; whoever is done takes from the end of another's.
    """
    first = [item for item, takes_long in zip(items, slow, strict=True) if takes_long]
    others = iter([item for item, takes_long in zip(items, slow, strict=True) if not takes_long])
    left = len(items)
    for worker in range(workers):
        mine = first[worker::workers]
        share = left // (workers - worker)
        yield from mine
        yield from islice(others, max(0, share - len(mine)))
        left -= share
    yield from others


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _no_skip_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _no_skip_in_ci((yield))


def _no_skip_in_ci(report: Report) -> Report:
    """CI has all that a test may ask for, so what is skipped there is a failure, with the reason it was skipped for."""
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"nothing may be skipped where CI=true: {reason}"
    return report
