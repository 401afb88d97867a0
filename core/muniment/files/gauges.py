"""How many objects of files that are gone still wait to be removed from the folder."""

from __future__ import annotations

from sqlalchemy import func, select

from muniment.database.gauges import CouncilGauge
from muniment.database.session import CouncilSession
from muniment.files.tables import FileTombstone

__all__ = ["GAUGES"]


def _tombstones(session: CouncilSession) -> int:
    here = FileTombstone.council_id == session.council_id
    return session.scalar(select(func.count()).select_from(FileTombstone).where(here)) or 0


GAUGES = (CouncilGauge("muniment_files_to_remove", "Objects of files that are gone, still to be removed", _tombstones),)
