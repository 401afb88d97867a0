"""Telling observers, so that none can do harm by failing.

What an observer is told of is committed: it can neither undo it nor hold up the worker or the request that did it. One
that raises or takes more than a second is logged with plugin and hook, and stops no other. While one is still at an
earlier call it is told nothing further: at most once is what was promised, and one hanging plugin must not fill a
process with threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

import structlog

from muniment.plugins.limits import in_time

__all__ = ["PATIENCE", "tell"]

PATIENCE = 1.0
"""Seconds that an observer may take."""

_hanging: dict[Hashable, threading.Thread] = {}
log = structlog.get_logger(__name__)


def tell(plugin: str, hook: str, observer: Hashable, call: Callable[[], object]) -> None:
    """Call an observer. `observer` is what is called, to know it by when it has not returned from an earlier call."""
    earlier = _hanging.get(observer)
    if earlier is not None and earlier.is_alive():
        log.error("observer_failed", plugin=plugin, hook=hook, error="still at an earlier call")
        return
    outcome = in_time(f"observer of {plugin}", call, PATIENCE)
    if outcome.late is not None:
        _hanging[observer] = outcome.late
        log.error("observer_failed", plugin=plugin, hook=hook, error=f"took longer than {PATIENCE:g} second")
    else:
        _hanging.pop(observer, None)
    if outcome.error is not None:
        log.error("observer_failed", plugin=plugin, hook=hook, error=type(outcome.error).__name__)
