"""Adopting a policy beside work under way: it waits for a chunk that shares the council's lock, and the chunk ends.

Every row of a council that is written holds on to the council's own row; an adoption must not stand in the way of that
while it waits for the lock that the chunk has.
"""

from __future__ import annotations

import copy
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import uuid4

from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.locks import lock_files, tell
from muniment.database.session import CouncilSession
from muniment.policy.store import adopt
from muniment.retention import locks
from muniment.retention.rules.compile import clocks
from muniment.wiring import wire
from tests.integration.retention.kit import RETENTION, SERVICE, House, policy_of

WAITS = text(
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
    " where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"
)


def until_somebody_waits(session: CouncilSession) -> None:
    until = time.monotonic() + 20
    while not session.scalar(WAITS):
        assert time.monotonic() < until, "nobody waits for the lock"


def test_a_change_that_waits_for_an_adoption_is_clocked_by_the_rule_that_comes_into_force(house: House) -> None:
    wire()
    house.adopt()
    file = house.file("case")
    house.flush()
    longer = copy.deepcopy(RETENTION)
    longer["rule"][0]["clause"][0]["keep"] = "90 years"

    def close() -> None:
        with house.session() as session:
            lock_files(session, [file])
            house.milestones(session, [file], "case-closed", date(2026, 1, 5))
            tell(session, [file], "milestone")

    with ThreadPoolExecutor(1) as pool:
        with house.session() as adopting:
            adopt(adopting, policy_of(longer), house.clock, by="test")
            closing = pool.submit(close)
            until_somebody_waits(adopting)
        closing.result()
    rule = clocks(policy_of(longer))[f"{SERVICE}/case"].hash
    assert house.all("select due_on, rule_hash from record") == [(date(2116, 1, 5), rule)]


def test_a_chunk_writes_while_an_adoption_waits_for_it(house: House) -> None:
    wire()
    house.adopt()
    with ThreadPoolExecutor(1) as pool:
        with house.session() as chunk:
            locks.shared(chunk)
            adopting = pool.submit(house.adopt, {**RETENTION, "rule": []})
            until_somebody_waits(chunk)
            record_many(chunk, AuditEvent.RECORD_ADDED, [uuid4()])
        adopting.result()
    with house.session() as session:
        assert session.scalar(text("select count(*) from audit_event")) == 1
