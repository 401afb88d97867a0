"""What somebody has to see to about appropriate policy documents, said before it is too late.

A version that ends or is to be reviewed soon, one that no longer says what the policy says, one that waits for its
review, and a condition that has none: without one in force what rests on the condition stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select, tuple_, update

from muniment.api.consent import Condition
from muniment.database.session import CouncilSession
from muniment.notices.document import Document
from muniment.notices.safeguards import policy_document
from muniment.notices.words import Words
from muniment.policy.documents import DOCUMENT, needs_document, states_document
from muniment.policy.model import Policy

__all__ = ["SOON", "Due", "What", "documents_due", "note_ceased"]

SOON: Final = timedelta(days=60)
"""How long before its end, or the day of its review, a version is listed as due."""


What = Literal["missing", "ends", "review", "differs", "prepared"]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has to see to. `what` is *missing* (no document is in force for the condition), *ends* or *review*
    (on the day `on`), *differs* (the policy now says something else than the version in force) or *prepared* (a version
    waits for its review)."""

    service: str
    condition: str
    what: What
    on: date | None = None
    document: UUID | None = None


def documents_due(session: CouncilSession, policy: Policy, words: Words | None = None) -> tuple[Due, ...]:
    """What somebody has to see to, by service and condition. Without `words` nothing is compared with the policy."""
    today = session.clock.today()
    rows = session.execute(select(DOCUMENT).where(DOCUMENT.c.council_id == session.council_id)).all()
    found: list[Due] = []
    for slug, condition in _needing(policy):
        mine = [row for row in rows if (row.service, row.condition) == (slug, condition.id)]
        stated = states_document(condition, today)
        found += _due(policy, words, slug, condition.id, mine, today, stated=stated)
    return tuple(found)


def note_ceased(session: CouncilSession, policy: Policy) -> int:
    """Note today as the last day of reliance on every version of a condition that none is in force for, nor to come, or
    that the policy no longer has: six months later they may go (Sch 1 para 40). Returns how many versions that was."""
    today = session.clock.today()
    here = DOCUMENT.c.council_id == session.council_id
    other = DOCUMENT.alias("other")
    coming = select(other.c.id).where(
        other.c.council_id == DOCUMENT.c.council_id,
        other.c.service == DOCUMENT.c.service,
        other.c.condition == DOCUMENT.c.condition,
        other.c.state.in_(("prepared", "approved")),
        other.c.in_force_until.is_(None) | (other.c.in_force_until >= today),
    )
    needing = [(slug, condition.id) for slug, condition in _needing(policy)]
    gone = tuple_(DOCUMENT.c.service, DOCUMENT.c.condition).not_in(needing)
    ended = update(DOCUMENT).where(here, DOCUMENT.c.relied_until.is_(None), ~coming.exists() | gone)
    return len(session.scalars(ended.values(relied_until=today).returning(DOCUMENT.c.id)).all())


def _due(
    policy: Policy, words: Words | None, service: str, condition: str, rows: Sequence[Any], today: date, *, stated: bool
) -> Iterator[Due]:
    for row in rows:
        if row.state == "prepared":
            yield Due(service=service, condition=condition, what="prepared", document=row.id)
    live = [row for row in rows if row.state == "approved" and row.in_force_from <= today]
    live = [row for row in live if row.in_force_until is None or row.in_force_until >= today]
    if not live and not stated:
        yield Due(service=service, condition=condition, what="missing")
    followed = any(row.state == "approved" and row.in_force_from > today for row in rows)
    for row in live:
        if row.in_force_until is not None and row.in_force_until - today <= SOON and not followed:
            yield Due(service=service, condition=condition, what="ends", on=row.in_force_until, document=row.id)
        if row.review_on - today <= SOON:
            yield Due(service=service, condition=condition, what="review", on=row.review_on, document=row.id)
        if words is not None:
            now = policy_document(policy, service, condition, words, row.number)
            if not now.says_the_same_as(msgspec.json.decode(row.json, type=Document)):
                yield Due(service=service, condition=condition, what="differs", document=row.id)


def _needing(policy: Policy) -> Iterator[tuple[str, Condition]]:
    """Every condition that needs a document, with its service."""
    for slug, service in sorted(policy.services.items()):
        yield from ((slug, condition) for condition in service.purposes.conditions if needs_document(condition))
