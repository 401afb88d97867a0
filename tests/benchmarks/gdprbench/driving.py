"""Driving one side: so many clients at once, each through its own steps, with what every step took."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.benchmarks.gdprbench.mixes import Op, Step

__all__ = ["Outcome", "Side", "drive"]


class Side(Protocol):
    """Whoever carries out steps. `wrong` are numbers of records that were returned to another council."""

    wrong: list[int]

    def do(self, step: Step) -> None:
        """Carry out one step. Raises whatever went wrong."""


@dataclass
class Outcome:
    """What a run came to: how long it took in all, the steps that were begun, what each took (in seconds), and what
    went wrong."""

    seconds: float = 0.0
    until: float = math.inf
    begun: list[Step] = field(default_factory=list)
    took: dict[Op, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    wrong: int = 0

    @property
    def done(self) -> int:
        """How many steps were carried out."""
        return sum(map(len, self.took.values()))

    @property
    def rate(self) -> float:
        """Steps a second."""
        return self.done / self.seconds

    def percentile(self, share: float) -> float:
        """The time in milliseconds within which this share of all steps was done (nearest rank)."""
        ordered = sorted(seconds for each in self.took.values() for seconds in each)
        return 1000 * ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def drive(side: Side, steps: Sequence[Step], clients: int, seconds: float = math.inf) -> Outcome:
    """Carry out the steps with so many clients, who take turns in the list; a step that fails is counted and left.

    When the time is up no other step is begun; each client has begun one at least.
    """
    outcome, lock = Outcome(), threading.Lock()
    ready = threading.Barrier(clients + 1)

    def work(mine: Sequence[Step]) -> None:
        took: list[tuple[Op, float]] = []
        failed: list[str] = []
        begun: list[Step] = []
        ready.wait()
        for step in mine:
            start = time.perf_counter()
            if begun and start > outcome.until:
                break
            begun.append(step)
            try:
                side.do(step)
                took.append((step.op, time.perf_counter() - start))
            except Exception as error:  # whatever it is: the report says so, and the run goes on
                failed.append(f"{step.op}: {type(error).__name__}: {error}")
        with lock:
            outcome.errors.update(failed)
            outcome.begun += begun
            for op, seconds in took:
                outcome.took.setdefault(op, []).append(seconds)

    before = len(side.wrong)
    threads = [threading.Thread(target=work, args=(steps[number::clients],)) for number in range(clients)]
    for thread in threads:
        thread.start()
    start = time.perf_counter()
    outcome.until = start + seconds
    ready.wait()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - start
    outcome.wrong = len(side.wrong) - before
    return outcome
