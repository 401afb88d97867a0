"""What happens to appropriate policy documents without anybody asking: their time runs out."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog

from muniment.database.session import Actor
from muniment.jobs.actors import Deployment, actor
from muniment.notices.documents_due import documents_due, note_ceased
from muniment.policy.store import adopted_or_none

__all__ = ["review_documents"]

log = structlog.get_logger(__name__)


@actor(name="policy.documents", queue="policy", every=timedelta(hours=24))
def review_documents(deployment: Deployment, council_id: UUID) -> None:
    """Note which documents are relied on no more, and remind of those that somebody has to see to."""
    with deployment.database.council(council_id, Actor("system", None, "policy.documents")) as session:
        policy = adopted_or_none(session)
        if policy is None:
            return
        note_ceased(session, policy)
        for one in documents_due(session, policy):
            log.warning(
                "policy_document_due", council=policy.council.slug, service=one.service, condition=one.condition,
                what=one.what, on=one.on and one.on.isoformat(),
            )  # fmt: skip
