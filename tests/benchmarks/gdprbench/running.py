"""Running it: each data set is filled once and copied for either side, and every cell is done by both in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import psycopg

from muniment.accounts.permissions import command_caller
from muniment.audit.extracts import LogExtract
from muniment.audit.proofs import PublicKeys, public_keys
from muniment.audit.sealing import seal_council
from muniment.jobs.actors import Deployment
from muniment.jobs.drain import Drain
from muniment.retention.disposal.sweep import start_sweep
from muniment.wiring import actors
from tests.benchmarks.filled import see
from tests.benchmarks.gdprbench.bare import Bare
from tests.benchmarks.gdprbench.driving import drive
from tests.benchmarks.gdprbench.filled import Filled, fill
from tests.benchmarks.gdprbench.mixes import PERSONAS, plan
from tests.benchmarks.gdprbench.ours import Ours
from tests.benchmarks.gdprbench.report import Cell, Dataset
from tests.benchmarks.gdprbench.town import DATA_BYTES, Town
from tests.benchmarks.stage import TODAY, Stage

__all__ = ["Size", "measure"]

CHUNK = 1_000
"""Files of which the bare side deletes what is due in one transaction, as a sweep does."""

FOR_CELLS, LEAST = 0.85, 0.5
"""Of the time of a data set, the share by whose end the cells are through, and the seconds that each has at least."""

DUE = "select count(*) from record where due_on < %s"
DELETE_DUE = """
with files as (select file_id from record where council_id = %(council_id)s and due_on < %(today)s
    group by file_id limit %(chunk)s),
gone as (delete from record r using files where r.council_id = %(council_id)s and r.file_id = files.file_id),
the_file as (delete from client_file f using files where f.council_id = %(council_id)s and f.id = files.file_id
    returning f.person_id),
the_person as (delete from person where council_id = %(council_id)s and id in (select person_id from the_file))
select count(*) from files
"""


@dataclass(frozen=True)
class Size:
    """How much is done: the data sets, how many clients at once, the most operations of each role in a cell, and the
    seconds after which it is to be through, as far as filling allows."""

    towns: Sequence[Town]
    clients: Sequence[int]
    ops: dict[str, int]
    seconds: float


def measure(stage: Stage, size: Size, told: Callable[[str], None]) -> tuple[list[Cell], list[Dataset]]:
    """Measure every cell of every data set."""
    cells: list[Cell] = []
    datasets: list[Dataset] = []
    end = time.monotonic() + size.seconds
    for number, town in enumerate(size.towns):
        now = time.monotonic()
        until = now + FOR_CELLS * (end - now) / (len(size.towns) - number)
        told(f"filling {town.records:,} records in {town.councils} councils ...")
        with stage.copy() as full:
            stage.run("truncate council cascade", full)
            filled = fill(stage, full, town)
            with stage.copy(full) as ours_name, stage.copy(full) as bare_name:
                deployment = filled.deployment(stage, ours_name)
                gone = set[int]()
                ours, bare = Ours(filled, deployment, gone), Bare(filled, stage.bare_url(bare_name), TODAY)
                try:
                    cells += _cells(size, town, ours, bare, gone, until, told)
                    told("  what is due together ...")
                    datasets.append(_dataset(filled, deployment, stage.bare_url(ours_name), stage.bare_url(bare_name)))
                finally:
                    bare.close()
                    deployment.database.close()
    return cells, datasets


def _cells(
    size: Size, town: Town, ours: Ours, bare: Bare, gone: set[int], until: float, told: Callable[[str], None]
) -> Iterator[Cell]:
    random, changed = Random(town.records + town.councils), set[int]()
    left = len(PERSONAS) * len(size.clients)
    for persona in reversed(PERSONAS):
        told(f"  {persona.name} ...")
        for clients in size.clients:
            for council_id in ours.filled.councils:
                seal_council(ours.deployment, council_id)
            steps = plan(persona, random, town, ops=size.ops[persona.name], gone=gone, changed=changed)
            by_us = drive(ours, steps, clients, max(LEAST, (until - time.monotonic()) / left))
            by_them = drive(bare, by_us.begun, clients)
            left -= 1
            if ours.last_extract is not None:
                ours.last_extract.check(_keys_of(ours, ours.last_extract))
            yield Cell(town, clients, persona.name, by_us, by_them)


def _keys_of(ours: Ours, found: LogExtract) -> PublicKeys:
    return public_keys(ours.deployment.keys, found.council, found.slug)


def _dataset(filled: Filled, deployment: Deployment, ours_url: str, bare_url: str) -> Dataset:
    due = _count(ours_url)
    space = [_bytes(url) for url in (ours_url, bare_url)]
    personal = filled.town.records * DATA_BYTES
    start = time.perf_counter()
    work = Drain(deployment, actors())
    for council_id in filled.councils:
        caller = command_caller(council_id, "benchmark")
        with deployment.database.council(council_id, caller.actor) as session:
            start_sweep(session, caller)
    work.run()
    by_us = time.perf_counter() - start
    see(_count(ours_url), 0)
    start = time.perf_counter()
    with psycopg.connect(bare_url, autocommit=True) as connection:
        for council_id in filled.councils:
            values = {"council_id": council_id, "today": TODAY, "chunk": CHUNK}
            while connection.execute(DELETE_DUE, values).fetchone() != (0,):
                pass
    by_them = time.perf_counter() - start
    return Dataset(filled.town, due, by_us, by_them, *((size - filled.empty_bytes) / personal for size in space))


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        (found,) = connection.execute(DUE, [TODAY]).fetchone() or (0,)
    return int(found)


def _bytes(url: str) -> int:
    with psycopg.connect(url) as connection:
        (found,) = connection.execute("select pg_database_size(current_database())").fetchone() or (0,)
    return int(found)
