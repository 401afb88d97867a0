"""Background work of the audit log."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from muniment.audit.sealing import seal_council
from muniment.jobs.actors import Deployment, actor

__all__ = ["seal"]


@actor(name="audit.seal", queue="audit", every=timedelta(minutes=1))
def seal(deployment: Deployment, council_id: UUID) -> None:
    """Seal what waits for one council."""
    seal_council(deployment, council_id)
