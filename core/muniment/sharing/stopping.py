"""Stops: a recipient is given nothing for the time being, whatever the policy says; after a breach of theirs, say."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import insert, select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import ArrangementsChanged, arrangements_changed
from muniment.policy.store import adopted
from muniment.sharing.around import ending
from muniment.sharing.arrangement_tables import SharingStop
from muniment.sharing.wording import declared_recipient, written

__all__ = ["NewStop", "StopView", "end_stop", "place_stop", "stops"]

STOP = table_of(SharingStop)
NO_STOP = "There is no such stop."


class NewStop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stop to place, with the reason in words about the recipient, never about a client. A kind of recipient without
    a `body` is stopped altogether."""

    service: str
    recipient: str
    body: str | None = None
    reason: str


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """A stop. `ended_on` is null while it stands."""

    id: UUID
    service: str
    recipient: str
    reason: str
    placed_at: datetime
    ended_on: date | None


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
    columns = StopView.__struct_fields__
    rows = session.execute(query.order_by(STOP.c.placed_at.desc(), STOP.c.id))
    return tuple(StopView(**{name: getattr(row, name) for name in columns}) for row in rows)
