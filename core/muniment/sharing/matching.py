"""What a statutory matching exercise reported back, fenced off from the client files.

A result may be used for its purpose alone, and passing it on otherwise is an offence (Local Audit and Accountability
Act 2014 Sch 9 para 4(7)-(8)). So it points to no client file, no page of a client shows it, no export holds it, and
only who holds `matches.read` sees it; each reading is an audit event.
"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import insert, or_, select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.parsing import check_day
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.sharing.arrangement_tables import MatchResult
from muniment.sharing.wording import written
from muniment.web.cursors import SHOWN, Listing, decode_cursor, page_of

__all__ = ["MatchView", "NewMatch", "close_match", "matches", "receive_match"]

MATCH = table_of(MatchResult)
NO_MATCH = "There is no such result."


class NewMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A result as it was received: the exercise's own reference, and what it found."""

    service: str
    recipient: str
    data_set: str
    reference: str
    received_on: date
    finding: str


class MatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A result; `closed_on` is null while it is looked into."""

    id: UUID
    service: str
    recipient: str
    data_set: str
    reference: str
    received_on: date
    finding: str
    outcome: str
    closed_on: date | None


def receive_match(session: CouncilSession, caller: Caller, new: NewMatch) -> UUID:
    """Note a result; returns its key. Raises `Forbidden`, `InvalidInput`, `NotFound` for an unknown service."""
    caller.require(Permission.READ_MATCHES, new.service)
    declared = adopted(session).service(new.service).recipients.recipients
    if all(one.id != new.recipient or one.match is None for one in declared):
        known = ", ".join(one.id for one in declared if one.match is not None) or "none"
        raise InvalidInput(
            f"The adopted policy declares no such matching exercise; it has: {known}.", where="recipient"
        )
    check_day(new.received_on, "received_on", session.clock.today())
    match_id: UUID = session.execute(
        insert(MATCH)
        .values(
            council_id=session.council_id,
            service=new.service,
            recipient=new.recipient,
            data_set=written(new.data_set, "data_set"),
            reference=written(new.reference, "reference"),
            received_on=new.received_on,
            finding=written(new.finding, "finding"),
        )
        .returning(MATCH.c.id)
    ).scalar_one()
    record(session, AuditEvent.MATCH_RECEIVED, match_id, service=new.service)
    return match_id


def matches(
    session: CouncilSession, caller: Caller, *, limit: int = SHOWN, after: str | None = None
) -> Listing[MatchView]:
    """The results of the services that the caller may see, the newest first. Reading them is an audit event. `after` is
    the `next` of the page before."""
    services = caller.require_somewhere(Permission.READ_MATCHES)
    query = select(MATCH).where(MATCH.c.council_id == session.council_id)
    if services is not None:
        query = query.where(MATCH.c.service.in_(sorted(services)))
    if after is not None:
        day, last = decode_cursor(after, tuple[date, UUID])
        query = query.where(or_(MATCH.c.received_on < day, (MATCH.c.received_on == day) & (MATCH.c.id > last)))
    rows = session.execute(query.order_by(MATCH.c.received_on.desc(), MATCH.c.id).limit(limit + 1)).all()
    page = page_of(rows, limit, lambda row: (row.received_on, row.id))
    record(session, AuditEvent.MATCH_READ, found=len(page.items))
    names = MatchView.__struct_fields__
    return Listing([MatchView(**{name: getattr(row, name) for name in names}) for row in page.items], page.next)


def close_match(
    session: CouncilSession, caller: Caller, match_id: UUID, outcome: Literal["no-issue", "error", "fraud"]
) -> None:
    """Note what came of a result. Raises `NotFound`, `Forbidden`, `Conflict` if it is closed."""
    caller.require_somewhere(Permission.READ_MATCHES)
    here = (MATCH.c.council_id == session.council_id, MATCH.c.id == match_id)
    row = session.execute(select(MATCH).where(*here).with_for_update()).one_or_none()
    if row is None or not caller.allows(Permission.READ_MATCHES, row.service):
        raise NotFound(NO_MATCH)
    if row.closed_on is not None:
        raise Conflict("This result is closed.", code="closed")
    session.execute(update(MATCH).where(*here).values(outcome=outcome, closed_on=session.clock.today()))
    record(session, AuditEvent.MATCH_CLOSED, match_id, outcome=outcome)
