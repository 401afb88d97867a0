"""Asking judges, so that no judge can do harm by failing.

A judge is given a batch and answers by item. One that raises, answers nonsense or takes more than a second has said no
to the whole batch: values are not stored, records are kept. A judge runs in a thread of its own so that one that never
returns cannot hold up a sweep for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import structlog

from muniment.api.clients import Refusal
from muniment.api.retention import HoldAnswer

__all__ = ["PATIENCE", "Held", "Judge", "Refused", "ask_holds", "ask_refusals"]

PATIENCE = 1.0
"""Seconds that a judge may take over a batch."""

FAILED = "judge-failed"
MISSING = "plugin-missing"

Judge = tuple[str, Callable[[], object]]
"""The plugin's distribution, and the hook with its arguments filled in."""

A = TypeVar("A", Refusal, HoldAnswer)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Refused:
    """A plugin's no to one item: `code` is stable, `reason` one sentence."""

    plugin: str
    item: int
    code: str
    reason: str


@dataclass(frozen=True)
class Held:
    """A plugin's wish to keep one item. `failed` says that it is kept because the judge failed, not by its answer."""

    plugin: str
    item: int
    ground: str
    failed: bool = False


def ask_refusals(judges: Sequence[Judge], items: Sequence[int], missing: Sequence[str] = ()) -> tuple[Refused, ...]:
    """All refusals. `items` are the numbers of the batch; `missing` plugins refuse all of it."""
    refusals: list[Refused] = []
    for plugin in missing if items else ():
        refusals += (Refused(plugin, item, MISSING, _missing(plugin)) for item in items)
    for plugin, judge in judges if items else ():
        answers, failure = _ask(plugin, judge, items, Refusal)
        if failure:
            refusals += (Refused(plugin, item, FAILED, failure) for item in items)
        refusals += (Refused(plugin, answer.item, answer.code, answer.reason) for answer in answers)
    return tuple(refusals)


def ask_holds(judges: Sequence[Judge], items: Sequence[int], missing: Sequence[str] = ()) -> tuple[Held, ...]:
    """All holds. `items` are the numbers of the batch; `missing` plugins hold all of it."""
    holds: list[Held] = []
    for plugin in missing if items else ():
        holds += (Held(plugin, item, _missing(plugin), failed=True) for item in items)
    for plugin, judge in judges if items else ():
        answers, failure = _ask(plugin, judge, items, HoldAnswer)
        if failure:
            holds += (Held(plugin, item, failure, failed=True) for item in items)
        holds += (Held(plugin, answer.item, answer.ground) for answer in answers)
    return tuple(holds)


def _missing(plugin: str) -> str:
    return f"The plugin {plugin}, which the council's policy uses, is not installed."


def _ask(plugin: str, judge: Callable[[], object], items: Sequence[int], as_type: type[A]) -> tuple[list[A], str]:
    """The judge's answers, or why there are none. They are read in its thread too: what it returned is its code."""
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["answer"] = judge()
            outcome["answers"] = msgspec.convert(msgspec.to_builtins(outcome["answer"] or ()), list[as_type])  # type: ignore[valid-type]  # a type at run time
        except BaseException as error:  # reported below: in this thread nobody would hear of it
            outcome["error"] = error

    thread = threading.Thread(target=run, name=f"judge of {plugin}", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        return [], _failure(plugin, f"took longer than {PATIENCE:g} second")
    if "answer" not in outcome:
        return [], _failure(plugin, f"raised {type(outcome['error']).__name__}")
    if "answers" not in outcome:
        return [], _failure(plugin, f"answered something other than a list of {as_type.__name__}")
    answers: list[A] = outcome["answers"]
    if not {answer.item for answer in answers} <= set(items):
        return [], _failure(plugin, "answered about an item that it was not asked about")
    return answers, ""


def _failure(plugin: str, what: str) -> str:
    log.error("judge_failed", plugin=plugin, what=what)
    return f"The plugin {plugin} {what}, which counts as a no to everything it was asked."
