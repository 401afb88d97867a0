"""What is kept about imports: runs with their counts, and the places of rejects. Nothing of what was in the file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.importing.chunk import Outcome
from muniment.clients.importing.layout import Reject
from muniment.clients.importing.tables import ImportReject, ImportRun
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession

__all__ = [
    "RunView",
    "await_run",
    "finish_run",
    "finished_uploads",
    "forget_upload",
    "list_runs",
    "note_progress",
    "open_run",
    "start_run",
    "take_run",
]

STALLED = timedelta(minutes=10)
"""A run that noted no chunk for so long was killed: its worker takes minutes for a chunk at the very worst."""


class RunView(msgspec.Struct, frozen=True):
    """An import run. `state` is `waiting`, `running`, `done` or `failed`, and `problem` says why it failed.

    `rows_done` is the sum of the counts but for `corrected`: cells passed over because staff have corrected what is
    stored. `rejects` are the first 10,000 of both when one run is asked for, else empty.
    """

    id: UUID
    service: str
    source: str
    history: bool
    state: str
    problem: str | None
    started_at: datetime
    finished_at: datetime | None
    rows_done: int
    new: int
    updated: int
    unchanged: int
    suppressed: int
    rejected: int
    corrected: int
    rejects: list[Reject] = msgspec.field(default_factory=list)


def start_run(session: CouncilSession, service: str, source: str, history: bool, run_id: UUID | None) -> UUID:
    """Note that an import begins, or begins again under a run that is noted already; returns the run's key."""
    if run_id is None:
        run_id = _add(session, service, source, history, "running", None)
    else:
        counts = dict.fromkeys(("rows_done", "new", "updated", "unchanged", "suppressed", "rejected", "corrected"), 0)
        _set(session, run_id, state="running", progress_at=session.clock.now(), **counts)
        session.execute(
            delete(ImportReject).where(ImportReject.council_id == session.council_id, ImportReject.run_id == run_id)
        )
    record(session, AuditEvent.IMPORT_STARTED, run_id, service=service, source=source)
    return run_id


def await_run(session: CouncilSession, service: str, source: str, history: bool, stored_file_id: UUID) -> UUID:
    """Note an import of a stored file that a worker is to do; returns the run's key."""
    return _add(session, service, source, history, "waiting", stored_file_id)


