"""What `/metrics` says about each council, against what was done to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.event import listen, remove

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
from tests.server import TestServer

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


@pytest.fixture
def crowded(server: TestServer, database_name: str, house: House) -> Iterator[Engine]:
    """Fifty thousand records under the rule in force, seven that another rule clocked and five that none did."""
    house.adopt()
    house.file("case", milestones=CLOSED)
    house.flush()
    superuser = server.engine(database_name)
    with superuser.begin() as connection:
        connection.execute(
            text(
                "insert into record (council_id, id, file_id, recorded_on, record_class, medium, state, rule_hash)"
                " select council_id, gen_random_uuid(), file_id, recorded_on, record_class, medium, state,"
                " case when n <= 5 then null when n <= 12 then 'another' else rule_hash end"
                " from record cross join generate_series(1, 50000) n"
            )
        )
        connection.execute(
            text(
                "insert into client_file"
                " (council_id, id, person_id, service, name_key, opened_on, source, notice_due_on)"
                " select council_id, gen_random_uuid(), person_id, 'another', '', opened_on, source,"
                " case when n <= 3 then date '2026-01-01' end from client_file cross join generate_series(1, 50000) n"
            )
        )
        connection.execute(text("analyze record, client_file"))
    yield superuser
    superuser.dispose()


def test_what_is_counted_costs_what_is_wrong_and_not_what_is_stored(house: House, look: Look, crowded: Engine) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if house.id in parameters.values():
            asked.append((statement, parameters))

    listen(house.database.engine, "before_cursor_execute", note)
    assert (look("retention_unclocked"), look("notices_late")) == (12, 3)
    remove(house.database.engine, "before_cursor_execute", note)
    wanted = re.compile(r"rule_hash <|recursive.*from record\b|notice_due_on <", re.DOTALL)
    counting = [(statement, parameters) for statement, parameters in asked if wanted.search(statement)]
    assert len(counting) >= 3
    with house.database.council(house.id) as session:
        for statement, parameters in counting:
            explained = session.connection().exec_driver_sql(f"explain (analyze, format json) {statement}", parameters)
            nodes = list(plan_nodes(explained.scalar_one()[0]["Plan"]))
            assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
            scans = [node for node in nodes if "Index" in node["Node Type"]]
            assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) < 100


def plan_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from plan_nodes(below)
