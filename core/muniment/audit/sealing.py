"""Sealing: taking what is unsealed into the council's Merkle log, and signing where it stands.

One sealer a council works at a time (an advisory lock). It takes the lines it finds in `audit_unsealed`, never a range
of times or keys: a transaction that began early and committed late would fall through any such range.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.audit.merkle import Tree, inclusion_proof, leaf_hash
from muniment.database.session import CouncilSession, Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing

__all__ = ["EVENT_COLUMNS", "checkpoint_message", "event_hash", "prove", "seal_council", "seal_some"]

BATCH = 5_000
EVENT_COLUMNS = "e.id, e.at, e.event, e.actor_kind, e.actor_id, e.actor_name, e.subject, e.facts"

LOCK = text("select pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
LAST = text("select size, peaks from audit_checkpoint order by size desc limit 1")
TAKE = text(
    f"with taken as (delete from audit_unsealed where (council_id, event_id) in"  # noqa: S608
    f" (select council_id, event_id from audit_unsealed order by event_id limit {BATCH}) returning event_id)"
    f" select {EVENT_COLUMNS} from taken join audit_event e on e.id = taken.event_id order by e.id"
)
ADD_LEAVES = text(
    "insert into audit_leaf (council_id, position, event_id, hash)"
    " select :council_id, leaf.*"
    " from unnest(:positions\\:\\:bigint[], :events\\:\\:uuid[], :hashes\\:\\:bytea[]) as leaf"
)
ADD_CHECKPOINT = text(
    "insert into audit_checkpoint (council_id, size, at, root, peaks, signature)"
    " values (:council_id, :size, :at, :root, :peaks, :signature)"
)


def event_hash(council_id: UUID, row: Any) -> bytes:
    """The leaf hash of an event's row: over canonical JSON of everything that it says."""
    at: datetime = row.at
    return leaf_hash(
        msgspec.json.encode(
            {
                "council": council_id,
                "id": row.id,
                "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
                "event": row.event,
                "actor": [row.actor_kind, row.actor_id, row.actor_name],
                "subject": row.subject,
                "facts": row.facts,
            },
            order="sorted",
        )
    )


def checkpoint_message(council_id: UUID, size: int, root: bytes, at: datetime) -> bytes:
    """What is signed: the log's name, how many leaves it has, their root and when."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"muniment audit log\n{council_id}\n{size}\n{root.hex()}\n{stamp}\n".encode()


def seal_council(deployment: Deployment, council_id: UUID) -> int:
    """Seal all that waits for one council, a transaction for each few thousand events; returns how many were sealed."""
    return sum(_sealed(deployment.database, deployment.keys, council_id))


def _sealed(database: Database, keys: KeyRing, council_id: UUID) -> Iterator[int]:
    while True:
        with database.council(council_id) as session:
            sealed = seal_some(session, keys)
        yield sealed
        if sealed < BATCH:
            return


def seal_some(session: CouncilSession, keys: KeyRing) -> int:
    """Seal up to a batch of events in this transaction; 0 if none wait or another sealer is at it."""
    council_id = session.council_id
    if not session.scalar(LOCK, {"name": f"audit.seal {council_id}"}):
        return 0
    rows = session.execute(TAKE).all()
    if not rows:
        return 0
    last = session.execute(LAST).one_or_none()
    tree = Tree() if last is None else Tree(last.size, last.peaks)
    first, hashes = tree.size, [event_hash(council_id, row) for row in rows]
    for leaf in hashes:
        tree.append(leaf)
    session.execute(
        ADD_LEAVES,
        {
            "council_id": council_id,
            "positions": list(range(first, tree.size)),
            "events": [row.id for row in rows],
            "hashes": hashes,
        },
    )
    at = session.clock.now()
    signature = keys.sign(checkpoint_message(council_id, tree.size, tree.root, at))
    checkpoint = {"size": tree.size, "at": at, "root": tree.root, "peaks": tree.peaks, "signature": signature}
    session.execute(ADD_CHECKPOINT, {"council_id": council_id, **checkpoint})
    return len(rows)


class Proof(msgspec.Struct, frozen=True):
    """That an event stands in the log: `merkle.verify_inclusion` checks it against a signed root.

    `leaf` is the event's hash, `position` counts from 0, `path` goes from the leaf upwards.
    """

    event_id: UUID
    leaf: bytes
    position: int
    size: int
    root: bytes
    path: tuple[bytes, ...]


def prove(session: CouncilSession, event_id: UUID) -> Proof | None:
    """The proof that an event stands in the log as of the last checkpoint; None if it is not sealed."""
    leaf = session.execute(
        text("select position, hash from audit_leaf where event_id = :event_id"), {"event_id": event_id}
    ).one_or_none()
    if leaf is None:
        return None
    leaves = session.scalars(text("select hash from audit_leaf order by position")).all()
    head = session.execute(text("select size, root from audit_checkpoint order by size desc limit 1")).one()
    path = inclusion_proof([bytes(each) for each in leaves[: head.size]], leaf.position)
    return Proof(event_id, leaf.hash, leaf.position, head.size, head.root, tuple(path))
