"""The real import of a CSV file against storing the rows it comes to, ready made.

Ours reads and judges every cell, recognises references, writes audit events, and clocks what it wrote. Bare: a
superuser copies the very rows that ours left into temporary tables and from there, by `insert … select`, into the same
tables with the same indexes, in one transaction. What ours leaves besides (audit events, the run) the bare side is
spared.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import psycopg

from muniment.accounts.permissions import command_caller
from muniment.cli.demonstration.population import lives, write_csv
from muniment.clients.importing.run import Importer, Order
from muniment.jobs.drain import Drain
from muniment.policy.store import adopted
from muniment.retention.clocks.current import past_period
from muniment.wiring import actors
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.stage import COUNCIL, SERVICE, TODAY, Stage

__all__ = ["importing", "write_people"]

SOURCE = "case-management"
TABLES = ("person", "client_file", "record", "milestone", "enrolment", "import_memory")
BLOCK = 64 * 1024

Rows = dict[str, bytes]
"""The rows of each table as COPY writes them."""


def importing(stage: Stage, *, people: int, rounds: int) -> Figure:
    """Measure it with a generated case-management export of `people` rows."""
    file = stage.folder / "people.csv"
    write_people(stage, file, people)
    with stage.copy() as name:
        take_in(stage, name, file)
        rows = _rows(stage, name)
    return compare(
        f"import of {people:,} rows of CSV, against a temporary table and `insert … select` of the same rows",
        "cost",
        3.0,
        lambda name: take_in(stage, name, file),
        lambda name: _insert(stage, name, rows),
        on=stage.copy,
        rounds=rounds,
    )


def write_people(stage: Stage, file: Path, people: int) -> None:
    """Write a generated file in the format of the council's case management."""
    deployment = stage.deployment("muniment")
    with deployment.database.council(stage.council_id) as session:
        policy = adopted(session).services[SERVICE]
    deployment.database.close()
    source = next(entry for entry in policy.clients.imports if entry.id == SOURCE)
    write_csv(file, source, policy, list(lives(people, today=TODAY, seed=COUNCIL)), seed=COUNCIL)


def take_in(stage: Stage, name: str, file: Path) -> None:
    """As `muniment client import --history` does it, and the work that this sets going."""
    deployment = stage.deployment(name)
    work = Drain(deployment, actors())
    caller = command_caller(stage.council_id, "benchmark")
    importer = Importer(deployment.database, caller, stage.plugins, deployment.keys, past_period)
    with file.open("rb") as content:
        order = Order(service=SERVICE, source=SOURCE, history=True, generated=True)
        summary = importer.run(order, iter(partial(content.read, BLOCK), b""))
    work.run()
    deployment.database.close()
    if summary.rejected or summary.new != summary.rows:
        raise RuntimeError(f"{summary.new} of {summary.rows} rows came in: the measurement would mean nothing")


def _rows(stage: Stage, name: str) -> Rows:
    rows: Rows = {}
    with psycopg.connect(stage.bare_url(name)) as connection, connection.cursor() as cursor:
        for table in TABLES:
            with cursor.copy(f"copy {table} to stdout") as copy:
                rows[table] = b"".join(copy)
    return rows


def _insert(stage: Stage, name: str, rows: Rows) -> None:
    with psycopg.connect(stage.bare_url(name)) as connection, connection.cursor() as cursor:
        for table, data in rows.items():
            cursor.execute(f"create temporary table incoming_{table} on commit drop as table {table} with no data")
            with cursor.copy(f"copy incoming_{table} from stdin") as copy:
                copy.write(data)
            cursor.execute(f"insert into {table} select * from incoming_{table}")
