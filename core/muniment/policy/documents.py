"""Appropriate policy documents (DPA 2018 Sch 1 Part 4): which conditions have one in force.

A condition that needs one may be relied on only while it is there (Sch 1 paras 1(1)(b), 5(1)). It is there if the
policy itself states a document in force, which is the council's own, or if a version that was prepared from the policy
and approved here is in force. Recording data and the disclosure gate ask this one place; preparing and approving stand
in `muniment.notices.policy_documents`, which writes the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, UniqueConstraint, and_, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from muniment.api.consent import Condition
from muniment.api.law import APPROPRIATE_POLICY, NEEDS_SCHEDULE_1
from muniment.database.base import Base, CouncilTable
from muniment.database.ids import new_id
from muniment.database.registry import register_impersonal, table_of
from muniment.database.session import CouncilSession
from muniment.policy.model import Policy

__all__ = ["DOCUMENT", "approved_paths", "documented", "in_force_on", "needs_document", "stated", "states_document"]


class PolicyDocumentVersion(CouncilTable, Base):
    """One version of the document for one condition of a service, exactly as it was prepared; its words never change.

    `number` counts from 1 for each condition. `article` and `schedule_1` are the condition's when it was prepared: if
    the policy comes to cite another, the document is for that no more. `state` is *prepared*, *approved*, *rejected* or
    *withdrawn*; an approved one is in force from `in_force_from` to `in_force_until`, both inclusive, without an end
    until it is replaced. `relied_until` is the last day that the condition was relied on (Sch 1 para 40).
    """

    __tablename__ = "policy_document"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str]
    condition: Mapped[str]
    number: Mapped[int]
    article: Mapped[str]
    schedule_1: Mapped[str]
    title: Mapped[str]
    html: Mapped[str]
    text: Mapped[str]
    json: Mapped[bytes]
    sha256: Mapped[str]
    policy_hash: Mapped[str]
    state: Mapped[str]
    prepared_at: Mapped[datetime]
    prepared_by: Mapped[str]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]
    reason: Mapped[str | None]
    in_force_from: Mapped[date | None]
    in_force_until: Mapped[date | None]
    review_on: Mapped[date | None]
    relied_until: Mapped[date | None]

    __table_args__ = (
        UniqueConstraint("council_id", "service", "condition", "number"),
        CheckConstraint("state in ('prepared', 'approved', 'rejected', 'withdrawn')", name="state"),
        CheckConstraint("(state = 'prepared') = (reviewed_at is null)", name="reviewed"),
        CheckConstraint("reviewed_by <> prepared_by", name="by_another"),
        CheckConstraint("state <> 'approved' or (in_force_from is not null and review_on is not null)", name="dated"),
        CheckConstraint("in_force_until >= in_force_from", name="in_order"),
    )


DOCUMENT = table_of(PolicyDocumentVersion)

register_impersonal(
    DOCUMENT,
    "the council's own rules for a condition; prepared and approved by a role or a staff key",
    record_class="policy-documents",
    counts_from={"expiry": "relied_until"},
)


def needs_document(condition: Condition) -> bool:
    """Whether a condition is complete in law and asks for a document (DPA 2018 Sch 1 para 38)."""
    needed = NEEDS_SCHEDULE_1.get(condition.article or "", ())
    return condition.schedule_1 in APPROPRIATE_POLICY and condition.schedule_1 in needed


def states_document(condition: Condition, today: date) -> bool:
    """Whether the policy itself states a document for the condition that is in force today."""
    document = condition.policy_document
    return (
        document is not None
        and document.in_force_from <= today
        and (document.in_force_until is None or today <= document.in_force_until)
    )


def stated(policy: Policy, service: str, today: date) -> frozenset[str]:
    """The ids of the conditions for which the policy itself states a document that is in force. Pure."""
    conditions = policy.service(service).purposes.conditions
    return frozenset(one.id for one in conditions if needs_document(one) and states_document(one, today))


def in_force_on(today: date) -> ColumnElement[bool]:
    """The condition on a row of `policy_document` that it is in force on a day, as far as it says itself."""
    begun = and_(DOCUMENT.c.state == "approved", DOCUMENT.c.in_force_from <= today)
    return and_(begun, or_(DOCUMENT.c.in_force_until.is_(None), today <= DOCUMENT.c.in_force_until))


def documented(session: CouncilSession, policy: Policy, service: str) -> frozenset[str]:
    """The ids of the conditions of a service whose appropriate policy document is in force today.

    Conditions that need none are not in it; of a service that the policy does not have there are none.
    """
    if service not in policy.services:
        return frozenset()
    today, conditions = session.clock.today(), policy.services[service].purposes.conditions
    by_policy = stated(policy, service, today)
    if by_policy.issuperset(condition.id for condition in conditions if needs_document(condition)):
        return by_policy
    approved = {key for of_service, key in _approved(session, policy) if of_service == service}
    return by_policy | approved


def approved_paths(session: CouncilSession, policy: Policy) -> frozenset[str]:
    """The paths of the conditions for which a version that was approved here is in force today."""
    return frozenset(f"{service}.condition.{key}" for service, key in _approved(session, policy))


def _approved(session: CouncilSession, policy: Policy) -> Iterator[tuple[str, str]]:
    """Service and id of each condition that an approved version is for: as the policy cites it now."""
    rows = session.execute(
        select(DOCUMENT.c.service, DOCUMENT.c.condition, DOCUMENT.c.article, DOCUMENT.c.schedule_1).where(
            DOCUMENT.c.council_id == session.council_id, in_force_on(session.clock.today())
        )
    )
    for row in rows:
        declared = policy.services.get(row.service)
        for condition in () if declared is None else declared.purposes.conditions:
            cited = (condition.id, condition.article, condition.schedule_1)
            if needs_document(condition) and cited == (row.condition, row.article, row.schedule_1):
                yield row.service, condition.id
