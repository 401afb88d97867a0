"""What somebody has to see to about appropriate policy documents, in figures."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from muniment.database.gauges import CouncilGauge, Figures
from muniment.database.session import CouncilSession
from muniment.notices.documents_due import What, documents_due
from muniment.policy.store import adopted_or_none

__all__ = ["GAUGES"]


def _due(session: CouncilSession) -> Figures | None:
    policy = adopted_or_none(session)
    if policy is None:
        return None
    counts = Counter(one.what for one in documents_due(session, policy))
    return {(what,): float(counts[what]) for what in get_args(What) if what != "differs"}


GAUGES = (
    CouncilGauge(
        "muniment_policy_documents_due",
        "Appropriate policy documents that are missing, end or are to be reviewed within 60 days, or wait for review",
        _due,
        ("what",),
    ),
)
