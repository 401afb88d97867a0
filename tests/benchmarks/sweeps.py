"""The sweep, with everything it leaves behind, against the bare deletion of the same rows.

Ours: rows that are clocked, under an armed rule; locks, holds looked at, stubs, persons, certificates, audit events,
the erasure ledger synced twice a chunk. Bare: a superuser's `delete` of records, files and persons by key, committed in
chunks of as many records.
"""

from __future__ import annotations

import psycopg

from muniment.accounts.permissions import command_caller
from muniment.jobs.drain import Drain
from muniment.retention.actors import recompute
from muniment.retention.approval.arming import arm, preview
from muniment.retention.disposal.sweep import FILES, run_view, start_sweep
from muniment.wiring import actors
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.stage import SERVICE, Stage

__all__ = ["sweeping"]

RECORDS = 10
RECORD_CLASS = f"{SERVICE}/service-user-digital"

POPULATE = f"""
create temporary table made as
  select gen_random_uuid() as person_id, gen_random_uuid() as file_id, number from generate_series(1, %(files)s) number;
insert into person (council_id, id) select %(council_id)s, person_id from made;
insert into client_file (council_id, id, person_id, service, reference, reference_key, name_key, opened_on, source,
    generated)
  select %(council_id)s, file_id, person_id, '{SERVICE}', number, number, 'generated', date '2015-06-01', 'the-person',
    true
  from made;
insert into milestone (council_id, id, file_id, kind, happened_on, own_act, source, noted_on)
  select %(council_id)s, gen_random_uuid(), file_id, 'case-closed', date '2018-01-01' + (number %% 300)::int, false,
    'the-person', date '2018-12-01'
  from made;
insert into record (council_id, id, file_id, record_class, medium, recorded_on, values)
  select %(council_id)s, gen_random_uuid(), file_id, '{RECORD_CLASS}', 'digital', date '2016-01-01' + (number %% 300)::int,
    '{{"personal-data.name": {{"v": "Generated", "s": "the-person", "on": "2016-01-01", "p": []}}}}'
  from made, generate_series(1, {RECORDS});
analyze;
"""  # noqa: E501


def sweeping(stage: Stage, *, files: int, rounds: int) -> Figure:
    """Measure it over `files` client files with ten records each, all due."""
    with stage.copy() as full:
        _populate(stage, full, files)
        return compare(
            f"sweep of {files:,} client files with {RECORDS} records each, against bare chunked deletes",
            "cost",
            2.0,
            lambda name: _sweep(stage, name),
            lambda name: _delete(stage, name),
            on=lambda: stage.copy(full),
            rounds=rounds,
        )


def _populate(stage: Stage, name: str, files: int) -> None:
    """Rows made by a superuser, then clocked and armed by ourselves."""
    with psycopg.connect(stage.bare_url(name)) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(POPULATE, {"council_id": stage.council_id, "files": files})
    deployment = stage.deployment(name)
    recompute.run(deployment, stage.council_id)
    caller = command_caller(stage.council_id, "benchmark")
    with deployment.database.council(stage.council_id, caller.actor) as session:
        seen = preview(session, caller, RECORD_CLASS)
        _see(seen.due, files * RECORDS)
        arm(session, caller, RECORD_CLASS, seen.rule_hash)
    deployment.database.close()
    stage.run("vacuum analyze", name)


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
    _see(run.disposed, run.files * RECORDS)


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


def _see(found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(f"{found} records where {expected} were expected: the measurement would mean nothing")
