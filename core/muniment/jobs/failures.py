"""Jobs that failed: kept by council and actor, where people see them, until the same succeeds.

Nothing is lost with a failed job: what it was to do is still there, and the schedule rings for it again. That it keeps
failing is what somebody must know. One that has not failed for `FORGOTTEN_AFTER` is forgotten.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from muniment.api.errors import MunimentError, NotFound
from muniment.database.errors import sqlstate_of
from muniment.database.gauges import CouncilGauge
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.jobs.tables import FailedJob

__all__ = [
    "GAUGES",
    "RETRIES",
    "FailedJobView",
    "code_of",
    "failed_jobs",
    "forget",
    "forget_old",
    "note_failure",
    "note_success",
    "refuse_unknown",
]

FAILED = table_of(FailedJob)
FORGOTTEN_AFTER = timedelta(days=30)

RETRIES = 5
"""How often a job that failed is tried again by itself. One that has failed more often has failed for good: it is tried
when the schedule rings, or by hand."""


class FailedJobView(msgspec.Struct, frozen=True):
    """An actor that failed for a council: how often without a success between, since when, when last, with which code.

    `for_good` is whether it is tried again by the schedule or by hand alone.
    """

    council_id: UUID
    actor: str
    failures: int
    first_failed_at: datetime
    last_failed_at: datetime
    error: str
    for_good: bool


def code_of(error: BaseException) -> str:
    """What an error is, without its words: the code of one of ours, an SQLSTATE, or its kind."""
    if isinstance(error, MunimentError):
        return error.code
    return (sqlstate_of(error) if isinstance(error, DBAPIError) else None) or type(error).__name__


def note_failure(session: CouncilSession, actor: str, error: str) -> None:
    """An actor has failed once more."""
    now = session.clock.now()
    added = insert(FAILED).values(
        council_id=session.council_id, actor=actor, failures=1, first_failed_at=now, last_failed_at=now, error=error
    )
    again = {"failures": FAILED.c.failures + 1, "last_failed_at": now, "error": error}
    session.execute(added.on_conflict_do_update(index_elements=["council_id", "actor"], set_=again))


def note_success(session: CouncilSession, actor: str) -> None:
    """An actor has succeeded: that it failed is over."""
    session.execute(delete(FAILED).where(FAILED.c.council_id == session.council_id, FAILED.c.actor == actor))


def failed_jobs(session: CouncilSession) -> tuple[FailedJobView, ...]:
    """The failed jobs of a council, by actor."""
    rows = session.execute(select(FAILED).where(FAILED.c.council_id == session.council_id).order_by(FAILED.c.actor))
    return tuple(FailedJobView(**row._mapping, for_good=row.failures > RETRIES) for row in rows)


def refuse_unknown(session: CouncilSession, actor: str) -> None:
    """Raise `NotFound` unless it is known that this actor failed."""
    if actor not in {job.actor for job in failed_jobs(session)}:
        raise NotFound("No such failed job of this council is known; `muniment jobs failed` lists those there are.")


def forget(session: CouncilSession, actor: str) -> None:
    """Take a failed job off the list without trying it. Raises `NotFound`."""
    refuse_unknown(session, actor)
    note_success(session, actor)


def forget_old(session: CouncilSession) -> None:
    """Take those off the list that have not failed for `FORGOTTEN_AFTER`."""
    old = session.clock.now() - FORGOTTEN_AFTER
    session.execute(delete(FAILED).where(FAILED.c.council_id == session.council_id, FAILED.c.last_failed_at < old))


def _count(session: CouncilSession) -> int:
    for_good = (FAILED.c.council_id == session.council_id, FAILED.c.failures > RETRIES)
    return session.scalar(select(func.count()).where(*for_good)) or 0


GAUGES = (CouncilGauge("muniment_jobs_failed", "Actors that failed in all their tries and have not succeeded", _count),)
