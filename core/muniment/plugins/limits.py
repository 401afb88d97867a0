"""Calling a plugin's code so that it cannot hold up whoever calls: in a thread of its own, for so long and no longer.

Nothing can stop a thread. One that does not return is left behind: it is a daemon, and ends with the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Outcome", "in_time"]


@dataclass(frozen=True)
class Outcome:
    """What came of a call: its value, what it raised, or the thread that is still at it."""

    value: object = None
    error: BaseException | None = None
    late: threading.Thread | None = None


def in_time(name: str, work: Callable[[], object], seconds: float) -> Outcome:
    """Call `work` in a thread of that name and wait for it for `seconds`. Whatever it raises is in the outcome."""
    outcome: list[Outcome] = []

    def run() -> None:
        try:
            outcome.append(Outcome(work()))
        except BaseException as error:  # told by the outcome: in this thread nobody would hear of it
            outcome.append(Outcome(error=error))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else Outcome(late=thread)
