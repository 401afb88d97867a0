"""Asking judges, so that no judge can do harm by failing.

A judge is given a batch and answers by item. One that raises, answers nonsense or takes more than a second has said no
to the whole batch: values are not stored, records are kept. A judge runs in a thread of its own so that one that never
returns cannot hold up a sweep for ever; until it has returned it has said no to whatever else the council would ask.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import msgspec
import structlog

from muniment.api.clients import Refusal
from muniment.api.retention import HoldAnswer
from muniment.plugins.limits import in_time

__all__ = ["PATIENCE", "Held", "Judge", "Refused", "ask_holds", "ask_refusals"]

PATIENCE = 1.0
"""Seconds that a judge may take over a batch."""

FAILED = "judge-failed"
MISSING = "plugin-missing"

A = TypeVar("A", Refusal, HoldAnswer)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Judge:
    """Who is asked: the plugin's distribution, and the hook with its arguments filled in.

    `known_as` is what the judge is known by when it has not returned from an earlier question.
    """

    plugin: str
    known_as: Hashable
    ask: Callable[[], object]


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
    for judge in judges if items else ():
        answers, failure = _ask(judge, items, Refusal)
        if failure:
            refusals += (Refused(judge.plugin, item, FAILED, failure) for item in items)
        refusals += (Refused(judge.plugin, answer.item, answer.code, answer.reason) for answer in answers)
    return tuple(refusals)


def ask_holds(judges: Sequence[Judge], items: Sequence[int], missing: Sequence[str] = ()) -> tuple[Held, ...]:
    """All holds. `items` are the numbers of the batch; `missing` plugins hold all of it."""
    holds: list[Held] = []
    for plugin in missing if items else ():
        holds += (Held(plugin, item, _missing(plugin), failed=True) for item in items)
    for judge in judges if items else ():
        answers, failure = _ask(judge, items, HoldAnswer)
        if failure:
            holds += (Held(judge.plugin, item, failure, failed=True) for item in items)
        holds += (Held(judge.plugin, answer.item, answer.ground) for answer in answers)
    return tuple(holds)


def _missing(plugin: str) -> str:
    return f"The plugin {plugin}, which the council's policy uses, is not installed."


def _ask(judge: Judge, items: Sequence[int], as_type: type[A]) -> tuple[list[A], str]:
    """The judge's answers, or why there are none. They are read in its thread too: what it returned is its code."""
    outcome = in_time(f"judge of {judge.plugin}", judge.known_as, lambda: _answers(judge.ask(), as_type), PATIENCE)
    if outcome.missed == "busy":
        return [], _failure(
            judge.plugin, f"took longer than {PATIENCE:g} second over an earlier question and is still at it"
        )
    if outcome.missed == "late":
        return [], _failure(judge.plugin, f"took longer than {PATIENCE:g} second")
    if outcome.error is not None:
        return [], _failure(judge.plugin, f"raised {type(outcome.error).__name__}")
    if outcome.value is None:
        return [], _failure(judge.plugin, f"answered something other than a list of {as_type.__name__}")
    answers = cast("list[A]", outcome.value)
    if not {answer.item for answer in answers} <= set(items):
        return [], _failure(judge.plugin, "answered about an item that it was not asked about")
    return answers, ""


def _answers(answer: object, as_type: type[A]) -> list[A] | None:
    """What a judge answered, None if that is not understood."""
    try:
        return msgspec.convert(msgspec.to_builtins(answer or ()), list[as_type])  # type: ignore[valid-type]  # a type at run time
    except BaseException:  # whatever it is made of: reading it calls its code
        return None


def _failure(plugin: str, what: str) -> str:
    log.error("judge_failed", plugin=plugin, what=what)
    return f"The plugin {plugin} {what}, which counts as a no to everything it was asked."
