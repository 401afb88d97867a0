"""A sweep: chunk after chunk, each its own transaction, until nothing that may go is left.

A run is a row that counts along and nothing more: where a sweeper has come is kept in its memory alone, for what it has
disposed of is no longer there to be found. So any number may work on one run, and one that is killed leaves nothing to
mend: its last chunk was rolled back, and the next to come finds the work.

A chunk that fails is tried file by file; a file that fails alone is parked, where people see it, and the run goes on.
Between chunks it rests while others are at work (`pace`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound, NotReady
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clock import london_day
from muniment.database.errors import DatabaseAway, DatabaseBusy, TookTooLong, sqlstate_of
from muniment.database.ids import new_id
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession, Database
from muniment.files.store import FileStore
from muniment.plugins.facade import CouncilFacade
from muniment.retention.approval import arming
from muniment.retention.disposal.chunk import (
    BEGINNING,
    Chunk,
    Place,
    PolicyMoved,
    due_places,
    errands_of,
    sweep_chunk,
)
from muniment.retention.disposal.errands import DESTROYING, Errand
from muniment.retention.disposal.pace import Pace
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.holds.judging import KeptBy, added_up
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import SUBJECTS, Subject
from muniment.retention.tables import Parked, SweepRun

__all__ = ["SWEEP", "RunView", "Sweeper", "begin_run", "run_view", "runs", "start_sweep", "want_run"]

log = structlog.get_logger(__name__)

RUN = table_of(SweepRun)
PARKED = table_of(Parked)
OPEN = ("waiting", "running")

SWEEP = "retention.sweep"
"""The actor's name; it takes the council's key."""

FILES = 1_000
"""Pairs of day and file looked at in one chunk: short enough to survive a deploy, long enough to be cheap."""

PACKED = 50
"""The same where records are packed for an archive: their files are read and written."""

CHUNKS = 20
"""Chunks that dispose of something in one go of the actor, which then asks to be called again."""

BUSY_TRIES = 3


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A run and how far it is. Counts are of committed chunks; `proposed` records were put before a reviewer or an
    archive, `changed` ones stay, redacted or in another class; `kept` and `kept_by` (what each plugin keeps, by
    distribution) are known when it is done."""

    id: UUID
    today: date
    state: str
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    chunks: int
    files: int
    disposed: int
    awaited: int
    proposed: int
    changed: int
    kept: int
    kept_by: dict[str, KeptBy]
    parked: int


def start_sweep(session: CouncilSession, caller: Caller) -> UUID:
    """Ask for a sweep, or join the one that is under way; returns the run's key. Raises `Forbidden`."""
    caller.require(Permission.SWEEP_RETENTION)
    return want_run(session)


def want_run(session: CouncilSession) -> UUID:
    """The open run, or a new one, and a worker woken for it."""
    run_id = _open_run(session) or _new_run(session)
    session.ring(SWEEP, (session.council_id,))
    return run_id


def begin_run(session: CouncilSession) -> UUID | None:
    """The run that a sweeper is to work on: one that is open, else the day's first; None if the day has had its own."""
    run_id = _open_run(session)
    if run_id is None:
        last = session.scalar(select(func.max(RUN.c.finished_at)).where(RUN.c.council_id == session.council_id))
        if last is not None and london_day(last) == session.clock.today():
            return None
        run_id = _new_run(session)
    started = session.execute(
        update(RUN)
        .where(*_one(session, run_id), RUN.c.state == "waiting")
        .values(state="running", started_at=session.clock.now())
        .returning(RUN.c.id)
    ).scalar_one_or_none()
    if started is not None:
        session.execute(delete(PARKED).where(PARKED.c.council_id == session.council_id))
        record(session, AuditEvent.SWEEP_STARTED, run_id)
    return run_id


