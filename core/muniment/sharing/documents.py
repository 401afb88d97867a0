"""Which conditions of a service have their appropriate policy document in force today (DPA 2018 Sch 1 Part 4)."""

from __future__ import annotations

from muniment.database.session import CouncilSession
from muniment.policy.model import Policy

__all__ = ["documented"]


def documented(session: CouncilSession, policy: Policy, service: str) -> frozenset[str]:
    """The ids of the conditions whose document is in force today; none for a service that is not declared."""
    today = session.clock.today()
    declared = policy.services.get(service)
    return frozenset(
        one.id
        for one in (() if declared is None else declared.purposes.conditions)
        if (document := one.policy_document) is not None
        and document.in_force_from <= today
        and (document.in_force_until is None or today <= document.in_force_until)
    )
