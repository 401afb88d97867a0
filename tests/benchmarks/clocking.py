"""Clocking records anew against a bare `update` that writes the same columns of the same rows.

Ours: the actor that runs after a policy was adopted; it finds what no rule in force has clocked, locks files, computes
every clause from the facts of the file, and commits chunk by chunk. Bare: a superuser's `update` from a table that
holds the results ready made, joined by key, in chunks of as many rows.

Measured twice: with rows that all change, and with rows that another rule clocked and that come to the same, which are
looked at and not written.
"""

from __future__ import annotations

import psycopg

from muniment.retention.clocks.recomputing import CHUNK
from tests.benchmarks.filled import clock_all, fill, see
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.stage import Stage

__all__ = ["clocking"]

RECORDS = 10
PREPARE = """
create table result as
  select council_id, id, state, due_on, action, stage, rule_hash, row_number() over (order by id) / {chunk} as chunk
  from record;
create index on result (chunk);
"""
CHANGING = "update record set state = null, due_on = null, action = null, stage = null, rule_hash = null"
STAYING = "update record set rule_hash = repeat('0', 64)"
"""As under another rule, by which every record comes to another day, or each to the same."""
UPDATE = """
update record r set state = t.state, due_on = t.due_on, action = t.action, stage = t.stage, rule_hash = t.rule_hash
from result t where t.chunk = %s and r.council_id = t.council_id and r.id = t.id
"""


def clocking(stage: Stage, *, records: int, rounds: int) -> tuple[Figure, Figure]:
    """Measure it over so many records, ten in each file."""
    with stage.copy() as full:
        fill(stage, full, files=records // RECORDS, records=RECORDS)
        clock_all(stage, full)
        stage.run(PREPARE.format(chunk=CHUNK), full)
        changing = _compare(stage, full, "that all change", CHANGING, records, rounds)
        return changing, _compare(stage, full, "of which none changes", STAYING, records, rounds)


def _compare(stage: Stage, full: str, which: str, before: str, records: int, rounds: int) -> Figure:
    """Measure it from a state on, in which no pass was begun under the rule in force."""
    stage.run(before, full)
    stage.run("delete from reclocking", full)
    for table in ("record", "result"):
        stage.run(f"vacuum (full, analyze) {table}", full)
    return compare(
        f"clocking {records:,} records {which}, against a bare update of the same rows",
        "cost",
        2.5,
        lambda name: _clock(stage, name, records),
        lambda name: _update(stage, name, records),
        on=lambda: stage.copy(full),
        rounds=rounds,
    )


def _clock(stage: Stage, name: str, records: int) -> None:
    clock_all(stage, name)
    _see_clocked(stage, name, records)


def _update(stage: Stage, name: str, records: int) -> None:
    with psycopg.connect(stage.bare_url(name)) as connection:
        for chunk in range(records // CHUNK + 1):
            connection.execute(UPDATE, [chunk])
            connection.commit()
    _see_clocked(stage, name, records)


def _see_clocked(stage: Stage, name: str, records: int) -> None:
    with psycopg.connect(stage.bare_url(name)) as connection:
        (clocked,) = connection.execute("select count(*) from record where state = 'dated'").fetchone() or (0,)
    see(clocked, records)
