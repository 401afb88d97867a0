"""Whether a council is still swept: one that is not keeps what it promised to delete, and nobody would notice.

A sweep begins each day, so that one whose last is older than a day and a half has missed one. It is an alarm, and no
reason to refuse anybody: others are served, and this council too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from muniment.database.registry import table_of
from muniment.database.session import CouncilSession, Database
from muniment.policy.store import adopted_or_none, first_adopted_at
from muniment.retention.tables import SweepRun

__all__ = ["LATEST", "late_councils", "late_since", "remark_on_late"]

RUN = table_of(SweepRun)
LATEST = timedelta(hours=36)
"""How long after one sweep was finished the next must be."""


def late_since(session: CouncilSession) -> datetime | None:
    """When the last sweep was finished, or the first policy adopted, if that is longer ago than `LATEST`.

    None where all is well, and where no policy promises anything.
    """
    if adopted_or_none(session) is None:
        return None
    finished = session.scalar(
        select(func.max(RUN.c.finished_at)).where(RUN.c.council_id == session.council_id, RUN.c.state == "done")
    )
    since = finished or first_adopted_at(session)
    return since if since is not None and session.clock.now() - since > LATEST else None


def late_councils(database: Database) -> dict[str, datetime]:
    """The councils that are late, by slug, each with the time of `late_since`."""
    with database.platform() as session:
        councils = session.execute(text("select id, slug from council order by slug")).all()
    late = {}
    for council in councils:
        with database.council(council.id) as session:
            since = late_since(session)
        if since is not None:
            late[council.slug] = since
    return late


def remark_on_late(database: Database) -> str | None:
    """A sentence that names the councils that are late; None if none is."""
    late = late_councils(database)
    if not late:
        return None
    names = ", ".join(f"{slug} (since {since:%Y-%m-%d %H:%M} UTC)" for slug, since in late.items())
    return f"Not swept for more than 36 hours: {names}. Are workers and schedule running?"
