"""Ratios of ours against the bare equivalent, taken in turns in one run.

Absolute times mean nothing on a shared machine. Each round measures both sides, one after the other and in alternating
order; the figure is the median of the rounds' ratios, with the lowest and highest beside it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, TypeVar

__all__ = ["Figure", "compare", "table"]

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """One line of the report.

    `rate`: how much of the bare rate is left (higher is better, aim at `target` or more); `cost`: how many times the
    bare duration it takes (lower is better, aim at `target` or less); `time`: microseconds, with no bare side.
    """

    name: str
    kind: Literal["rate", "cost", "time"]
    target: float
    ratios: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    @property
    def met(self) -> bool:
        return self.median >= self.target if self.kind == "rate" else self.median <= self.target


def compare(
    name: str,
    kind: Literal["rate", "cost"],
    target: float,
    ours: Callable[[T], object],
    bare: Callable[[T], object],
    *,
    on: Callable[[], AbstractContextManager[T]],
    rounds: int,
) -> Figure:
    """Measure both sides `rounds` times, after one round that does not count.

    `on` gives each side what it works on; setting that up and clearing it away is not measured.
    """
    ratios: list[float] = []
    for number in range(rounds + 1):
        seconds: dict[Callable[[T], object], float] = {}
        for side in (ours, bare) if number % 2 else (bare, ours):
            with on() as ground:
                start = time.perf_counter()
                side(ground)
                seconds[side] = time.perf_counter() - start
        if number:
            ratios.append(seconds[bare] / seconds[ours] if kind == "rate" else seconds[ours] / seconds[bare])
    return Figure(name, kind, target, tuple(ratios))


def table(figures: list[Figure]) -> str:
    """The report as a Markdown table."""
    lines = ["| what | target | median | lowest | highest | met |", "|---|---|---|---|---|---|"]
    for figure in figures:
        target = {
            "rate": f"at least {figure.target}",
            "cost": f"at most {figure.target} times",
            "time": f"at most {figure.target} µs",
        }[figure.kind]
        lines.append(
            f"| {figure.name} | {target} | {figure.median:.2f} | {min(figure.ratios):.2f} | {max(figure.ratios):.2f} "
            f"| {'yes' if figure.met else 'no'} |"
        )
    return "\n".join(lines)
