"""A judge that does its worst: it has said no to what it was asked, and whoever asked goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from muniment.api.retention import HoldAnswer
from muniment.plugins import judges
from muniment.plugins.judges import Judge, ask_holds

ITEMS = [1, 2]


class Unreadable:
    """Raises whatever is asked of it."""

    def __bool__(self) -> NoReturn:
        raise RuntimeError("Generated Person")


def _endless() -> list[Any]:
    answer: list[Any] = []
    answer.append(answer)
    return answer


def _slow() -> Iterator[HoldAnswer]:
    time.sleep(30)
    yield HoldAnswer(item=1, ground="too late")


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        (lambda: 1 / 0, "raised ZeroDivisionError"),
        (lambda: sys.exit(0), "raised SystemExit"),
        (_endless, "answered something other"),
        (Unreadable, "answered something other"),
        (lambda: "no", "answered something other"),
        (lambda: [{"item": 1}], "answered something other"),
        (lambda: [HoldAnswer(item="1", ground="x")], "answered something other"),  # type: ignore[arg-type]  # on purpose
        (lambda: [HoldAnswer(item=3, ground="x")], "was not asked about"),
        (lambda: list(_slow()), "took longer"),
    ],
)
def test_failing_holds_everything(judge: Callable[[], object], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "PATIENCE", 0.2)
    holds = ask_holds([Judge("muniment-hostile", judge, judge)], ITEMS)
    assert [(hold.item, hold.failed) for hold in holds] == [(1, True), (2, True)]
    assert all(told in hold.ground and "Generated" not in hold.ground for hold in holds)


def test_many_answers_are_read_in_time() -> None:
    items = list(range(20_000))
    judge = Judge("muniment-busy", "busy", lambda: [HoldAnswer(item=item, ground="x") for item in items])
    holds = ask_holds([judge], items)
    assert not any(hold.failed for hold in holds)
    assert len(holds) == len(items)
