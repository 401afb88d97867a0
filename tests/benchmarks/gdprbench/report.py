"""The report: a line for each cell, then each role's ratio, what disposal and space cost, and what went wrong."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.benchmarks.gdprbench.driving import Outcome
from tests.benchmarks.gdprbench.mixes import Op
from tests.benchmarks.gdprbench.town import Town

__all__ = ["TARGET", "Cell", "Dataset", "faults", "report"]

TARGET = 0.6
"""How much of bare PostgreSQL's rate is aimed at."""


@dataclass(frozen=True)
class Cell:
    """One role on one data set with so many clients: both sides, one after the other."""

    town: Town
    clients: int
    persona: str
    ours: Outcome
    bare: Outcome

    @property
    def ratio(self) -> float:
        return self.ours.rate / self.bare.rate


@dataclass(frozen=True)
class Dataset:
    """What else was measured on a data set: seconds until all that was due was gone (and, on our side, certified), and
    bytes of database for each byte of personal data."""

    town: Town
    due: int
    ours_seconds: float
    bare_seconds: float
    ours_space: float
    bare_space: float


def report(cells: Sequence[Cell], datasets: Sequence[Dataset]) -> str:
    """All of it as Markdown."""
    return "\n\n".join((_cells(cells), _personas(cells), _operations(cells), _datasets(datasets), _faults(cells)))


def faults(cells: Iterable[Cell]) -> list[str]:
    """What went wrong on either side, a line for each kind."""
    return [
        f"{side}, {cell.persona}, {cell.town.records:,} records, {cell.town.councils} councils, {cell.clients} clients:"
        f" {times} times {what}"
        for cell in cells
        for side, outcome in (("ours", cell.ours), ("bare", cell.bare))
        for what, times in outcome.errors.items()
    ]


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _cells(cells: Sequence[Cell]) -> str:
    heads = ["records", "councils", "clients", "role", "ops", "ours, ops/s", "bare, ops/s", "ratio",
             "ours p50 / p95 / p99, ms", "bare p50 / p95 / p99, ms"]  # fmt: skip
    rows = [
        (
            f"{cell.town.records:,}",
            cell.town.councils,
            cell.clients,
            cell.persona,
            cell.ours.done,
            f"{cell.ours.rate:.0f}",
            f"{cell.bare.rate:.0f}",
            f"{cell.ratio:.2f}",
            _percentiles(cell.ours),
            _percentiles(cell.bare),
        )
        for cell in cells
    ]
    return _table(heads, rows)


def _percentiles(outcome: Outcome) -> str:
    return " / ".join(f"{outcome.percentile(share):.1f}" for share in (0.5, 0.95, 0.99))


def _personas(cells: Sequence[Cell]) -> str:
    rows = []
    for persona in dict.fromkeys(cell.persona for cell in cells):
        ratios = [cell.ratio for cell in cells if cell.persona == persona]
        median = statistics.median(ratios)
        spread = (f"{median:.2f}", f"{min(ratios):.2f}", f"{max(ratios):.2f}")
        rows.append((persona, f"at least {TARGET}", *spread, "yes" if median >= TARGET else "no"))
    return _table(["role", "target", "median ratio", "lowest", "highest", "met"], rows)


def _operations(cells: Sequence[Cell]) -> str:
    """Each operation by itself, with one client: where the time goes."""
    rows = []
    alone = [cell for cell in cells if cell.clients == 1]
    for op in Op:
        ours = [seconds for cell in alone for seconds in cell.ours.took.get(op, ())]
        bare = [seconds for cell in alone for seconds in cell.bare.took.get(op, ())]
        if ours and bare:
            took, against = 1000 * statistics.median(ours), 1000 * statistics.median(bare)
            rows.append((op, f"{took:.2f}", f"{against:.2f}", f"{against / took:.2f}"))
    return _table(["operation, one client", "ours, median ms", "bare, median ms", "ratio"], rows)


def _datasets(datasets: Sequence[Dataset]) -> str:
    heads = ["records", "councils", "due together", "ours: gone and certified, s", "bare: gone, s", "ratio",
             "ours: bytes per personal byte", "bare"]  # fmt: skip
    rows = [
        (
            f"{each.town.records:,}",
            each.town.councils,
            f"{each.due:,}",
            f"{each.ours_seconds:.2f}",
            f"{each.bare_seconds:.2f}",
            f"{each.bare_seconds / each.ours_seconds:.2f}",
            f"{each.ours_space:.1f}",
            f"{each.bare_space:.1f}",
        )
        for each in datasets
    ]
    return _table(heads, rows)


def _faults(cells: Sequence[Cell]) -> str:
    found = faults(cells)
    wrong = sum(cell.ours.wrong for cell in cells)
    return "\n".join([f"errors {len(found)}, rows of a wrong council {wrong}", *found])
