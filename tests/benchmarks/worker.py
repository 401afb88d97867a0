"""A worker in a process of its own: what a sweep costs it in memory, and what it costs the people at their screens."""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.connection import Connection
from uuid import UUID

import muniment.schema  # noqa: F401
from muniment.accounts.permissions import command_caller
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.jobs.drain import Drain
from muniment.keys import KeyRing
from muniment.plugins.manager import load_plugins
from muniment.retention.disposal.sweep import start_sweep
from muniment.settings import Settings
from muniment.wiring import actors, wire
from tests.benchmarks.filled import arm_class, clock_all, fill
from tests.benchmarks.harness import Figure
from tests.benchmarks.stage import TODAY, Stage

__all__ = ["memory", "sweep_apart"]

MIB = 1024 * 1024
LIMIT = 200


def memory(stage: Stage, *, few: int, many: int) -> Figure:
    """How much of 200 MiB the process of a worker takes at its peak, sweeping few due files and many."""
    peaks = []
    for files in (few, many):
        with stage.copy() as name:
            fill(stage, name, files=files, records=1)
            clock_all(stage, name)
            arm_class(stage, name, due=files)
            peaks.append(_peak(stage, name))
    what = f"peak memory of a worker that sweeps {few:,} and {many:,} due files, of {LIMIT} MiB"
    return Figure(what, "cost", 1.0, tuple(peak / (LIMIT * MIB) for peak in peaks))


def _peak(stage: Stage, name: str) -> int:
    ours, theirs = multiprocessing.Pipe()
    process = sweep_apart(stage, name, theirs)
    theirs.close()
    peak = int(ours.recv())
    process.join(60)
    return peak


def sweep_apart(stage: Stage, name: str, told: Connection | None = None) -> multiprocessing.process.BaseProcess:
    """Begin a sweep of the whole council in another process, which says at its end how much memory it took (bytes)."""
    deployment = stage.deployment(name)
    settings, council_id = deployment.settings, stage.council_id
    deployment.database.close()
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(settings, council_id, told))
    process.start()
    return process


def _work(settings: Settings, council_id: UUID, told: Connection | None) -> None:
    wire()
    clock = FixedClock(TODAY)
    keys = KeyRing.open(settings.keys_file)
    deployment = Deployment(settings, Database.open(settings, clock), clock, keys, load_plugins())
    work = Drain(deployment, actors())
    caller = command_caller(council_id, "benchmark")
    with deployment.database.council(council_id, caller.actor) as session:
        start_sweep(session, caller)
    work.run()
    deployment.database.close()
    if told is not None:
        told.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
