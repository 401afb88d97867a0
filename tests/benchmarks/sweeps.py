"""The sweep, with everything it leaves behind, against the bare deletion of the same rows.

Ours: rows that are clocked, under an armed rule; locks, holds looked at, stubs, persons, certificates, audit events,
the erasure ledger synced twice a chunk; nobody else uses the database, so it never rests (`screens` measures that).
Bare: a superuser's `delete` of records, files and persons by key, committed in chunks of as many records.
"""

from __future__ import annotations

import psycopg

from muniment.accounts.permissions import command_caller
from muniment.jobs.drain import Drain
from muniment.retention.disposal.sweep import FILES, run_view, start_sweep
from muniment.wiring import actors
from tests.benchmarks.filled import arm_class, clock_all, fill, see
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.stage import Stage

__all__ = ["sweeping"]

RECORDS = 10


def sweeping(stage: Stage, *, files: int, rounds: int) -> Figure:
    """Measure it over `files` client files with ten records each, all due."""
    with stage.copy() as full:
        fill(stage, full, files=files, records=RECORDS)
        clock_all(stage, full)
        arm_class(stage, full, due=files * RECORDS)
        return compare(
            f"sweep of {files:,} client files with {RECORDS} records each, against bare chunked deletes",
            "cost",
            2.0,
            lambda name: _sweep(stage, name),
            lambda name: _delete(stage, name),
            on=lambda: stage.copy(full),
            rounds=rounds,
        )


def _sweep(stage: Stage, name: str) -> None:
    """As `muniment retention sweep` does it: ask for a run, do the work that this sets going."""
    deployment = stage.deployment(name)
    work = Drain(deployment, actors())
    caller = command_caller(stage.council_id, "benchmark")
    with deployment.database.council(stage.council_id, caller.actor) as session:
        run_id = start_sweep(session, caller)
    work.run()
    with deployment.database.council(stage.council_id, caller.actor) as session:
        run = run_view(session, caller, run_id)
    deployment.database.close()
    see(run.disposed, run.files * RECORDS)


def _delete(stage: Stage, name: str) -> None:
    with psycopg.connect(stage.bare_url(name)) as connection:
        while True:
            rows = connection.execute(f"select id, person_id from client_file limit {FILES}").fetchall()
            if not rows:
                break
            files, persons = ([row[place] for row in rows] for place in (0, 1))
            for statement, ids in (
                ("delete from record where council_id = %s and file_id = any(%s)", files),
                ("delete from client_file where council_id = %s and id = any(%s)", files),
                ("delete from person where council_id = %s and id = any(%s)", persons),
            ):
                connection.execute(statement, [stage.council_id, ids])
            connection.commit()
