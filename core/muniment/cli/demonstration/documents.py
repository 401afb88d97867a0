"""The demonstration's policy documents: what the law asks for and nobody states is prepared and approved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from muniment.cli.demonstration.quiet import quiet_context
from muniment.notices.documents_due import documents_due
from muniment.notices.policy_documents import policy_documents
from muniment.policy.store import adopted

__all__ = ["approve_missing"]


def approve_missing(run: Callable[..., None], slug: str, today: date, prepares: str, approves: str) -> None:
    """Prepare, as one role, and approve, as another, a document for each condition that has none: before that nothing
    may rest on it. `run` shows and runs a command."""
    review_on = (today + timedelta(days=365)).isoformat()
    with quiet_context() as context, context.council(slug) as (session, _):
        missing = [one for one in documents_due(session, adopted(session)) if one.what == "missing"]
    for one in missing:
        run("policy", "document", "prepare", slug, one.service, one.condition, "--by", prepares)
        with quiet_context() as context, context.council(slug) as (session, caller):
            mine = [view for view in policy_documents(session, caller) if view.condition == one.condition]
        version = next(view for view in mine if view.state == "prepared")
        run(
            "policy", "document", "approve", slug, str(version.id), "--review-on", review_on, "--by", approves,
        )  # fmt: skip
