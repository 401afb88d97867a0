"""The gate: its pure heart; and a batch that is decided, extracted and recorded, against the least that it could cost.

Ours: files locked, facts gathered, decided, exactly the decided fields taken out as JSON, a line for each client in the
register, the export encrypted on disk, the audit event; in chunks, two at once, as `muniment share export` does it.
Bare: a superuser's COPY of the same rows to the client, and one `insert ... select` of a row a client into a table with
a key.
"""

from __future__ import annotations

import io
import timeit
from collections.abc import Iterator
from functools import partial

import psycopg

from muniment.accounts.permissions import Caller, command_caller
from muniment.councils.adopting import adopt_policy, decide_policy
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.policy.deciding import read_decisions
from muniment.sharing.batching import disclose_each, files_of
from muniment.sharing.disclosing import Order
from muniment.sharing.gate import Gate
from muniment.sharing.terms import terms_of
from tests.benchmarks.filled import fill, see
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.stage import COUNCIL, SERVICE, Stage
from tests.unit.sharing.kit import AROUND, FACTS, QUESTION, policy_of

__all__ = ["giving", "heart"]

RECIPIENT = "fire-and-rescue"
FIELDS = ("contact-details.name", "contact-details.address", "contact-details.phone", "contact-details.email")
DECIDED = "".join(
    f"""
[[decision]]
path = "{SERVICE}.recipient.{RECIPIENT}.{name}"
value = ["{value}"]
ground = "Measurements only."
decided_by = "information asset owner (demonstration)"
generated = true
"""
    for name, value in (("purposes", SERVICE), ("categories", "contact-details"), ("bases", "public-task"))
)
VALUES = """
update record set values = (
    select jsonb_object_agg(name, jsonb_build_object('v', 'Generated ' || number, 's', 'the-person', 'on', '2026-01-01',
        'p', jsonb_build_array(%(purpose)s::text)))
    from unnest(%(fields)s::text[]) with ordinality field (name, number)
)
"""
BARE_TABLE = (
    "create table bare (council_id uuid, id uuid default gen_random_uuid(), file_id uuid, primary key (council_id, id))"
)
MICROSECONDS = 50.0


def heart(*, decisions: int) -> Figure:
    """Microseconds of one decision in which every rule about clients is looked at."""
    gate = Gate(terms_of(policy_of(), QUESTION), AROUND)
    taken = timeit.repeat(partial(gate.decide, FACTS), number=decisions, repeat=5)
    per_decision = tuple(seconds / decisions * 1_000_000 for seconds in taken)
    return Figure("the pure heart of a decision", "time", MICROSECONDS, per_decision)


def giving(stage: Stage, *, clients: int, rounds: int) -> Figure:
    """Measure a batch of so many clients with a record of four values each."""
    with stage.copy() as full:
        fill(stage, full, files=clients, records=1)
        with psycopg.connect(stage.bare_url(full)) as connection:
            connection.execute(VALUES, {"purpose": SERVICE, "fields": list(FIELDS)})
            connection.execute(BARE_TABLE)
        _decide(stage, full)
        stage.run("vacuum analyze", full)
        return compare(
            f"deciding, extracting and recording a batch of {clients:,} clients, against COPY and one bare insert",
            "cost",
            2.0,
            lambda name: _give(stage, name, clients),
            lambda name: _copy(stage, name, clients),
            on=lambda: stage.copy(full),
            rounds=rounds,
        )


def _decide(stage: Stage, name: str) -> None:
    """Decide what the recipient may have, and adopt it."""
    deployment = stage.deployment(name)
    facade = stage.plugins.facade(COUNCIL)
    with deployment.database.council(stage.council_id) as session:
        decide_policy(session, facade, read_decisions(DECIDED.encode(), file="benchmark"))
        adopt_policy(session, facade, by="information asset owner")
    deployment.database.close()


def _give(stage: Stage, name: str, clients: int) -> None:
    deployment = stage.deployment(name)
    caller = command_caller(stage.council_id, "benchmark")
    store = FileStore(stage.folder / f"files-{name}", stage.keys)
    given = sum(made.given for made in disclose_each(deployment, caller, store, _orders(deployment, caller)))
    deployment.database.close()
    see(given, clients)


def _orders(deployment: Deployment, caller: Caller) -> Iterator[Order]:
    """One for each ten thousand files, as `muniment share export --everybody` has them."""
    for files in files_of(deployment, caller, SERVICE):
        yield Order(service=SERVICE, recipient=RECIPIENT, purpose=SERVICE, fields=FIELDS, files=files, format="json")


def _copy(stage: Stage, name: str, clients: int) -> None:
    rows = "select file_id, values from record"
    with psycopg.connect(stage.bare_url(name)) as connection:
        taken = io.BytesIO()
        with connection.cursor().copy(f"copy ({rows}) to stdout") as copy:
            for block in copy:
                taken.write(block)
        see(taken.getbuffer().tobytes().count(b"\n"), clients)
        connection.execute("insert into bare (council_id, file_id) select council_id, id from client_file")
