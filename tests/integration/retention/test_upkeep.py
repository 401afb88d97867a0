"""Upkeep: every table of core's own loses its rows when the period of their class has run, and not a day before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import JSON, Date, DateTime, Integer, LargeBinary, Table, Text, Uuid, func, insert, select, text

import muniment.schema
from muniment.api.periods import add_period, parse_period
from muniment.audit.events import DROPPED_BY_MONTH, AuditEvent, record_class_of
from muniment.database.registry import KeptTable, clocked_tables, kept_tables, personal_tables
from muniment.database.session import CouncilSession, Database
from muniment.jobs.actors import Deployment
from muniment.policy.model import PLATFORM, Policy
from muniment.policy.store import adopt
from muniment.retention import actors, upkeep
from tests.unit.policy.made import compiled

LONDON = ZoneInfo("Europe/London")
OTHER_WAYS = {
    "awaiting": "goes when the destruction is confirmed",
    "parked": "goes when the file could be disposed of",
    "proposal": "goes with its record",
    "reclocking": "goes when the pass over its class is through",
}
FILLED: Mapping[type, Any] = {Uuid: uuid4, Text: lambda: f"generated {uuid4()}", Integer: lambda: 1, JSON: list,
                              LargeBinary: lambda: uuid4().bytes}  # fmt: skip
each_kept_table = pytest.mark.parametrize("kept", kept_tables(), ids=lambda kept: kept.table.name)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return compiled().sound()


@pytest.fixture
def adopted(database: Database, councils: tuple[UUID, UUID], policy: Policy) -> tuple[UUID, UUID]:
    """Two councils that have adopted a policy with core's own rules."""
    for council_id in councils:
        with database.council(council_id) as session:
            adopt(session, policy, session.clock, by="test")
    return councils


def last_day_gone(policy: Policy, kept: KeptTable, today: date) -> tuple[str, date]:
    """The column that a table's rows count from, and the latest day in it whose period is over by today."""
    rule = policy.rule_for(f"{PLATFORM}/{kept.record_class}")
    assert rule is not None
    (clause,) = rule.clauses
    assert clause.keep is not None
    assert clause.anchor is not None
    assert clause.anchor.event is not None
    day = today
    while add_period(day, parse_period(clause.keep)) >= today:
        day -= timedelta(days=1)
    return kept.counts_from[clause.anchor.event], day


def plant(session: CouncilSession, table: Table, **values: Any) -> None:
    """Put a generated row into a table, with whatever it asks for beside the values."""
    if table.name == "hold":
        values = {"scope": "class", "target": "platform/nothing", "target_id": None, **values}
    if table.name == "sharing_request":
        values = {"kind": "one-off", "controllers": "separate", **values}
    if table.name == "match_result" and "closed_on" in values:
        values = {"outcome": "error", **values}
    if table.name == "export_file":
        values = {"id": uuid4(), "disclosure_id": uuid4(), **values}
        for name, key in (("stored_file", "id"), ("disclosure", "disclosure_id")):
            plant(session, muniment.schema.metadata.tables[name], id=values[key])
    if table.name == "archive_package" and values.get("answered_on") is not None:
        values = {"state": "received", **values}
    if table.name == "pseudonym_key":
        tables, files = muniment.schema.metadata.tables, [uuid4(), uuid4()]
        for file_id in files:
            plant(session, tables["person"], id=file_id)
            plant(session, tables["client_file"], id=file_id, person_id=file_id)
        values = {"pseudonym_id": files[0], "file_id": files[1], **values}
    if table.name == "policy_document":
        values = {"state": "rejected", "reviewed_at": session.clock.now(), "reviewed_by": "a test", **values}
    if table.name == "staff_session":
        values["staff_id"] = session.scalar(text("select id from staff where closed_at is null limit 1"))
    for column in table.columns:
        if column.name in values or column.nullable or column.server_default is not None:
            continue
        if column.name == "council_id":
            values["council_id"] = session.council_id
        elif isinstance(column.type, DateTime):
            values[column.name] = session.clock.now()
        elif isinstance(column.type, Date):
            values[column.name] = session.clock.today()
        elif column.type.python_type is list:
            values[column.name] = []
        elif column.type.python_type is bool:
            values[column.name] = False
        else:
            values[column.name] = next(make for kind, make in FILLED.items() if isinstance(column.type, kind))()
    session.execute(insert(table).values(values))


def in_column(table: Table, name: str, day: date) -> date:
    """A day as a column holds it: an instant just after midnight in London, in summer the day before in UTC."""
    return datetime.combine(day, time(0, 30), LONDON) if isinstance(table.c[name].type, DateTime) else day


def days_left(session: CouncilSession, table: Table, name: str) -> list[Any]:
    column = table.c[name]
    day = func.timezone("Europe/London", column).cast(Date) if isinstance(column.type, DateTime) else column
    return list(session.scalars(select(day).order_by(day.nulls_last())))


def test_every_class_of_core_has_a_way_to_go() -> None:
    assert muniment.schema.metadata.tables
    kept, clocked = {entry.table.name for entry in kept_tables()}, {entry.table.name for entry in clocked_tables()}
    for entry in personal_tables().values():
        name = entry.table.name
        if entry.record_class is not None and name not in kept:
            assert entry.hangs_below is not None, name
            assert entry.hangs_below.name in kept, name
        elif name not in kept | clocked | OTHER_WAYS.keys() and not entry.table.info["append_only"]:
            assert entry.hangs_below is not None or name == "person", name


