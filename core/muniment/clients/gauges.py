"""How imports go, and who should have been told by now where their data came from."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from muniment.clients.importing.tables import ImportRun
from muniment.clients.tables import ClientFile
from muniment.database.gauges import CouncilGauge, Figures
from muniment.database.session import CouncilSession

__all__ = ["GAUGES"]

RECENT = timedelta(days=7)
"""How long a failed import counts: somebody should have looked by then."""


def _imports(session: CouncilSession) -> Figures:
    here = ImportRun.council_id == session.council_id
    open_ones = select(ImportRun.state, func.count()).where(here, ImportRun.state.in_(("waiting", "running")))
    failed = select(func.count()).where(
        here, ImportRun.state == "failed", ImportRun.finished_at > session.clock.now() - RECENT
    )
    found: dict[tuple[str, ...], float] = {("waiting",): 0, ("running",): 0, ("failed",): session.scalar(failed) or 0}
    for state, count in session.execute(open_ones.group_by(ImportRun.state)):
        found[state,] = count
    return found


def _untold(session: CouncilSession) -> int:
    """The day is cleared when the person is given a notice."""
    late = ClientFile.notice_due_on < session.clock.today()
    return session.scalar(select(func.count()).where(ClientFile.council_id == session.council_id, late)) or 0


GAUGES = (
    CouncilGauge("muniment_imports", "Imports by state; those failed count for seven days", _imports, ("state",)),
    CouncilGauge(
        "muniment_notices_late",
        "People whose data came from somebody else and who were not told within the time of UK GDPR Art 14(3)(a)",
        _untold,
    ),
)
