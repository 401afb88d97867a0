"""What happens to agreements without anybody asking: those that have run out or were overtaken are written down."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from muniment.consent.refreshing import CHUNK, REFRESH, note_overtaken
from muniment.database.session import Actor
from muniment.jobs.actors import Deployment, actor

__all__ = ["refresh"]


@actor(name=REFRESH, queue="policy", every=timedelta(hours=6), time_limit=timedelta(minutes=30))
def refresh(deployment: Deployment, council_id: UUID) -> None:
    """Note the agreements of one council that have run out, and those that a new recipient has overtaken."""
    noted = CHUNK
    while noted >= CHUNK and not deployment.stopping.is_set():
        with deployment.database.council(council_id, Actor("system", None, REFRESH)) as session:
            noted = note_overtaken(session)