def test_every_class_of_core_is_disposed_of_or_kept_for_good_on_purpose(policy: Policy) -> None:
    """A class that is declared and that nothing walks would be kept for good by accident."""
    disposed_of = {entry.record_class for entry in kept_tables()} | set(DROPPED_BY_MONTH)
    for entry in policy.platform.classes:
        rule = policy.rule_for(f"{PLATFORM}/{entry.id}")
        assert rule is not None, entry.id
        for_good = {clause.keep for clause in rule.clauses} == {"permanent"}
        assert for_good != (entry.id in disposed_of), entry.id
        assert not for_good or not entry.personal, entry.id


def test_every_event_is_of_a_class_that_has_a_rule(policy: Policy) -> None:
    for event in AuditEvent:
        assert policy.rule_for(f"{PLATFORM}/{record_class_of(event)}") is not None, event
    assert record_class_of(AuditEvent.SIGNED_IN) != record_class_of(AuditEvent.RECORD_DISPOSED)


@each_kept_table
def test_what_is_past_its_period_goes_and_nothing_else(
    deployment: Deployment, adopted: tuple[UUID, UUID], policy: Policy, kept: KeptTable
) -> None:
    database, table = deployment.database, kept.table
    name, gone = last_day_gone(policy, kept, database.clock.today())
    days = [gone - timedelta(days=400), gone, gone + timedelta(days=1)]
    stays: list[date | None] = [days[2], *([None] if table.c[name].nullable else [])]
    for council_id in adopted:
        with database.council(council_id) as session:
            plant(session, muniment.schema.metadata.tables["staff"])
            for day in days:
                plant(session, table, **{name: in_column(table, name, day)})
            if None in stays and table.name != "staff":
                plant(session, table)
    actors.upkeep.run(deployment, adopted[0])
    with database.council(adopted[0]) as session:
        assert days_left(session, table, name) == stays
        told = session.execute(text("select event, facts from audit_event where facts ->> 'table' = :name"),
                               {"name": table.name}).all()  # fmt: skip
        assert [row.event for row in told] == ["retention.platform.disposed"]
        assert told[0].facts["rows"] == 2
    with database.council(adopted[1]) as session:
        assert days_left(session, table, name)[:3] == days
    actors.upkeep.run(deployment, adopted[1])
    with database.council(adopted[1]) as session:
        assert days_left(session, table, name) == stays


def test_an_account_takes_its_roles_and_sessions_along(deployment: Deployment, adopted: tuple[UUID, UUID]) -> None:
    tables = muniment.schema.metadata.tables
    with deployment.database.council(adopted[0]) as session:
        plant(session, tables["staff"])
        plant(session, tables["staff_session"], expires_at=session.clock.now() + timedelta(hours=1))
        session.execute(text("update staff set closed_at = :at"), {"at": session.clock.now() - timedelta(days=500)})
    actors.upkeep.run(deployment, adopted[0])
    with deployment.database.council(adopted[0]) as session:
        assert session.execute(text("select from staff union all select from staff_session")).all() == []


def test_a_hold_on_the_class_and_a_council_without_a_policy_keep_all(
    deployment: Deployment, adopted: tuple[UUID, UUID]
) -> None:
    tables, long_ago = muniment.schema.metadata.tables, deployment.clock.now() - timedelta(days=9_000)
    with deployment.database.council(adopted[0]) as session:
        plant(session, tables["attempt"], until=long_ago)
        plant(session, tables["hold"], target=f"{PLATFORM}/sign-in-attempts")
    with deployment.database.council(adopted[1]) as session:
        plant(session, tables["attempt"], until=long_ago)
    with deployment.database.platform() as platform:
        platform.execute(text("update council set policy_hash = null where id = :id"), {"id": adopted[1]})
    for council_id in adopted:
        actors.upkeep.run(deployment, council_id)
        with deployment.database.council(council_id) as session:
            assert session.scalar(text("select count(*) from attempt")) == 1
    with deployment.database.council(adopted[0]) as session:
        session.execute(text("update hold set released_at = :at"), {"at": session.clock.now()})
    actors.upkeep.run(deployment, adopted[0])
    with deployment.database.council(adopted[0]) as session:
        assert session.scalar(text("select count(*) from attempt")) == 0


def test_many_rows_go_a_chunk_at_a_time(
    deployment: Deployment, adopted: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (actors, upkeep):
        monkeypatch.setattr(module, "CHUNK", 2)
    attempts = muniment.schema.metadata.tables["attempt"]
    with deployment.database.council(adopted[0]) as session:
        for _ in range(5):
            plant(session, attempts, until=session.clock.now() - timedelta(days=9_000))
    actors.upkeep.run(deployment, adopted[0])
    with deployment.database.council(adopted[0]) as session:
        assert session.scalar(text("select count(*) from attempt")) == 0
        told = session.scalars(text("select (facts ->> 'rows')::int from audit_event order by id"))
        assert list(told) == [2, 2, 1]
