"""Client files by the ten thousand, made by SQL: what sweeping, finding and clocking are measured on.

Their keys grow with time, as those do that Muniment makes (`muniment.database.ids.new_id`).
"""

from __future__ import annotations

import psycopg

from muniment.accounts.permissions import command_caller
from muniment.retention.actors import recompute
from muniment.retention.approval.arming import arm, preview
from muniment.retention.clocks.current import RECOMPUTE
from tests.benchmarks.stage import SERVICE, Stage

__all__ = ["RECORD_CLASS", "arm_class", "clock_all", "fill", "see"]

RECORD_CLASS = f"{SERVICE}/service-user-digital"

POPULATE = f"""
create temporary table made as
  select uuidv7() as person_id, uuidv7() as file_id, number from generate_series(1, %(files)s) number;
insert into person (council_id, id) select %(council_id)s, person_id from made;
insert into client_file (council_id, id, person_id, service, reference, reference_key, name_key, opened_on, source,
    generated)
  select %(council_id)s, file_id, person_id, '{SERVICE}', file_id, file_id, 'generated', date '2015-06-01', 'the-person',
    true
  from made;
insert into milestone (council_id, id, file_id, kind, happened_on, own_act, source, noted_on)
  select %(council_id)s, uuidv7(), file_id, 'case-closed', date %(closed_on)s + (number %% 300)::int, false,
    'the-person', date '2018-12-01'
  from made;
insert into record (council_id, id, file_id, record_class, medium, recorded_on, values)
  select %(council_id)s, uuidv7(), file_id, '{RECORD_CLASS}', 'digital', date '2016-01-01' + (number %% 300)::int,
    '{{"personal-data.name": {{"v": "Generated", "s": "the-person", "on": "2016-01-01", "p": []}}}}'
  from made, generate_series(1, %(records)s);
analyze;
"""  # noqa: E501


def fill(stage: Stage, name: str, *, files: int, records: int, closed_on: str = "2018-01-01") -> None:
    """Add client files with so many records each, made by a superuser and clocked by nobody yet.

    Their cases were closed on `closed_on` or in the 299 days after it.
    """
    values = {"council_id": stage.council_id, "files": files, "records": records, "closed_on": closed_on}
    with psycopg.connect(stage.bare_url(name)) as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(POPULATE, values)


def clock_all(stage: Stage, name: str) -> None:
    """Have the actor clock everything that is not clocked, turn after turn for as long as it asks for another."""
    deployment = stage.deployment(name)
    rung = [RECOMPUTE]
    deployment.database.doorbell = lambda actor, _arguments: rung.append(actor)
    while RECOMPUTE in rung:
        rung.clear()
        recompute.run(deployment, stage.council_id)
    deployment.database.close()


def arm_class(stage: Stage, name: str, *, due: int) -> None:
    """Arm the rule of the class, of which so many records must be due."""
    deployment = stage.deployment(name)
    caller = command_caller(stage.council_id, "benchmark")
    with deployment.database.council(stage.council_id, caller.actor) as session:
        seen = preview(session, caller, RECORD_CLASS)
        see(seen.due, due)
        arm(session, caller, RECORD_CLASS, seen.rule_hash)
    deployment.database.close()
    stage.run("vacuum analyze", name)


def see(found: int, expected: int) -> None:
    """Raises `RuntimeError` unless as many were found: the measurement would mean nothing."""
    if found != expected:
        raise RuntimeError(f"{found} where {expected} were expected: the measurement would mean nothing")
