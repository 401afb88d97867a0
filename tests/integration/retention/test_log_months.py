"""Months of the audit log go when their period has run; the log still verifies, and nothing else can go that way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from muniment.audit.dropping import drop_month
from muniment.audit.events import ACCESS, EVIDENCE, LASTING, AuditEvent
from muniment.audit.log import record, record_many
from muniment.audit.merkle import tree_of
from muniment.audit.proofs import public_keys
from muniment.audit.sealing import prove, seal_council
from muniment.audit.verification import FaultKind, Head, Verification, verify
from muniment.cli import main
from muniment.clock import FixedClock
from muniment.database.session import Actor, CouncilSession, Database
from muniment.jobs.actors import Deployment
from muniment.policy.store import adopt
from muniment.retention import actors
from tests.unit.policy.made import compiled

OLD, OLDER, KEPT = date(2025, 9, 12), date(2019, 3, 31), date(2025, 10, 1)
"""On 20 November 2026: access events of September 2025 are past 13 months, those of October not; evidence of 2019 is
past 7 years."""


@pytest.fixture
def council_id(deployment: Deployment, clock: FixedClock, councils: tuple[UUID, UUID]) -> UUID:
    """A council whose log holds five access events and two of evidence on each of three days, sealed."""
    database, now = deployment.database, clock.now()
    policy = compiled().sound()
    for council in councils:
        with database.council(council) as session:
            adopt(session, policy, session.clock, by="test")
        for day in (OLDER, OLD, KEPT):
            clock.move_to(day)
            with database.council(council, Actor("staff", uuid4(), "api")) as session:
                for _ in range(2):
                    record_many(session, AuditEvent.FILE_READ, [uuid4(), uuid4()], service="housing")
                    record(session, AuditEvent.HOLD_PLACED, uuid4(), scope="file")
                record(session, AuditEvent.SIGNED_IN)
        clock.move_to(now)
        seal_council(deployment, council)
    return councils[0]


def verified(deployment: Deployment, council_id: UUID, noted: Head | None = None) -> Verification:
    with deployment.database.council(council_id) as session:
        return verify(session, deployment.keys, noted)


def count(database: Database, council_id: UUID, which: str = "true") -> int:
    with database.council(council_id) as session:
        return session.scalar(text(f"select count(*) from audit_event where {which}")) or 0


def test_what_is_past_its_period_goes_by_the_month_and_the_log_verifies(
    deployment: Deployment, council_id: UUID, councils: tuple[UUID, UUID]
) -> None:
    before = verified(deployment, council_id)
    assert before.head is not None
    head = Head(int(before.head.partition(":")[0]), bytes.fromhex(before.head.partition(":")[2]))
    events, others = count(deployment.database, council_id), count(deployment.database, councils[1])
    actors.upkeep.run(deployment, council_id)
    after = verified(deployment, council_id, head)
    assert after.faults == ()
    assert [(gone.record_class, gone.month, gone.events) for gone in after.dropped] == [
        (ACCESS, "2025-09", 10),
        (EVIDENCE, "2019-03", 2),
    ]
    assert (after.leaves, after.pending) == (before.leaves + 3, 0)
    assert count(deployment.database, council_id) == events - 12 + 3
    assert count(deployment.database, council_id, "at < '2025-10-01' and event <> 'retention.hold.placed'") == 0
    assert count(deployment.database, councils[1]) == others
    with deployment.database.council(council_id) as session:
        told = session.execute(
            text("select subject, facts, actor_name from audit_event where event like 'audit.%'")
        ).all()
        proofs = [proof for row in told for proof in prove(session, AuditEvent.MONTH_DROPPED, row.subject)]
    assert {row.actor_name for row in told} == {"retention.upkeep"}
    assert {(row.facts["month"], row.facts["events"]) for row in told} == {
        ("2019-03-01", 5),
        ("2025-09-01", 5),
        ("2019-03-01", 2),
    }
    assert len(proofs) == 3
    for proof in proofs:
        proof.check(public_keys(deployment.keys, council_id, "alpha"))
    actors.upkeep.run(deployment, council_id)
    assert verified(deployment, council_id).leaves == after.leaves


def test_the_day_decides(deployment: Deployment, clock: FixedClock, council_id: UUID) -> None:
    clock.move_to(date(2026, 10, 30))  # 30 September 2025 and 13 months is the last day that September is kept
    actors.upkeep.run(deployment, council_id)
    assert count(deployment.database, council_id, "at >= '2025-09-01' and at < '2025-10-01'") == 7
    clock.move_to(date(2026, 10, 31))
    actors.upkeep.run(deployment, council_id)
    assert count(deployment.database, council_id, "at >= '2025-09-01' and at < '2025-10-01'") == 2


def hold(deployment: Deployment, council_id: UUID, scope: str, target_id: UUID | None, target: str | None) -> None:
    with deployment.database.council(council_id) as session:
        session.execute(
            text(
                "insert into hold (council_id, id, scope, target_id, target, ground, authoriser, placed_at, review_on)"
                " values (:council_id, :id, :scope, :target_id, :target, 'generated', 'officer', :at, :at)"
            ),
            {"council_id": council_id, "id": uuid4(), "scope": scope, "target_id": target_id, "target": target,
             "at": session.clock.now()},
        )  # fmt: skip


def test_a_hold_keeps_the_events_about_what_it_is_on(deployment: Deployment, council_id: UUID) -> None:
    with deployment.database.council(council_id) as session:
        subject = session.scalar(
            text("select subject from audit_event where event = 'clients.file.read' and at < '2020-01-01' limit 1")
        )
    hold(deployment, council_id, "file", subject, None)
    actors.upkeep.run(deployment, council_id)
    assert count(deployment.database, council_id, "at < '2020-01-01'") == 1
    assert verified(deployment, council_id).sound
    with deployment.database.council(council_id) as session:
        session.execute(text("update hold set released_at = :at"), {"at": session.clock.now()})
    actors.upkeep.run(deployment, council_id)
    assert count(deployment.database, council_id, "at < '2020-01-01'") == 0
    assert verified(deployment, council_id).sound


def test_a_hold_on_the_class_keeps_all_of_it(deployment: Deployment, council_id: UUID) -> None:
    hold(deployment, council_id, "class", None, f"platform/{ACCESS}")
    actors.upkeep.run(deployment, council_id)
    assert [gone.record_class for gone in verified(deployment, council_id).dropped] == [EVIDENCE]


CLAIM = "insert into audit_drop (council_id, id, record_class, month, at, events, positions)"
FIRST_DROP = "(select id from audit_drop order by month, record_class limit 1)"
TAMPERING: dict[str, tuple[str, set[FaultKind]]] = {
    "an event deleted by hand": (
        "delete from audit_event where id = (select id from audit_event where at > '2025-10-01' limit 1)",
        {FaultKind.EVENT_GONE},
    ),
    "a drop claimed for it without a sealed event": (
        (
            f"{CLAIM}"
            " select l.council_id, gen_random_uuid(), 'access-events', '2025-10-01', now(), 1,"
            " int8multirange(int8range(l.position, l.position, '[]')) from audit_leaf l join audit_event e"
            " on e.id = l.event_id where e.at > '2025-10-01' and e.event = 'clients.file.read' limit 1;"
            "delete from audit_event where id = (select event_id from audit_leaf l join audit_drop d"
            " on d.positions @> l.position where d.month = '2025-10-01')"
        ),
        {FaultKind.DROP_UNSEALED},
    ),
    "one more leaf claimed by a sealed drop": (
        (
            "update audit_drop d set events = events + 1, positions = positions + (select int8multirange(int8range("
            "l.position, l.position, '[]')) from audit_leaf l join audit_event e on e.id = l.event_id"
            f" where e.at > '2025-10-01' limit 1) where id = {FIRST_DROP};"
            "delete from audit_event where at > '2025-10-01' and id = (select l.event_id from audit_leaf l"
            " join audit_event e on e.id = l.event_id join audit_drop d on d.positions @> l.position limit 1)"
        ),
        {FaultKind.DROP_DIFFERS},
    ),
    "a drop of another month": (
        f"update audit_drop set month = '2019-02-01' where id = {FIRST_DROP}",
        {FaultKind.DROP_DIFFERS},
    ),
    "a drop forgotten": (f"delete from audit_drop where id = {FIRST_DROP}", {FaultKind.EVENT_GONE}),
    "what tells of a drop taken away": (
        f"delete from audit_event where subject = {FIRST_DROP}",
        {FaultKind.EVENT_GONE, FaultKind.DROP_UNSEALED},
    ),
    "what tells of a drop rewritten": (
        f"update audit_event set facts = facts || '{{\"events\": 1}}' where subject = {FIRST_DROP}",
        {FaultKind.EVENT_CHANGED, FaultKind.DROP_DIFFERS},
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_around_a_drop_is_found(
    deployment: Deployment, council_id: UUID, councils: tuple[UUID, UUID], superuser_engine: Engine, how: str
) -> None:
    actors.upkeep.run(deployment, council_id)
    statements, found = TAMPERING[how]
    with superuser_engine.begin() as connection:
        for name in ("audit_event", "audit_leaf", "audit_checkpoint", "audit_unsealed"):
            connection.execute(text(f"delete from {name} where council_id = :other"), {"other": councils[1]})
        for statement in statements.split(";"):
            assert connection.execute(text(statement)).rowcount == 1
    assert {fault.kind for fault in verified(deployment, council_id).faults} == found


def test_a_sealed_claim_that_came_too_soon_is_found(
    deployment: Deployment, council_id: UUID, superuser_engine: Engine
) -> None:
    drop_id = uuid4()
    with deployment.database.council(council_id) as session:
        position, event_id, leaf = session.execute(
            text("select position, event_id, hash from audit_leaf order by position desc limit 1")
        ).one()
        session.execute(
            text(
                "insert into audit_drop (council_id, id, record_class, month, at, events, positions)"
                " select :council_id, :id, :class, '2026-11-01', now(), 1, int8multirange(int8range(:at, :at, '[]'))"
            ),
            {"council_id": council_id, "id": drop_id, "class": ACCESS, "at": position},
        )
        event, month, root = AuditEvent.MONTH_DROPPED, date(2026, 11, 1), tree_of([bytes(leaf)]).root.hex()
        record(session, event, drop_id, record_class=ACCESS, month=month, events=1, root=root)
    with superuser_engine.begin() as connection:
        connection.execute(text("delete from audit_event where id = :id"), {"id": event_id})
    seal_council(deployment, council_id)
    assert {fault.kind for fault in verified(deployment, council_id).faults} == {FaultKind.DROP_DIFFERS}


@pytest.mark.parametrize(("month", "left"), [(date(2026, 11, 1), 0), (date(2025, 10, 1), 7), (date(2025, 9, 1), 7)])
def test_the_database_lets_nothing_young_go_whatever_is_claimed(
    deployment: Deployment, council_id: UUID, month: date, left: int
) -> None:
    with deployment.database.council(council_id) as session:
        record(session, AuditEvent.FILE_READ, uuid4())
    seal_council(deployment, council_id)
    with deployment.database.council_session(council_id) as session:
        claim = claimed(session, month)
        assert session.scalar(text("select drop_audit_events(:id)"), {"id": claim}) == left


def test_what_is_kept_for_good_is_not_let_go(deployment: Deployment, clock: FixedClock, council_id: UUID) -> None:
    clock.move_to(date(2018, 5, 1))
    with deployment.database.council(council_id) as session:
        for event in sorted(LASTING):
            record(session, event, uuid4())
    seal_council(deployment, council_id)
    with deployment.database.council(council_id) as session:
        claim = claimed(session, date(2018, 5, 1))
        assert session.scalar(text("select drop_audit_events(:id)"), {"id": claim}) == 0


def test_another_councils_claim_takes_nothing(
    deployment: Deployment, councils: tuple[UUID, UUID], council_id: UUID
) -> None:
    with deployment.database.council(council_id) as session:
        claim = claimed(session, date(2019, 3, 1))
    with deployment.database.council(councils[1]) as session:
        assert session.scalar(text("select drop_audit_events(:id)"), {"id": claim}) == 0


def claimed(session: CouncilSession, month: date) -> UUID:
    """Claim as the application that all there is was dropped in a month."""
    statement = f"{CLAIM} select :council_id, :id, 'access-events', :month, now(), 9, '{{[0,1000)}}'"
    session.execute(text(statement), {"council_id": session.council_id, "id": (claim := uuid4()), "month": month})
    return claim


def test_a_month_without_anything_to_drop_leaves_no_trace(deployment: Deployment, council_id: UUID) -> None:
    with deployment.database.council(council_id) as session:
        assert drop_month(session, deployment.keys, ACCESS, date(2018, 1, 1), (), "hash").events == 0
    assert count(deployment.database, council_id, "event = 'audit.month.dropped'") == 0


@pytest.fixture
def muniment(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command on the test's deployment; returns what it printed."""
    deployment.keys.save(deployment.settings.keys_file)
    for name in ("database_url", "data_dir", "keys_file", "ledger_dir", "files_dir"):
        monkeypatch.setenv(f"MUNIMENT_{name.upper()}", str(getattr(deployment.settings, name)))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_the_command_previews_drops_and_verifies(muniment: Callable[..., str], council_id: UUID) -> None:
    assert "5 access-events of 2019-03 would be dropped" in muniment("audit", "drop", "alpha", "--preview")
    assert "12 events of 3 months dropped" in muniment("audit", "drop", "alpha")
    assert "nothing is past its period" in muniment("audit", "drop", "alpha", "--preview")
    assert "access-events dropped by rule until 2025-09" in muniment("audit", "verify", "alpha")
