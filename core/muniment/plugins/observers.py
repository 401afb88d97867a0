"""Telling observers, so that none can do harm by failing.

What an observer is told of is committed: it can neither undo it nor hold up the worker or the request that did it. One
that raises or takes more than a second is logged with plugin and hook, and stops no other. While one is still at an
earlier call it is told nothing further: at most once is what was promised.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import structlog

from muniment.plugins.limits import in_time

__all__ = ["PATIENCE", "tell"]

PATIENCE = 1.0
"""Seconds that an observer may take."""

log = structlog.get_logger(__name__)


def tell(plugin: str, hook: str, observer: Hashable, call: Callable[[], object]) -> None:
    """Call an observer. `observer` is what is called, to know it by when it has not returned from an earlier call."""
    outcome = in_time(f"observer of {plugin}", observer, call, PATIENCE)
    if outcome.missed == "busy":
        log.error("observer_failed", plugin=plugin, hook=hook, error="still at an earlier call")
    elif outcome.missed == "late":
        log.error("observer_failed", plugin=plugin, hook=hook, error=f"took longer than {PATIENCE:g} second")
    elif outcome.error is not None:
        log.error("observer_failed", plugin=plugin, hook=hook, error=type(outcome.error).__name__)