def run_view(session: CouncilSession, caller: Caller, run_id: UUID) -> RunView:
    """One run. Raises `NotFound`, `Forbidden`."""
    caller.require_somewhere(Permission.READ_RETENTION)
    row = session.execute(select(RUN).where(*_one(session, run_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such sweep.")
    return _view(row)


def runs(
    session: CouncilSession, caller: Caller, *, before: tuple[datetime, UUID] | None = None, limit: int = 20
) -> tuple[RunView, ...]:
    """The runs, the newest first; `before` is when one was asked for and its key, to go on. Raises `Forbidden`."""
    caller.require_somewhere(Permission.READ_RETENTION)
    newest_first = select(RUN).where(RUN.c.council_id == session.council_id)
    newest_first = newest_first.order_by(RUN.c.asked_at.desc(), RUN.c.id.desc()).limit(limit)
    if before is not None:
        newest_first = newest_first.where(tuple_(RUN.c.asked_at, RUN.c.id) < tuple_(*before))
    return tuple(_view(row) for row in session.execute(newest_first))


class Sweeper:
    """Works on a run of one council. Any number of them may, in as many processes; without a pace none rests."""

    def __init__(
        self,
        database: Database,
        council_id: UUID,
        ledger: Ledger,
        facade: CouncilFacade | None = None,
        *,
        files: int = FILES,
        pace: Pace | None = None,
        store: FileStore | None = None,
        told: Callable[[Chunk], None] = lambda _chunk: None,
        stopping: threading.Event | None = None,
    ) -> None:
        self._database, self._council_id, self._ledger, self._facade = database, council_id, ledger, facade
        self._store = store
        self._files, self._told, self._stopping, self._pace = files, told, stopping, pace or Pace(0)
        self._actor = Actor("system", None, SWEEP)

    def work(self, run_id: UUID, chunks: int = CHUNKS) -> bool:
        """Walk from the beginning until `chunks` chunks have disposed of something; whether there may be more to do.

        Where the process is to stop no other chunk is begun.

        Chunks in which everything is held count for nothing, or a thousand held files at the front would keep every
        walk from what lies behind them. There is no more when a whole walk has disposed of nothing.
        """
        productive = kept = 0
        kept_by: dict[str, KeptBy] = {}
        for subject, errand in self._errands():
            place: Place | None = BEGINNING
            while place is not None:
                if productive == chunks or (self._stopping is not None and self._stopping.is_set()):
                    return True
                began = time.monotonic()
                chunk = self._chunk(subject, errand, run_id, place)
                productive += chunk.done > 0
                kept += chunk.kept
                kept_by = added_up([kept_by, chunk.kept_by])
                place = chunk.end
                if place is not None:
                    self._pace.rest(time.monotonic() - began)
        if productive:
            return True
        self._finish(run_id, kept, kept_by)
        return False

    def _errands(self) -> list[tuple[Subject, Errand]]:
        for _ in range(BUSY_TRIES):
            with suppress(PolicyMoved), self._database.council(self._council_id, self._actor) as session:
                return [(subject, errand) for subject in SUBJECTS for errand in errands_of(session, subject)]
        return [(subject, DESTROYING) for subject in SUBJECTS]

    def _chunk(self, subject: Subject, errand: Errand, run_id: UUID, after: Place) -> Chunk:
        for attempt in range(BUSY_TRIES):
            try:
                return self._commit(subject, errand, run_id, after)
            except PolicyMoved:
                continue
            except TookTooLong:
                return self._one_by_one(subject, errand, run_id, after)
            except DatabaseBusy:
                if attempt == BUSY_TRIES - 1:
                    raise
            except (DatabaseAway, NotReady):
                raise  # no file is at fault: the ledger or the database is away, and the actor is tried again
            except Exception as error:
                log.warning("chunk_failed", council=str(self._council_id), error=type(error).__name__)
                return self._one_by_one(subject, errand, run_id, after)
        return Chunk(None)

    def _commit(self, subject: Subject, errand: Errand, run_id: UUID, after: Place, only: UUID | None = None) -> Chunk:
        with self._database.council(self._council_id, self._actor) as session:
            chunk = sweep_chunk(
                session,
                subject,
                self._ledger,
                run_id=run_id,
                after=after,
                limit=PACKED if errand.does == "pack" else self._files,
                facade=self._facade,
                only=only,
                errand=errand,
                store=self._store,
            )
            if chunk.locked:
                _count(session, run_id, chunk)
            self._pace.look(session)
        self._told(chunk)
        return chunk

    def _one_by_one(self, subject: Subject, errand: Errand, run_id: UUID, after: Place) -> Chunk:
        with self._database.council(self._council_id, self._actor) as session:
            places = due_places(session, subject, after, self._files, errand)
        chunks: list[Chunk] = []
        for lock_id in dict.fromkeys(place[1] for place in places):
            try:
                chunks.append(self._commit(subject, errand, run_id, BEGINNING, only=lock_id))
            except TookTooLong as error:
                self._park(subject, run_id, lock_id, error)
            except (DatabaseAway, NotReady, PolicyMoved):
                raise
            except Exception as error:
                self._park(subject, run_id, lock_id, error)
        return Chunk(
            places[-1] if places else None,
            disposed=sum(chunk.disposed for chunk in chunks),
            awaited=sum(chunk.awaited for chunk in chunks),
            proposed=sum(chunk.proposed for chunk in chunks),
            changed=sum(chunk.changed for chunk in chunks),
            kept=sum(chunk.kept for chunk in chunks),
            kept_by=added_up(chunk.kept_by for chunk in chunks),
        )

    def _park(self, subject: Subject, run_id: UUID, lock_id: UUID, error: Exception) -> None:
        reason = (sqlstate_of(error) if isinstance(error, DBAPIError) else None) or type(error).__name__
        log.warning("file_parked", council=str(self._council_id), key=str(lock_id), reason=reason)
        with self._database.council(self._council_id, self._actor) as session:
            table = subject.table
            classes = session.scalars(
                select(table.c.record_class).where(with_ids(session, [lock_id], subject.lock_column)(table)).distinct()
            ).all()
            row = {"kept_in": subject.name, "run_id": run_id, "reason": reason, "at": session.clock.now()}
            row |= {"classes": sorted(classes)}
            session.execute(
                upsert(PARKED)
                .values(council_id=session.council_id, lock_id=lock_id, **row)
                .on_conflict_do_update(index_elements=["council_id", "lock_id"], set_=row)
            )
            parked = select(func.count()).where(PARKED.c.council_id == session.council_id).scalar_subquery()
            session.execute(update(RUN).where(*_one(session, run_id)).values(parked=parked))

    def _finish(self, run_id: UUID, kept: int, kept_by: dict[str, KeptBy]) -> None:
        with self._database.council(self._council_id, self._actor) as session:
            done = session.execute(
                update(RUN)
                .where(*_one(session, run_id), RUN.c.state == "running")
                .values(state="done", finished_at=session.clock.now(), kept=kept, kept_by=msgspec.to_builtins(kept_by))
                .returning(RUN.c.disposed, RUN.c.awaited)
            ).one_or_none()
            if done is not None:
                arming.forget_newly_due(session)
                counts = {"disposed": done.disposed, "awaited": done.awaited, "kept": kept}
                record(session, AuditEvent.SWEEP_FINISHED, run_id, **counts)


def _open_run(session: CouncilSession) -> UUID | None:
    there = select(RUN.c.id).where(RUN.c.council_id == session.council_id, RUN.c.state.in_(OPEN))
    return session.scalar(there.order_by(RUN.c.asked_at, RUN.c.id).limit(1))


def _one(session: CouncilSession, run_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return RUN.c.council_id == session.council_id, RUN.c.id == run_id


def _new_run(session: CouncilSession) -> UUID:
    run_id = new_id()
    now = session.clock.now()
    session.execute(
        insert(RUN).values(
            council_id=session.council_id, id=run_id, today=session.clock.today(), state="waiting", asked_at=now
        )
    )
    return run_id


def _count(session: CouncilSession, run_id: UUID, chunk: Chunk) -> None:
    session.execute(
        update(RUN)
        .where(*_one(session, run_id))
        .values(
            chunks=RUN.c.chunks + 1,
            files=RUN.c.files + chunk.locked,
            disposed=RUN.c.disposed + chunk.disposed,
            awaited=RUN.c.awaited + chunk.awaited,
            proposed=RUN.c.proposed + chunk.proposed,
            changed=RUN.c.changed + chunk.changed,
        )
    )


def _view(row: object) -> RunView:
    found = {name: getattr(row, name) for name in RunView.__struct_fields__}
    found["kept_by"] = msgspec.convert(found["kept_by"], dict[str, KeptBy])
    return RunView(**found)
