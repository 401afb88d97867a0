"""Sealing: taking what is unsealed into the council's Merkle log, and signing where it stands.

One sealer a council works at a time (an advisory lock). It takes the lines it finds in `audit_unsealed`, never a range
of times or keys: a transaction that began early and committed late would fall through any such range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.heads import last_noted, missing_head, note_head, record_cut_back
from muniment.audit.merkle import Tree, inclusion_proof
from muniment.audit.proofs import Checkpoint, Proof, SealedEvent, checkpoint_message, stamp
from muniment.database.session import Actor, CouncilSession, Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing, split_signature

__all__ = [
    "BATCH",
    "EVENT_COLUMNS",
    "be_the_sealer",
    "prove",
    "seal_council",
    "seal_some",
]

BATCH = 5_000
SIGNED = 256
"""Events under one checkpoint at most. Whoever proves one needs the hashes from the checkpoint before it, however many
were sealed at once."""

SEALER = Actor("system", None, "audit.seal")
EVENT_COLUMNS = "e.id, e.at, e.event, e.actor_kind, e.actor_id, e.actor_name, e.subject, e.facts"

LOCK = text("select pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
WAIT = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
LAST = text("select size, peaks from audit_checkpoint where council_id = :council_id order by size desc limit 1")
TAKE = text(
    # Keys in one array: after a large import the planner knows nothing of these tables yet, and a join of them that it
    # thinks small would look at every event for every event.
    "with next as materialized (select array(select event_id from audit_unsealed"  # noqa: S608
    f" where council_id = :council_id order by event_id limit {BATCH}) as ids),"
    " taken as (delete from audit_unsealed"
    " where council_id = :council_id and event_id = any((select ids from next)\\:\\:uuid[]))"
    f" select {EVENT_COLUMNS} from audit_event e"
    " where e.council_id = :council_id and e.id = any((select ids from next)\\:\\:uuid[]) order by e.id"
)
SEALED = text(
    f"select l.position, {EVENT_COLUMNS} from audit_event e"  # noqa: S608
    " join audit_leaf l on l.council_id = e.council_id and l.event_id = e.id"
    " where e.council_id = :council_id and e.subject = :subject and e.event = :event order by l.position"
)
CHECKPOINT_BEFORE = text(
    "select size, peaks from audit_checkpoint where council_id = :council_id and size <= :position"
    " order by size desc limit 1"
)
CHECKPOINT_OF = text(
    "select size, at, root, signature from audit_checkpoint where council_id = :council_id and size > :position"
    " order by size limit 1"
)
LEAVES_BETWEEN = text(
    "select hash from audit_leaf where council_id = :council_id and position >= :first and position < :beyond"
    " order by position"
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


def seal_council(deployment: Deployment, council_id: UUID) -> int:
    """Seal all that waits for one council, a transaction for each few thousand events; returns how many were sealed.

    A log that lacks the head noted last is told to have been cut back, in the log itself, before anything is sealed.
    """
    database, folder = deployment.database, deployment.settings.ledger_dir
    noted = last_noted(folder, council_id)
    with database.council(council_id, SEALER) as session:
        cut_back = missing_head(session, noted)
        if cut_back is not None:
            record_cut_back(session, cut_back)
    sealed = sum(_sealed(database, deployment.keys, council_id))
    if sealed:
        with database.council(council_id, SEALER) as session:
            note_head(session, folder)
    return sealed


def _sealed(database: Database, keys: KeyRing, council_id: UUID) -> Iterator[int]:
    while True:
        with database.council(council_id) as session:
            sealed = seal_some(session, keys)
        yield sealed
        if sealed < BATCH:
            return


def be_the_sealer(session: CouncilSession) -> None:
    """Wait for the sealer at work, and let no other seal until this transaction ends."""
    session.execute(WAIT, _lock_of(session.council_id))


def seal_some(session: CouncilSession, keys: KeyRing) -> int:
    """Seal up to a batch of events in this transaction; 0 if none wait or another sealer is at it."""
    council_id = session.council_id
    session.send_waiting()
    if not session.scalar(LOCK, _lock_of(council_id)):
        return 0
    rows = session.execute(TAKE, {"council_id": council_id}).all()
    if not rows:
        return 0
    last = session.execute(LAST, {"council_id": council_id}).one_or_none()
    tree = Tree() if last is None else Tree(last.size, last.peaks)
    first, hashes = tree.size, [SealedEvent.of(council_id, row).leaf for row in rows]
    checkpoints = list(_checkpoints(session, keys, tree, hashes))
    session.execute(
        ADD_LEAVES,
        {
            "council_id": council_id,
            "positions": list(range(first, tree.size)),
            "events": [row.id for row in rows],
            "hashes": hashes,
        },
    )
    session.execute(ADD_CHECKPOINT, checkpoints)
    return len(rows)


def _checkpoints(
    session: CouncilSession, keys: KeyRing, tree: Tree, leaves: Sequence[bytes]
) -> Iterator[dict[str, object]]:
    """Let the tree grow by these leaves, and sign where it stands after every few."""
    at = session.clock.now()
    for start in range(0, len(leaves), SIGNED):
        for leaf in leaves[start : start + SIGNED]:
            tree.append(leaf)
        signature = keys.sign(checkpoint_message(session.council_id, tree.size, tree.root, at))
        checkpoint = {"size": tree.size, "at": at, "root": tree.root, "peaks": tree.peaks, "signature": signature}
        yield {"council_id": session.council_id, **checkpoint}


def _lock_of(council_id: UUID) -> dict[str, str]:
    return {"name": f"audit.seal {council_id}"}


def prove(session: CouncilSession, event: AuditEvent, subject: UUID) -> tuple[Proof, ...]:
    """The proofs of a subject's events of one kind, in the order of the log; those not sealed yet are left out.

    Each is proven by the checkpoint that sealed it, so that its proof is the same for ever, costs no more than a batch
    and needs nothing of the log before it.
    """
    here = {"council_id": session.council_id}
    return tuple(
        _proof(session, row, here) for row in session.execute(SEALED, here | {"event": event.value, "subject": subject})
    )


def _proof(session: CouncilSession, row: Any, here: dict[str, UUID]) -> Proof:
    last = session.execute(CHECKPOINT_BEFORE, here | {"position": row.position}).one_or_none()
    before = Tree() if last is None else Tree(last.size, last.peaks)
    sealed = session.execute(CHECKPOINT_OF, here | {"position": row.position}).one()
    hashes = session.scalars(LEAVES_BETWEEN, here | {"first": before.size, "beyond": sealed.size})
    path = inclusion_proof([bytes(leaf) for leaf in hashes], row.position, before)
    key, signature = split_signature(sealed.signature)
    checkpoint = Checkpoint(sealed.size, sealed.root.hex(), stamp(sealed.at), key, signature.hex())
    event = SealedEvent.of(session.council_id, row)
    return Proof(event, row.position, tuple(step.hex() for step in path), checkpoint)
