"""Stops: a recipient is given nothing for the time being, whatever the policy says; after a breach of theirs, say.

A stop on a body outlives the policy that declared it: who it is by any of its names is noted when another is adopted.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert, select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, NotFound
from muniment.api.sharing import Recipient
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.consent.acts import keys_of
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import ArrangementsChanged, PolicyAdopted, arrangements_changed
from muniment.policy.model import Policy
from muniment.policy.store import adopted, adopted_or_none, policy_of_hash
from muniment.sharing.around import ending
from muniment.sharing.arrangement_tables import SharingStop
from muniment.sharing.wording import declared_recipient, written

__all__ = ["NewStop", "StopView", "end_stop", "on_policy_adopted", "place_stop", "stops"]

STOP = table_of(SharingStop)
NO_STOP = "There is no such stop."
KIND = "kind-of-body"


class NewStop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stop to place, with the reason in words about the recipient, never about a client. A kind of recipient without
    a `body` is stopped altogether."""

    service: str
    recipient: str
    body: str | None = None
    reason: str


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """A stop. `ended_on` is null while it stands. `declared`: the adopted policy has such a recipient; if not, whoever
    it was may receive by another id now, and that is not stopped."""

    id: UUID
    service: str
    recipient: str
    reason: str
    placed_at: datetime
    ended_on: date | None
    declared: bool


def place_stop(session: CouncilSession, caller: Caller, new: NewStop) -> UUID:
    """Stop all disclosures to a recipient; those under way are waited for. Raises `Forbidden`, `InvalidInput`,
    `NotFound` for an unknown service."""
    caller.require(Permission.AGREE_SHARING, new.service)
    ending(session)
    stop_id: UUID = session.execute(
        insert(STOP)
        .values(
            council_id=session.council_id,
            service=new.service,
            recipient=declared_recipient(adopted(session), new.service, new.recipient, new.body, whole=True),
            reason=written(new.reason, "reason"),
            placed_at=session.clock.now(),
        )
        .returning(STOP.c.id)
    ).scalar_one()
    record(session, AuditEvent.SHARING_STOPPED, stop_id, service=new.service, recipient=new.recipient)
    arrangements_changed.send(session, ArrangementsChanged(STOP.name, [stop_id]))
    return stop_id


def end_stop(session: CouncilSession, caller: Caller, stop_id: UUID) -> None:
    """Let disclosures go on as the policy says. Raises `NotFound`, `Forbidden`, `Conflict` if it has ended."""
    caller.require_somewhere(Permission.AGREE_SHARING)
    here = (STOP.c.council_id == session.council_id, STOP.c.id == stop_id)
    row = session.execute(select(STOP).where(*here).with_for_update()).one_or_none()
    if row is None or not caller.allows(Permission.AGREE_SHARING, row.service):
        raise NotFound(NO_STOP)
    if row.ended_on is not None:
        raise Conflict("This stop has ended.", code="ended")
    session.execute(update(STOP).where(*here).values(ended_on=session.clock.today()))
    record(session, AuditEvent.SHARING_RESUMED, stop_id)
    arrangements_changed.send(session, ArrangementsChanged(STOP.name, [stop_id]))


def stops(session: CouncilSession, caller: Caller) -> tuple[StopView, ...]:
    """The stops that stand, of the services that the caller may see, the newest first."""
    services = caller.require_somewhere(Permission.READ_SHARING)
    query = select(STOP).where(STOP.c.council_id == session.council_id, STOP.c.ended_on.is_(None))
    if services is not None:
        query = query.where(STOP.c.service.in_(sorted(services)))
    columns = [name for name in StopView.__struct_fields__ if name != "declared"]
    rows, policy = session.execute(query.order_by(STOP.c.placed_at.desc(), STOP.c.id)), adopted_or_none(session)
    return tuple(
        StopView(**{name: getattr(row, name) for name in columns}, declared=_declared(policy, row) is not None)
        for row in rows
    )


def on_policy_adopted(session: CouncilSession, changed: PolicyAdopted) -> None:
    """A policy is replaced: what it called the bodies that are stopped is noted, for the next may not declare them."""
    if changed.before is None:
        return
    policy = policy_of_hash(session, changed.before)
    standing = select(STOP).where(STOP.c.council_id == session.council_id, STOP.c.ended_on.is_(None))
    for row in session.execute(standing.order_by(STOP.c.id).with_for_update()).all():
        recipient, known = _declared(policy, row), {row.recipient, *row.known_as}
        if recipient is not None and recipient.kind == KIND:
            known |= {key for name in tuple(known) for key in keys_of(recipient, name.partition("/")[2])}
            this = (STOP.c.council_id == session.council_id, STOP.c.id == row.id)
            session.execute(update(STOP).where(*this).values(known_as=sorted(known - {row.recipient})))


def _declared(policy: Policy | None, row: Any) -> Recipient | None:
    """The recipient that a stop is on, as a policy declares it: where it is on a body, a kind of body."""
    service = None if policy is None else policy.services.get(row.service)
    recipient, _, body = row.recipient.partition("/")
    declared = () if service is None else service.recipients.recipients
    return next((one for one in declared if one.id == recipient and (not body or one.kind == KIND)), None)
