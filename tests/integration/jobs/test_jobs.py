"""Background work: rung for after the commit, done by whoever is there, found again when a message is lost."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.audit.tables import AuditUnsealed
from muniment.database.session import Database
from muniment.jobs.actors import Deployment, JobActor, actor, dispatch
from muniment.jobs.broker import attach, make_broker, make_worker
from muniment.jobs.drain import Drain
from muniment.jobs.schedule import ring_due
from muniment.worker import working


class Call(NamedTuple):
    council_id: UUID
    number: int


class Recorder:
    """An actor that notes its calls and lets a test wait for them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.called = threading.Event()
        self.failures = 0

        @actor(name="test.note", queue="test")
        def note(deployment: Deployment, council_id: UUID, number: int) -> None:
            if self.failures:
                self.failures -= 1
                raise RuntimeError
            self.calls.append(Call(council_id, number))
            self.called.set()

        self.actor: JobActor = note


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_nothing_is_sent_before_the_commit_or_after_a_rollback(
    deployment: Deployment, councils: tuple[UUID, UUID], recorder: Recorder
) -> None:
    drain = Drain(deployment, [recorder.actor])
    with deployment.database.council_session(councils[0]) as session:
        dispatch(session, recorder.actor, councils[0], 1)
        assert drain.run() == 0
        session.rollback()
    assert drain.run() == 0
    with deployment.database.council(councils[0]) as session:
        dispatch(session, recorder.actor, councils[0], 2)
        dispatch(session, recorder.actor, councils[0], 2)
    told: list[tuple[str, int, int]] = []
    assert drain.run(lambda *state: told.append(state)) == 1
    assert recorder.calls == [Call(councils[0], 2)]
    assert told == [("test.note", 0, 0)]


@pytest.mark.parametrize("argument", [None, True, 1.5, b"x", ["x"], {"name": "x"}])
def test_data_are_no_arguments(
    database: Database, councils: tuple[UUID, UUID], recorder: Recorder, argument: object
) -> None:
    with database.council_session(councils[0]) as session, pytest.raises(TypeError, match="ids"):
        dispatch(session, recorder.actor, argument)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("over", ["memory", "redis"])
def test_a_worker_does_it_and_tries_again(
    request: pytest.FixtureRequest, deployment: Deployment, councils: tuple[UUID, UUID], recorder: Recorder, over: str
) -> None:
    broker = make_broker(request.getfixturevalue("redis_url") if over == "redis" else None)
    recorder.failures = 1
    attach(broker, [recorder.actor], deployment)
    worker = make_worker(broker, threads=2)
    worker.start()
    try:
        with deployment.database.council(councils[0]) as session:
            dispatch(session, recorder.actor, councils[0], 7)
        assert recorder.called.wait(20)
    finally:
        worker.stop()
        broker.flush_all()
        broker.close()
    assert recorder.calls == [Call(councils[0], 7)]


def test_redis_being_away_loses_nothing_and_stops_nothing(
    deployment: Deployment, councils: tuple[UUID, UUID], recorder: Recorder
) -> None:
    attach(make_broker("redis://127.0.0.1:1/0"), [recorder.actor], deployment)
    with deployment.database.council(councils[0]) as session:
        record(session, AuditEvent.FILE_READ, uuid4())
        dispatch(session, recorder.actor, councils[0], 1)
    with deployment.database.council(councils[0]) as session:
        assert session.scalar(select(func.count()).select_from(AuditUnsealed)) == 1
    assert recorder.calls == []


def test_the_schedule_rings_once_a_period_however_many_there_are(
    deployment: Deployment, councils: tuple[UUID, UUID]
) -> None:
    @actor(name="test.each", queue="test", every=timedelta(minutes=5))
    def each(deployment: Deployment, council_id: UUID) -> None: ...

    @actor(name="test.hourly", queue="test", every=timedelta(hours=1))
    def hourly(deployment: Deployment, council_id: UUID) -> None: ...

    rung: list[tuple[str, tuple[object, ...]]] = []
    deployment.database.doorbell = lambda name, arguments: rung.append((name, tuple(arguments)))
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    hours = [("test.hourly", (councils[0],)), ("test.hourly", (councils[1],))]
    assert ring_due(deployment.database, [each, hourly], now) == ["test.each", "test.hourly"]
    assert ring_due(deployment.database, [each, hourly], now + timedelta(minutes=4)) == []
    assert rung == [("test.each", (councils[0],)), ("test.each", (councils[1],)), *hours]
    assert ring_due(deployment.database, [each, hourly], now + timedelta(minutes=5)) == ["test.each"]
    racing = [threading.Thread(target=ring_due, args=(deployment.database, [hourly], now + timedelta(hours=2)))
              for _ in range(4)]  # fmt: skip
    rung.clear()
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    assert rung == hours


def test_one_process_works_and_keeps_the_schedule(deployment: Deployment, councils: tuple[UUID, UUID]) -> None:
    with deployment.database.council(councils[0]) as session:
        record(session, AuditEvent.FILE_READ, uuid4())
    until = time.monotonic() + 20
    with working(deployment, threads=2, schedule=True):
        while time.monotonic() < until:
            with deployment.database.council(councils[0]) as session:
                if session.connection().exec_driver_sql("select count(*) from audit_leaf").scalar():
                    break
            time.sleep(0.05)
        else:
            pytest.fail("the sealer did not come by")
