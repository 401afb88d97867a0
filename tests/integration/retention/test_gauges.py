"""What `/metrics` says about each council, against what was done to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.audit.sealing import seal_some
from muniment.clock import FixedClock
from muniment.database.gauges import CouncilGauge, GaugeFailed, Readings
from muniment.database.session import CouncilSession, Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.plugins.manager import load_plugins
from muniment.retention.evidence.ledger import Line
from muniment.settings import Settings
from muniment.wiring import gauges
from tests.integration.retention.kit import RETENTION, House, hold

Look = Callable[..., float | None]
CLOSED = {"case-closed": date(2020, 1, 1)}


@pytest.fixture
def look(settings: Settings, house: House, keys: KeyRing) -> Look:
    """The value of a gauge now, by its name without the prefix; None where it has none."""

    def of(name: str, *labels: str) -> float | None:
        deployment = Deployment(settings, house.database, house.clock, keys, load_plugins([]))
        fresh = {gauge.name: gauge for gauge in gauges(deployment)}
        return fresh[f"muniment_{name}"].read().get((*(labels or ("alpha",)),))

    return of


def test_retention(house: House, look: Look, clock: FixedClock) -> None:
    assert look("retention_seconds_since_sweep") is None  # nothing is promised without a policy
    house.adopt()
    assert look("retention_seconds_since_sweep") == float("inf")
    kept = house.file("case", milestones=CLOSED)
    house.file("case", milestones=CLOSED)
    house.file("case", milestones={"case-closed": clock.today() - timedelta(days=1)})
    house.file("letter", medium="paper")
    house.register(date(2020, 1, 1))
    house.flush()
    assert (look("retention_due"), look("retention_overdue")) == (4, 0)  # nobody has armed anything yet
    house.arm("case", "letter")
    hold(house, "file", kept)
    assert (look("retention_due"), look("retention_overdue")) == (4, 2)
    house.sweep()
    assert (look("retention_due"), look("retention_overdue")) == (2, 0)
    assert look("retention_awaiting") == 1
    assert look("retention_seconds_since_sweep") == 0
    clock.advance(timedelta(hours=37))
    assert look("retention_seconds_since_sweep") == 37 * 3600
    assert look("retention_seconds_since_sweep", "beta") is None
    house.ledger.intend(Line("intend", UUID(int=7)))
    assert look("retention_ledger_open") == 1
    house.ledger.close("void", [UUID(int=7)])
    assert look("retention_ledger_open") == 0
    assert look("retention_parked") == 0


def test_what_a_change_of_the_rule_leaves_to_do(house: House, look: Look) -> None:
    rules: Any = RETENTION["rule"]
    house.adopt()
    house.file("case", milestones=CLOSED)
    house.flush()
    house.arm("case")
    assert (look("retention_disarmed_classes"), look("retention_unclocked")) == (0, 0)
    case, *others = rules
    longer = {**case, "clause": [{"id": "closed", "keep": "6 years", "from": {"event": "case-closed"}}]}
    with house.session() as session:
        session.execute(text("update record set rule_hash = 'another'"))
    assert look("retention_unclocked") == 1
    house.adopt({**RETENTION, "rule": [longer, *others]})
    assert (look("retention_disarmed_classes"), look("retention_unclocked")) == (1, 0)


def test_what_waits_in_the_other_domains(house: House, look: Look, clock: FixedClock, keys: KeyRing) -> None:
    house.adopt()
    house.arm("case")
    clock.advance(timedelta(minutes=5))
    assert (look("audit_unsealed_events") or 0) > 0
    assert look("audit_oldest_unsealed_seconds") == 300
    with house.session() as session:
        while seal_some(session, keys):
            pass
    assert (look("audit_unsealed_events"), look("audit_oldest_unsealed_seconds")) == (0, 0)
    house.file("case")
    house.flush()
    day, now = clock.today(), clock.now()
    with house.session() as session:
        session.execute(text("update client_file set notice_due_on = :day"), {"day": day})
    assert look("notices_late") == 0  # the last day is not over
    with house.session() as session:
        session.execute(text("update client_file set notice_due_on = :day"), {"day": day - timedelta(days=1)})
        session.execute(
            text("insert into file_tombstone (council_id, id, at) values (:c, gen_random_uuid(), :now)"),
            {"c": house.id, "now": now},
        )
        for state, ended in (("running", None), ("failed", now), ("failed", now - timedelta(days=8))):
            _import_run(session, state, now, ended)
    assert (look("notices_late"), look("files_to_remove")) == (1, 1)
    assert [look("imports", "alpha", state) for state in ("waiting", "running", "failed")] == [0, 1, 1]
    assert look("imports", "beta", "running") == 0


def _import_run(session: CouncilSession, state: str, now: datetime, ended: datetime | None) -> None:
    session.execute(
        text(
            "insert into import_run (council_id, id, service, import_format, history, state, started_at, progress_at,"
            " finished_at) values (:c, gen_random_uuid(), 'advice', 'made-up', false, :state, :now, :now, :ended)"
        ),
        {"c": session.council_id, "state": state, "now": now, "ended": ended},
    )


def test_one_that_fails_is_missing_and_the_others_stand(database: Database, councils: tuple[UUID, UUID]) -> None:
    asked: list[UUID] = []

    def count(session: CouncilSession) -> float:
        asked.append(session.council_id)
        return float(session.scalar(text("select 2")) or 0)

    def fail(session: CouncilSession) -> float:
        return float(session.scalar(text("select 1 / 0")) or 0)

    readings = Readings(database, [CouncilGauge("fails", "", fail), CouncilGauge("stands", "", count)])
    fails, stands = readings.gauges()
    with pytest.raises(GaugeFailed):
        fails.read()
    assert stands.read() == {("alpha",): 2.0, ("beta",): 2.0}
    assert stands.read() == stands.read()
    assert sorted(asked) == sorted(councils)  # once each: the answers are kept
