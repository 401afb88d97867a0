"""What is due costs what is due: finding it among many records against finding as much of it among few.

Both sides are the statement by which a sweep looks for its next chunk, in a database of their own.
"""

from __future__ import annotations

from contextlib import nullcontext

from muniment.accounts.permissions import command_caller
from muniment.jobs.actors import Deployment
from muniment.retention.disposal.chunk import BEGINNING, due_places
from muniment.retention.subjects import RECORDS
from tests.benchmarks.filled import arm_class, clock_all, fill, see
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.stage import Stage

__all__ = ["finding"]

DUE = 1_000
RECENT = "2025-01-01"
TIMES = 20


def finding(stage: Stage, *, few: int, many: int, rounds: int) -> Figure:
    """Measure finding a thousand due records among `many` and among `few`; the others are due in years to come."""
    with stage.copy() as small, stage.copy() as large:
        for name, records in ((small, few), (large, many)):
            fill(stage, name, files=DUE, records=1)
            fill(stage, name, files=(records - DUE) // 10, records=10, closed_on=RECENT)
            clock_all(stage, name)
            arm_class(stage, name, due=DUE)
        here, there = stage.deployment(large), stage.deployment(small)
        try:
            return compare(
                f"finding {DUE:,} due records among {many:,}, against finding them among {few:,}",
                "cost",
                1.5,
                lambda _: _find(stage, here),
                lambda _: _find(stage, there),
                on=nullcontext,
                rounds=rounds,
            )
        finally:
            here.database.close()
            there.database.close()


def _find(stage: Stage, deployment: Deployment) -> None:
    caller = command_caller(stage.council_id, "benchmark")
    for _ in range(TIMES):
        with deployment.database.council(stage.council_id, caller.actor) as session:
            see(len(due_places(session, RECORDS, BEGINNING, DUE + 1)), DUE)
