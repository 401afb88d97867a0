"""Adopting a policy beside work under way: it waits for a chunk that shares the council's lock, and the chunk ends.

Every row of a council that is written holds on to the council's own row; an adoption must not stand in the way of that
while it waits for the lock that the chunk has.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.retention import locks
from muniment.wiring import wire
from tests.integration.retention.kit import RETENTION, House

WAITS = text(
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"
)


def test_a_chunk_writes_while_an_adoption_waits_for_it(house: House) -> None:
    wire()
    house.adopt()
    with ThreadPoolExecutor(1) as pool:
        with house.session() as chunk:
            locks.shared(chunk)
            adopting = pool.submit(house.adopt, {**RETENTION, "rule": []})
            until = time.monotonic() + 20
            while not chunk.scalar(WAITS):
                assert time.monotonic() < until, "the adoption does not wait for the chunk"
            record_many(chunk, AuditEvent.RECORD_ADDED, [uuid4()])
        adopting.result()
    with house.session() as session:
        assert session.scalar(text("select count(*) from audit_event")) == 1
