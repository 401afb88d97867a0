"""Writing events: one statement, in the caller's transaction, in the session's council."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record, record_many
from muniment.database.session import Actor, Database


def test_an_event_and_its_line_for_the_sealer(database: Database, councils: tuple[UUID, UUID]) -> None:
    subject, staff = uuid4(), uuid4()
    with database.council(councils[0], Actor("staff", staff, "api")) as session:
        record(session, AuditEvent.FILE_READ, subject, service="adult-learning", fields=3)
        record_many(session, AuditEvent.RECORD_ADDED, [uuid4() for _ in range(1000)], run=uuid4())
    with database.council(councils[0]) as session:
        row = session.execute(text("select * from audit_event where event = 'clients.file.read'")).one()
        assert (row.subject, row.actor_kind, row.actor_id, row.actor_name) == (subject, "staff", staff, "api")
        assert row.facts == {"service": "adult-learning", "fields": 3}
        assert row.at == database.clock.now()
        assert session.scalar(text("select count(*) from audit_unsealed")) == 1001
    with database.council(councils[1]) as session:
        assert session.scalar(text("select count(*) from audit_event")) == 0


def test_an_event_is_rolled_back_with_what_it_tells_of(database: Database, councils: tuple[UUID, UUID]) -> None:
    with database.council_session(councils[0]) as session:
        record(session, AuditEvent.FILE_READ, uuid4())
        session.rollback()
    with database.council(councils[0]) as session:
        assert session.scalar(text("select count(*) from audit_event")) == 0


def test_an_event_goes_with_the_savepoint_that_is_rolled_back(database: Database, councils: tuple[UUID, UUID]) -> None:
    kept = [uuid4() for _ in range(4)]
    with database.council(councils[0]) as session:
        record(session, AuditEvent.FILE_READ, kept[0])
        with session.begin_nested():
            record(session, AuditEvent.FILE_READ, kept[1])
            inner = session.begin_nested()
            record(session, AuditEvent.FILE_READ, uuid4())
            inner.rollback()
            record(session, AuditEvent.FILE_READ, kept[2])
        outer = session.begin_nested()
        with session.begin_nested():
            record(session, AuditEvent.FILE_READ, uuid4())
        outer.rollback()
        record(session, AuditEvent.FILE_READ, kept[3])
    with database.council(councils[0]) as session:
        found = session.scalars(text("select subject from audit_event")).all()
    assert sorted(found) == sorted(kept)
