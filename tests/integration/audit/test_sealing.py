"""Sealing takes all that is committed, once, however late it was committed and however many seal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from msgspec import structs
from sqlalchemy import Engine, text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record, record_many
from muniment.audit.proofs import Unproven, public_keys
from muniment.audit.sealing import TAKE, prove, seal_council
from muniment.audit.verification import verify
from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing, Purpose


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
    assert (result.leaves, result.pending) == (5_002, 0)


def test_a_proof_of_an_event_needs_few_others_however_many_are_sealed_at_once(
    deployment: Deployment, councils: tuple[UUID, UUID]
) -> None:
    database = deployment.database
    write(database, councils[0], 600)
    seal_council(deployment, councils[0])
    with database.council(councils[0]) as session:
        sizes = set(session.scalars(text("select size from audit_checkpoint")))
    assert sizes == {256, 512, 600}
    with database.council(councils[0]) as session:
        assert verify(session, deployment.keys).sound


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


def test_an_event_can_be_proven_from_its_batch(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    database = deployment.database
    subjects = write(database, councils[0], 37)
    seal_council(deployment, councils[0])
    later = write(database, councils[0], 12)
    keys = public_keys(deployment.keys, councils[0], "alpha")
    with database.council(councils[0]) as session:
        assert prove(session, AuditEvent.RECORD_ADDED, later[0]) == ()
    seal_council(deployment, councils[0])
    for subject, size in ((subjects[20], 37), (later[0], 49), (later[11], 49)):
        with database.council(councils[0]) as session:
            assert prove(session, AuditEvent.FILE_READ, subject) == ()
            (proof,) = prove(session, AuditEvent.RECORD_ADDED, subject)
        assert (proof.event.subject, proof.checkpoint.size) == (subject, size)
        assert proof.check(keys).version == 1
        assert proof.check(public_keys(deployment.keys.rotated(Purpose.SIGNING), councils[0], "alpha")).version == 1
        with pytest.raises(Unproven, match="not among those"):
            proof.check(structs.replace(keys, keys=()))
        with pytest.raises(Unproven, match="signature of key 1"):
            proof.check(public_keys(KeyRing.generate(), councils[0], "alpha"))
        with pytest.raises(Unproven, match="another council"):
            proof.check(public_keys(deployment.keys, councils[1], "beta"))


def test_a_rotated_signing_key_keeps_the_log_sound(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    write(deployment.database, councils[0], 2)
    seal_council(deployment, councils[0])
    newer = deployment.keys.rotated(Purpose.SIGNING)
    write(deployment.database, councils[0], 2)
    seal_council(replace(deployment, keys=newer), councils[0])
    with deployment.database.council(councils[0]) as session:
        assert verify(session, newer).sound


def test_what_a_large_import_leaves_is_taken_by_key(
    deployment: Deployment, superuser_engine: Engine, councils: tuple[UUID, UUID]
) -> None:
    """Before the server has looked at the tables again it takes them for empty; that must not make it walk them."""
    write(deployment.database, councils[0], 1)
    with superuser_engine.begin() as connection:
        connection.execute(text("analyze audit_event, audit_unsealed"))
    write(deployment.database, councils[0], 2_000)
    with deployment.database.council(councils[0]) as session:
        lines = session.scalars(text(f"explain {TAKE.text}"), {"council_id": councils[0]}).all()
    plan = "\n".join(lines)
    assert "Join" not in plan, plan
    assert "Nested Loop" not in plan, plan
    assert plan.count("(event_id = ANY") == plan.count("(id = ANY") == 1, plan
