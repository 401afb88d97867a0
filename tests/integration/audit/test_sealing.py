"""Sealing takes all that is committed, once, however late it was committed and however many seal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record, record_many
from muniment.audit.merkle import verify_inclusion
from muniment.audit.sealing import event_hash, prove, seal_council
from muniment.audit.verification import verify
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import Purpose


def write(database: Database, council_id: UUID, count: int) -> list[UUID]:
    subjects = [uuid4() for _ in range(count)]
    with database.council(council_id) as session:
        record_many(session, AuditEvent.RECORD_ADDED, subjects, run=1)
    return subjects


def test_batches_grow_one_log(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    database = deployment.database
    write(database, councils[0], 5_001)
    assert seal_council(deployment, councils[0]) == 5_001
    assert seal_council(deployment, councils[0]) == 0
    write(database, councils[0], 1)
    assert seal_council(deployment, councils[0]) == 1
    with database.council(councils[0]) as session:
        result = verify(session, deployment.keys)
    assert result.sound
    assert (result.leaves, result.checkpoints, result.pending) == (5_002, 3, 0)


def test_an_event_committed_late_is_not_skipped(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    database = deployment.database
    with database.council_session(councils[0]) as late:
        record(late, AuditEvent.FILE_READ, uuid4())
        write(database, councils[0], 3)
        assert seal_council(deployment, councils[0]) == 3
        late.commit()
    with database.council(councils[0]) as session:
        waiting = verify(session, deployment.keys)
    assert (waiting.sound, waiting.leaves, waiting.pending) == (True, 3, 1)
    assert seal_council(deployment, councils[0]) == 1


def test_many_sealers_seal_each_event_once(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    database = deployment.database

    def work(turn: int) -> int:
        write(database, councils[turn % 2], 50)
        return seal_council(deployment, councils[turn % 2])

    with ThreadPoolExecutor(6) as pool:
        sealed = sum(pool.map(work, range(24)))
    sealed += sum(seal_council(deployment, council_id) for council_id in councils)
    assert sealed == 24 * 50
    for council_id in councils:
        with database.council(council_id) as session:
            result = verify(session, deployment.keys)
        assert (result.sound, result.leaves, result.pending) == (True, 600, 0)


def test_an_event_can_be_proven(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    database = deployment.database
    write(database, councils[0], 37)
    seal_council(deployment, councils[0])
    with database.council(councils[0]) as session:
        row = session.execute(text("select * from audit_event order by id offset 20 limit 1")).one()
        proof = prove(session, row.id)
        assert prove(session, uuid4()) is None
    assert proof is not None
    assert proof.leaf == event_hash(councils[0], row)
    assert verify_inclusion(proof.leaf, proof.position, proof.size, proof.path, proof.root)


def test_a_rotated_signing_key_keeps_the_log_sound(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    write(deployment.database, councils[0], 2)
    seal_council(deployment, councils[0])
    newer = deployment.keys.rotated(Purpose.SIGNING)
    write(deployment.database, councils[0], 2)
    seal_council(replace(deployment, keys=newer), councils[0])
    with deployment.database.council(councils[0]) as session:
        assert verify(session, newer).sound
