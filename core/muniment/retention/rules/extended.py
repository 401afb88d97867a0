"""What an officer's extensions keep: records that their rule alone would have let go by now."""

from __future__ import annotations

from sqlalchemy import and_, func, select, text

from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.rules.clock_sql import decided
from muniment.retention.rules.compile import Clock
from muniment.retention.subjects import RECORDS
from muniment.retention.tables import Extension

__all__ = ["kept_by_extensions"]

EXTENSION = table_of(Extension)

ANY_STANDING = text(
    "select 1 from extension where council_id = :council_id and ended_at is null and until >= :today limit 1"
)


def kept_by_extensions(session: CouncilSession, clock: Clock) -> int:
    """How many records of a class are past the last day of their rule today and kept by an extension alone.

    Extensions are of client files, so registers are not among them. It costs what files with an extension cost.
    """
    today = session.clock.today()
    standing = select(EXTENSION.c.file_id).where(
        EXTENSION.c.council_id == session.council_id, EXTENSION.c.ended_at.is_(None), EXTENSION.c.until >= today
    )
    if not session.ask(ANY_STANDING, {"council_id": session.council_id, "today": today}):
        return 0
    now = decided(clock, RECORDS, lambda row: and_(row.c.council_id == session.council_id, row.c.file_id.in_(standing)))
    kept = select(func.count()).select_from(now).where(now.c.rule_on < today, now.c.due_on >= today)
    return session.execute(kept).scalar_one()
