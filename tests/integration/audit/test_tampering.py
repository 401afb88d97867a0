"""What verification finds: each way of tampering, done past row-level security, is found and named."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record, record_many
from muniment.audit.sealing import seal_council
from muniment.audit.verification import FaultKind, Head, Verification, verify
from muniment.database.session import Actor, Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing

VICTIM = "(select event_id from audit_leaf where position = 4)"
DELETE_LEAF = f"delete from audit_event where id = {VICTIM}; delete from audit_leaf where position = 4"
CLOSE_THE_GAP = (
    "update audit_leaf set position = position - 101 where position > 104;"
    "update audit_leaf set position = position - 100 where position >= 100"
)
INSERT_FALSE_EVENT = (
    "insert into audit_event (council_id, id, at, event, actor_name, facts)"
    " select council_id, gen_random_uuid(), at, event, actor_name, facts from audit_event limit 1"
)


@pytest.fixture
def sealed(deployment: Deployment, database: Database, councils: tuple[UUID, UUID]) -> Database:
    """Two councils with logs of two checkpoints, ten leaves, and three events not sealed yet."""
    for council_id in councils:
        for count, then_seal in ((7, True), (3, True), (3, False)):
            with database.council(council_id, Actor("staff", uuid4(), "api")) as session:
                record_many(session, AuditEvent.FILE_READ, [uuid4() for _ in range(count)], service="learning")
            if then_seal:
                seal_council(deployment, council_id)
    return database


def council_log(database: Database, keys: KeyRing, council_id: UUID, noted: Head | None = None) -> Verification:
    with database.council(council_id) as session:
        return verify(session, keys, noted)


def head_of(result: Verification) -> Head:
    assert result.head is not None
    size, _, root = result.head.partition(":")
    return Head(int(size), bytes.fromhex(root))


def test_an_untouched_log_is_sound(sealed: Database, keys: KeyRing, councils: tuple[UUID, UUID]) -> None:
    result = council_log(sealed, keys, councils[0])
    assert (result.faults, result.leaves, result.checkpoints, result.pending) == ((), 10, 2, 3)


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        (f"update audit_event set event = 'x' where id = {VICTIM}", {FaultKind.EVENT_CHANGED}),
        (f"update audit_event set subject = null where id = {VICTIM}", {FaultKind.EVENT_CHANGED}),
        (f"update audit_event set actor_id = null where id = {VICTIM}", {FaultKind.EVENT_CHANGED}),
        (f"update audit_event set actor_name = '' where id = {VICTIM}", {FaultKind.EVENT_CHANGED}),
        (f"update audit_event set at = at + interval '1 microsecond' where id = {VICTIM}", {FaultKind.EVENT_CHANGED}),
        (f"update audit_event set facts = '{{}}' where id = {VICTIM}", {FaultKind.EVENT_CHANGED}),
        (f"delete from audit_event where id = {VICTIM}", {FaultKind.EVENT_GONE}),
        (
            DELETE_LEAF,
            {FaultKind.LEAF_GONE, FaultKind.ROOT_DIFFERS},
        ),
        (
            f"{DELETE_LEAF}; update audit_leaf set position = position + 100; {CLOSE_THE_GAP}",
            {FaultKind.LEAF_GONE, FaultKind.ROOT_DIFFERS},
        ),
        (
            "update audit_leaf set hash = sha256('x') where position = 4",
            {FaultKind.EVENT_CHANGED, FaultKind.ROOT_DIFFERS},
        ),
        ("update audit_checkpoint set root = sha256('x') where size = 10", None),
        ("update audit_checkpoint set signature = '\\x000100' where size = 10", {FaultKind.SIGNATURE_WRONG}),
        ("update audit_checkpoint set at = at - interval '1 day' where size = 7", {FaultKind.SIGNATURE_WRONG}),
        ("delete from audit_checkpoint where size = 10", {FaultKind.LEAF_UNSIGNED}),
        ("delete from audit_leaf where position = 9", None),
        (
            INSERT_FALSE_EVENT,
            {FaultKind.EVENT_UNACCOUNTED},
        ),
        ("delete from audit_unsealed", {FaultKind.EVENT_UNACCOUNTED}),
        (
            "delete from audit_event where id in (select event_id from audit_unsealed)",
            {FaultKind.EVENT_GONE},
        ),
    ],
)
def test_tampering_is_found(
    sealed: Database,
    keys: KeyRing,
    councils: tuple[UUID, UUID],
    superuser_engine: Engine,
    tampering: str,
    found: set[FaultKind] | None,
) -> None:
    with superuser_engine.begin() as connection:
        for name in ("audit_event", "audit_leaf", "audit_checkpoint", "audit_unsealed"):
            connection.execute(text(f"delete from {name} where council_id = :other"), {"other": councils[1]})
        for statement in tampering.split(";"):
            assert connection.execute(text(statement)).rowcount
    faults = {fault.kind for fault in council_log(sealed, keys, councils[0]).faults}
    assert faults == found if found is not None else faults


def test_a_log_cut_back_is_found_against_a_noted_head(
    sealed: Database, keys: KeyRing, councils: tuple[UUID, UUID], superuser_engine: Engine
) -> None:
    noted = head_of(council_log(sealed, keys, councils[0]))
    assert council_log(sealed, keys, councils[0], noted).sound
    with superuser_engine.begin() as connection:
        connection.execute(
            text("delete from audit_event where id not in (select event_id from audit_leaf where position < 7)")
        )
        for name in ("audit_checkpoint where size > 7", "audit_leaf where position >= 7", "audit_unsealed"):
            connection.execute(text(f"delete from {name}"))
    assert council_log(sealed, keys, councils[0]).sound
    faults = council_log(sealed, keys, councils[0], noted).faults
    assert [fault.kind for fault in faults] == [FaultKind.LEAF_GONE]


def test_another_history_is_found_against_a_noted_head(
    sealed: Database, keys: KeyRing, councils: tuple[UUID, UUID]
) -> None:
    theirs = head_of(council_log(sealed, keys, councils[1]))
    faults = council_log(sealed, keys, councils[0], theirs).faults
    assert [fault.kind for fault in faults] == [FaultKind.HEAD_DIFFERS]


def test_the_log_of_another_deployment_is_not_believed(sealed: Database, councils: tuple[UUID, UUID]) -> None:
    faults = council_log(sealed, KeyRing.generate(), councils[0]).faults
    assert [fault.kind for fault in faults] == [FaultKind.SIGNATURE_WRONG] * 2


@pytest.mark.parametrize(
    "change", ["update audit_event set event = 'x'", "delete from audit_event", "truncate audit_event"]
)
def test_the_application_cannot_change_what_is_written(
    database: Database, councils: tuple[UUID, UUID], change: str
) -> None:
    with database.council(councils[0]) as session:
        record(session, AuditEvent.FILE_READ, uuid4())
    with database.council_session(councils[0]) as session, pytest.raises(Exception, match="SQLSTATE 42501"):
        session.execute(text(change))
