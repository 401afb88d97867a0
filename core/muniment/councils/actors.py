"""What happens to a council's policy without anybody asking: decisions that nobody reviewed stop counting."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from muniment.councils.adopting import lapse_decisions
from muniment.database.session import Actor
from muniment.jobs.actors import Deployment, actor

__all__ = ["review_decisions"]


@actor(name="policy.review", queue="policy", every=timedelta(hours=6))
def review_decisions(deployment: Deployment, council_id: UUID) -> None:
    """Have the decisions lapse whose review date passed more than 30 days ago."""
    with deployment.database.council(council_id, Actor("system", None, "policy.review")) as session:
        lapse_decisions(session)
