"""What a sweep costs the people at their screens: their requests' rate while a worker sweeps, against the same without.

A real server over HTTP, and `muniment worker` as a process of its own, with Redis between them, a database that writes
to disk before it answers, tens of thousands of client files with four due records each. People read files (seven
requests of ten), search by reference (two), and change an address (one), one request at a time.

Measured twice: with people who think for two seconds on average between an answer and the next request (at a desk it
is longer), and with as many as keep the server busy all the time, for whom every second of a processor counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

import msgspec
import psycopg

from muniment.accounts.permissions import command_caller
from muniment.jobs.actors import Deployment
from muniment.retention.disposal.sweep import start_sweep
from muniment.worker import send_to_workers
from tests.benchmarks.filled import arm_class, clock_all, fill
from tests.benchmarks.harness import Figure
from tests.benchmarks.load import get_request, json_request, rate_of_people
from tests.benchmarks.requests import new_tokens
from tests.benchmarks.servers import our_server, our_worker, redis_server
from tests.benchmarks.stage import COUNCIL, Stage

__all__ = ["screens"]

FILES: Final = 400
"""Files that people work with, none of them due."""

RECORDS: Final = 4
TARGET: Final = 0.93


class Crowd(NamedTuple):
    """So many people, who think for so many seconds on average."""

    what: str
    people: int
    think: float


CROWDS: Final = (
    Crowd("100 people who think for 2 seconds on average", 100, 2.0),
    Crowd("8 people who never think, so that the server is always busy", 8, 0.0),
)


def screens(stage: Stage, *, files: int, seconds: float, rounds: int) -> tuple[Figure, ...]:
    """Measure it while `files` due client files are swept, `seconds` on each side of each round."""
    with stage.copy() as name, redis_server(stage.folder) as redis_url:
        fill(stage, name, files=FILES, records=1, closed_on="2026-01-01")
        with psycopg.connect(stage.bare_url(name)) as connection:
            known = [str(row[0]) for row in connection.execute("select id from client_file")]
        fill(stage, name, files=files, records=RECORDS)
        clock_all(stage, name)
        arm_class(stage, name, due=files * RECORDS)
        bare = stage.deployment(name)
        deployment = replace(bare, settings=msgspec.structs.replace(bare.settings, redis_url=redis_url))
        tokens = new_tokens(stage, deployment)
        requests = [_requests(file_id, tokens[number % len(tokens)]) for number, file_id in enumerate(known)]
        with our_server(deployment) as port:
            return tuple(
                Figure(
                    f"requests of {crowd.what}, while {files:,} files are swept, against the same without",
                    "rate",
                    TARGET,
                    _ratios(stage, deployment, name, port, crowd, requests, seconds, rounds),
                )
                for crowd in CROWDS
            )


def _requests(file_id: str, token: str) -> list[bytes]:
    path, held = f"/api/v1/councils/{COUNCIL}/clients", {"Authorization": f"Bearer {token}"}
    reading = get_request(f"{path}/{file_id}", **held)
    searching = json_request("POST", f"{path}/search", {"reference": file_id}, **held)
    moving = [
        json_request("PUT", f"{path}/{file_id}/stub", {"family_name": "Generated", "address": address}, **held)
        for address in ("1 Example Street", "2 Example Street")
    ]
    return [
        request
        for moved in moving
        for request in (searching, reading, reading, reading, moved, reading, searching, reading, reading, reading)
    ]


def _ratios(
    stage: Stage,
    deployment: Deployment,
    name: str,
    port: int,
    crowd: Crowd,
    requests: Sequence[list[bytes]],
    seconds: float,
    rounds: int,
) -> tuple[float, ...]:
    # Each person has files of their own, and goes round them.
    of_people = [
        [request for mine in islice(requests, number, None, crowd.people) for request in mine]
        for number in range(crowd.people)
    ]
    ratios = []
    for number in range(rounds + 1):
        rates: dict[bool, float] = {}
        for swept in (True, False) if number % 2 else (False, True):
            with _sweeping(stage, deployment, name) if swept else nullcontext():
                rates[swept] = rate_of_people(port, of_people, think=crowd.think, seconds=seconds)
        if number:
            ratios.append(rates[True] / rates[False])
    return tuple(ratios)


@contextmanager
def _sweeping(stage: Stage, deployment: Deployment, name: str) -> Iterator[None]:
    """A worker that is sweeping when the block begins, and has not come to an end when it ends."""
    caller = command_caller(stage.council_id, "benchmark")
    send_to_workers(deployment)
    with our_worker(deployment, "retention"):
        before = _swept(stage, name)
        with deployment.database.council(stage.council_id, caller.actor) as session:
            start_sweep(session, caller)
        deadline = time.monotonic() + 60
        while (began := _swept(stage, name)) == before:
            if time.monotonic() > deadline:
                raise TimeoutError("the worker has swept nothing for a minute")
            time.sleep(0.05)
        yield
        if _swept(stage, name) == began:
            raise RuntimeError("nothing was swept meanwhile: the measurement would mean nothing")
        with psycopg.connect(stage.bare_url(name)) as connection:
            if connection.execute("select from sweep_run where state = 'done'").rowcount:
                raise RuntimeError("the sweep ended too soon: the measurement would mean nothing")


def _swept(stage: Stage, name: str) -> int:
    with psycopg.connect(stage.bare_url(name)) as connection:
        row = connection.execute("select coalesce(sum(disposed), 0)::bigint from sweep_run").fetchone()
    return int(row[0]) if row else 0
