"""Asking a connector, so that neither its system nor its code can do harm by failing.

What comes back is read with suspicion: of an answer that is not understood, or that speaks of a key nobody asked about,
nothing is believed. A call that hangs is left behind in its thread, and its plugin is asked nothing more until it has
come back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog

from muniment.api.connectors import Erasure
from muniment.plugins.limits import in_time

__all__ = ["PATIENCE", "ConnectorFailed", "ask_erasures", "ask_still_there"]

PATIENCE = 30.0
"""Seconds that a connector may take over one call."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


class ConnectorFailed(Exception):
    """A call came to nothing: `code` says why (`timed-out`, `raised`, `not-understood`, `foreign-key`, ...)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def ask_erasures(
    plugin: str, call: Callable[[], object], keys: Collection[str], patience: float = PATIENCE
) -> Mapping[str, Erasure]:
    """What the system says of each key. One without an answer has failed (`no-answer`), and so has one with two that
    differ (`two-answers`). Raises `ConnectorFailed`."""
    answers = _asked(plugin, call, list[Erasure], most=2 * len(keys), patience=patience)
    found: dict[str, Erasure] = {}
    for answer in answers:
        if answer.key not in keys:
            raise _failed(plugin, "foreign-key")
        if answer.outcome == "later" and (answer.after is None or answer.after.tzinfo is None):
            answer = Erasure(answer.key, "failed", reason="no-instant")
        if found.setdefault(answer.key, answer) != answer:
            found[answer.key] = Erasure(answer.key, "failed", reason="two-answers")
    return {key: found.get(key, Erasure(key, "failed", reason="no-answer")) for key in keys}


def ask_still_there(
    plugin: str, call: Callable[[], object], keys: Collection[str], patience: float = PATIENCE
) -> frozenset[str]:
    """Those of the keys that the system still holds. Raises `ConnectorFailed`."""
    held = frozenset(_asked(plugin, call, list[str], most=2 * len(keys), patience=patience))
    if not held <= set(keys):
        raise _failed(plugin, "foreign-key")
    return held


def _asked(plugin: str, call: Callable[[], object], as_type: type[T], *, most: int, patience: float) -> T:
    outcome = in_time(f"connector {plugin}", ("connector", plugin), call, patience)
    if outcome.missed == "busy":
        raise _failed(plugin, "still-busy")
    if outcome.missed == "late":
        raise _failed(plugin, "timed-out")
    if outcome.error is not None:
        raise _failed(plugin, "raised", error=type(outcome.error).__name__)
    if not isinstance(outcome.value, Sequence) or isinstance(outcome.value, str | bytes):
        raise _failed(plugin, "not-understood")
    if len(outcome.value) > most:
        raise _failed(plugin, "too-many-answers")
    try:
        return msgspec.convert(msgspec.to_builtins(outcome.value), as_type)
    except (msgspec.ValidationError, TypeError, RecursionError):
        raise _failed(plugin, "not-understood") from None


def _failed(plugin: str, code: str, **more: str) -> ConnectorFailed:
    log.warning("connector_failed", plugin=plugin, code=code, **more)
    return ConnectorFailed(code)
