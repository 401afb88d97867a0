"""The ledger of consents: writing an event down against a bare INSERT of the same row.

Each event is a transaction of its own on both sides, on disk before the next begins. Ours locks the client file, has
the event numbered, and leaves a line for the audit log; the bare side has the same table, keys and indexes, without
row-level security, locks and audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg

from muniment.accounts.permissions import command_caller
from muniment.clients.locks import lock_files
from muniment.consent.ledger import Entry, append, wording_hash
from muniment.database.ids import new_id
from muniment.jobs.actors import Deployment
from tests.benchmarks.filled import fill, see
from tests.benchmarks.harness import Figure, compare
from tests.benchmarks.stage import SERVICE, Stage

__all__ = ["appending"]

WORDING = "I agree that the council uses what I have told it for this (generated)."
BARE = (
    "insert into consent_event (council_id, id, subject_id, number, kind, state, purpose, at, recorded_at, policy_hash,"
    " categories, wording, wording_sha256, language, document_id, channel, how)"
    " values (%s, %s, %s, 1, 'consent', 'given', 'support', now(), now(), %s, '{contacts}', %s, %s, 'en', %s,"
    " 'in-person', 'signed')"
)


class Ground(NamedTuple):
    """An empty ledger: client files, and the subject that each has in it already."""

    files: list[UUID]
    subjects: list[UUID]


def appending(stage: Stage, *, clients: int, rounds: int) -> Figure:
    """Measure writing down one event for each of so many clients."""
    with stage.copy() as name:
        fill(stage, name, files=clients, records=1)
        deployment, document = stage.deployment(name), new_id()
        with psycopg.connect(stage.bare_url(name)) as connection:
            connection.execute(
                "insert into earlier_document (council_id, id, service, title, version) values (%s, %s, %s, 'G', '1')",
                (stage.council_id, document, SERVICE),
            )
        try:
            return compare(
                f"writing down {clients:,} consents, each on disk before the next, against a bare INSERT of each",
                "cost",
                2.0,
                lambda ground: _ours(stage, deployment, document, ground),
                lambda ground: _bare(stage, name, document, ground),
                on=lambda: _emptied(stage, name),
                rounds=rounds,
            )
        finally:
            deployment.database.close()


@contextmanager
def _emptied(stage: Stage, name: str) -> Iterator[Ground]:
    with psycopg.connect(stage.bare_url(name)) as connection:
        connection.execute("delete from consent_subject")
        connection.execute(
            "insert into consent_subject (council_id, id, file_id, service)"
            " select council_id, gen_random_uuid(), id, service from client_file"
        )
        rows = connection.execute("select file_id, id from consent_subject order by file_id").fetchall()
    stage.run("vacuum analyze consent_subject, consent_event, audit_event, audit_unsealed", name)
    yield Ground([row[0] for row in rows], [row[1] for row in rows])


def _ours(stage: Stage, deployment: Deployment, document: UUID, ground: Ground) -> None:
    caller, at = command_caller(stage.council_id, "benchmark"), deployment.clock.now()
    for file_id in ground.files:
        with deployment.database.council(stage.council_id, caller.actor) as session:
            file = lock_files(session, [file_id])[file_id]
            entry = Entry(
                kind="consent", state="given", purpose="support", at=at, policy_hash=session.policy_hash or "",
                categories=["contacts"], wording=WORDING, language="en", document_id=document, channel="in-person",
                how="signed",
            )  # fmt: skip
            append(session, file, entry)


def _bare(stage: Stage, name: str, document: UUID, ground: Ground) -> None:
    sha256, written = wording_hash(WORDING), 0
    with psycopg.connect(stage.bare_url(name)) as connection:
        for subject_id in ground.subjects:
            values = (stage.council_id, uuid4(), subject_id, "0" * 64, WORDING, sha256, document)
            written += connection.execute(BARE, values).rowcount
            connection.commit()
    see(written, len(ground.subjects))
