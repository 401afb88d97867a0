"""Calling a plugin's code so that it cannot hold up whoever calls: in a thread of its own, for so long and no longer.

Nothing can stop a thread. One that does not return is left behind: it is a daemon, and ends with the process. Until it
has come back its owner is called no more, so one hanging plugin cannot fill a process with threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Outcome", "in_time"]

_lock = threading.Lock()
_left_behind: dict[Hashable, list[threading.Thread]] = {}


@dataclass(frozen=True)
class Outcome:
    """What came of a call: its value, what it raised, or why there is neither.

    `late`: it has not returned in time. `busy`: it was not made, as an earlier one has not returned to this day.
    """

    value: object = None
    error: BaseException | None = None
    missed: Literal["late", "busy"] | None = None


def in_time(name: str, owner: Hashable, work: Callable[[], object], seconds: float) -> Outcome:
    """Call `work` in a thread of that name and wait for it for `seconds`. Whatever it raises is in the outcome.

    `owner` is who is not called again while a call that came too late goes on.
    """
    outcome: list[Outcome] = []

    def run() -> None:
        try:
            outcome.append(Outcome(work()))
        except BaseException as error:  # told by the outcome: in this thread nobody would hear of it
            outcome.append(Outcome(error=error))

    if _is_busy(owner):
        return Outcome(missed="busy")
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if outcome:
        return outcome[0]
    with _lock:
        _left_behind.setdefault(owner, []).append(thread)
    return Outcome(missed="late")


def _is_busy(owner: Hashable) -> bool:
    with _lock:
        if any(thread.is_alive() for thread in _left_behind.get(owner, ())):
            return True
        _left_behind.pop(owner, None)
        return False