def take_run(session: CouncilSession) -> ImportRun | None:
    """The import that has waited longest for a worker, or whose worker was killed, now taken by this one."""
    now = session.clock.now()
    stalled = and_(ImportRun.state == "running", ImportRun.progress_at < now - STALLED)
    free = and_(ImportRun.stored_file_id.is_not(None), or_(ImportRun.state == "waiting", stalled))
    run = session.scalars(
        select(ImportRun)
        .where(ImportRun.council_id == session.council_id, free)
        .order_by(ImportRun.started_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if run is not None:
        run.state, run.progress_at = "running", now
        session.flush()
    return run


def finished_uploads(session: CouncilSession) -> list[tuple[UUID, UUID]]:
    """Runs that have ended and whose uploaded file is still stored: the keys of both."""
    ended = and_(ImportRun.stored_file_id.is_not(None), ImportRun.state.in_(("done", "failed")))
    wanted = select(ImportRun.id, ImportRun.stored_file_id).where(ImportRun.council_id == session.council_id, ended)
    return [(run_id, file_id) for run_id, file_id in session.execute(wanted) if file_id is not None]


def forget_upload(session: CouncilSession, run_id: UUID) -> None:
    """Note that the uploaded file of a run is stored no longer."""
    _set(session, run_id, stored_file_id=None)


def note_progress(session: CouncilSession, run_id: UUID, rows: int, outcome: Outcome, *, room: int) -> None:
    """Add a chunk's counts to the run, in the chunk's transaction, and the first `room` of its rejects."""
    _set(
        session,
        run_id,
        rows_done=ImportRun.rows_done + rows,
        new=ImportRun.new + len(outcome.new),
        updated=ImportRun.updated + outcome.updated,
        unchanged=ImportRun.unchanged + outcome.unchanged,
        suppressed=ImportRun.suppressed + outcome.suppressed,
        rejected=ImportRun.rejected + len({reject.line for reject in outcome.rejects}),
        corrected=ImportRun.corrected + len(outcome.corrected),
        progress_at=session.clock.now(),
    )
    if rejects := _rows_of(session, run_id, [*outcome.rejects, *outcome.corrected][:room]):
        session.execute(insert(ImportReject).on_conflict_do_nothing(), rejects)


def finish_run(session: CouncilSession, run_id: UUID, file_digest: bytes | None, problem: str | None) -> None:
    """Note that an import has ended, with the sha256 of the whole file, or why it did not get to its end."""
    state = "done" if problem is None else "failed"
    _set(session, run_id, state=state, problem=problem, finished_at=session.clock.now(), file_digest=file_digest)
    run = session.get_one(ImportRun, (session.council_id, run_id), populate_existing=True)
    record(
        session, AuditEvent.IMPORT_FINISHED, run_id, state=state, new=run.new, updated=run.updated,
        unchanged=run.unchanged, suppressed=run.suppressed, rejected=run.rejected, corrected=run.corrected,
    )  # fmt: skip


def open_run(session: CouncilSession, caller: Caller, run_id: UUID) -> RunView:
    """One run with its rejects. Raises `NotFound`, also for a service that the caller may not import into."""
    caller.require_somewhere(Permission.IMPORT_CLIENTS)
    run = session.get(ImportRun, (session.council_id, run_id))
    if run is None or not caller.allows(Permission.IMPORT_CLIENTS, run.service):
        raise NotFound("There is no such import.")
    rejects = session.scalars(
        select(ImportReject)
        .where(ImportReject.council_id == session.council_id, ImportReject.run_id == run_id)
        .order_by(ImportReject.line, ImportReject.column)
    )
    return _view(run, [Reject(entry.line, entry.column, entry.code) for entry in rejects])


def list_runs(session: CouncilSession, caller: Caller, limit: int, after: UUID | None = None) -> list[RunView]:
    """The newest runs of services that the caller may import into, at most `limit`, from below the key `after` on."""
    services = caller.require_somewhere(Permission.IMPORT_CLIENTS)
    wanted = select(ImportRun).where(ImportRun.council_id == session.council_id)
    if services is not None:
        wanted = wanted.where(ImportRun.service.in_(sorted(services)))
    if after is not None:
        wanted = wanted.where(ImportRun.id < after)
    return [_view(run, []) for run in session.scalars(wanted.order_by(ImportRun.id.desc()).limit(limit))]


def _add(
    session: CouncilSession, service: str, source: str, history: bool, state: str, stored_file_id: UUID | None
) -> UUID:
    now = session.clock.now()
    run = ImportRun(
        id=new_id(),
        council_id=session.council_id,
        service=service,
        import_format=source,
        stored_file_id=stored_file_id,
        history=history,
        state=state,
        started_at=now,
        progress_at=now,
    )
    session.add(run)
    session.flush()
    return run.id


def _set(session: CouncilSession, run_id: UUID, **values: Any) -> None:
    here: ColumnElement[bool] = and_(ImportRun.council_id == session.council_id, ImportRun.id == run_id)
    session.execute(update(ImportRun).where(here).values(values).execution_options(synchronize_session=False))


def _rows_of(session: CouncilSession, run_id: UUID, rejects: Sequence[Reject]) -> list[dict[str, Any]]:
    scope = {"council_id": session.council_id, "run_id": run_id}
    return [{**scope, "line": entry.line, "column": entry.column, "code": entry.code} for entry in rejects]


def _view(run: ImportRun, rejects: list[Reject]) -> RunView:
    return RunView(
        id=run.id,
        service=run.service,
        source=run.import_format,
        history=run.history,
        state=run.state,
        problem=run.problem,
        started_at=run.started_at,
        finished_at=run.finished_at,
        rows_done=run.rows_done,
        new=run.new,
        updated=run.updated,
        unchanged=run.unchanged,
        suppressed=run.suppressed,
        rejected=run.rejected,
        corrected=run.corrected,
        rejects=rejects,
    )
