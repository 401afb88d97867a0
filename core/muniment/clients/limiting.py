"""Placing a restriction or an objection on a file, deciding an objection, lifting either.

A restriction is a right (UK GDPR Art 18(1)); so is an objection, which restricts until it is decided (Art 18(1)(d)) and
is upheld unless the council has compelling grounds of this very case (Art 21(1)), or at once where it is about direct
marketing (Art 21(3)). Before a restriction ends the person is told (Art 18(3)): without the day of that nothing is
lifted or decided here. How a limit ended stays in the file and goes with it.

Whoever places or ends one locks the file, and the registers that name it, as a hold does: a sweep that has them is
waited for, and one that comes later sees it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import select, text, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.text import Id, is_blank
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.limit_tables import ClientLimit
from muniment.clients.limits import Ground, LimitView, view_of
from muniment.clients.locks import NO_FILE, change_file, service_of, tell
from muniment.clock import london_day
from muniment.database.ids import new_id
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted

__all__ = [
    "PREVAILS",
    "Lifting",
    "LimitDecision",
    "NewLimit",
    "Outcome",
    "all_limits",
    "decide_objection",
    "file_of",
    "lift_limit",
    "place_limit",
]

LIMIT = table_of(ClientLimit)
NO_LIMIT = "There is no such restriction or objection."

DIRECT_MARKETING: Final = "21.2"

PREVAILS: Final = {"21.1": ("compelling-grounds", "legal-claims"), "21.6": ("public-interest-task",)}
"""What may prevail over an objection (Art 21(1), 21(6)); nothing prevails over one to direct marketing (Art 21(3))."""

_LOCK_REGISTERS = text(
    "select id from register where council_id = :council_id and id in (select register_id from register_entry"
    " where council_id = :council_id and file_id = :file_id) order by id for no key update"
)

_PLACE = text(
    "insert into client_limit (council_id, id, file_id, kind, ground, purposes, state, placed_at, decided_at)"
    " values (:council_id, :id, :file_id, :kind, :ground, cast(:purposes as text[]), :state, :placed_at, :decided_at)"
)

Outcome = Literal["upheld", "overridden"]
Reason = Annotated[str, Meta(max_length=2000)]


class NewLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A restriction or an objection to place; its ground says which. `purposes` are ids of the file's service; without
    any it is about every use."""

    ground: Ground
    purposes: Annotated[tuple[Id, ...], Meta(max_length=100)] = ()


class LimitDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of an objection. `told_on` is the day the person was told. To override it, `because` says what
    prevails (`compelling-grounds`, `legal-claims`; of research or statistics `public-interest-task`), and `reason` why
    it does in this case."""

    outcome: Outcome
    told_on: date
    because: str | None = None
    reason: Reason = ""


class Lifting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """That a restriction ends, or that the person takes an objection back. `told_on` is the day they were told that it
    ends (Art 18(3)), or told us."""

    told_on: date
    reason: Reason


def place_limit(session: CouncilSession, caller: Caller, file_id: UUID, new: NewLimit) -> UUID:
    """Place a restriction or an objection on a file; returns its key.

    Raises `NotFound`, `Forbidden`; `InvalidInput` for purposes that the service does not have, or where the ground
    needs them and there are none; `Conflict` if the same stands already.
    """
    file = change_file(session, caller, file_id, Permission.RESTRICT_CLIENTS, though_limited=True)
    purposes = tuple(dict.fromkeys(new.purposes))
    known = {purpose.id for purpose in adopted(session).service(file.service).purposes.purposes}
    if unknown := sorted(set(purposes) - known):
        message = f"The service has no purpose {unknown[0]}; it has: {', '.join(sorted(known)) or 'none'}."
        raise InvalidInput(message, where="purposes", code="undeclared-purpose")
    if new.ground in (DIRECT_MARKETING, "21.6") and not purposes:
        message = "Name the purposes: this objection is to direct marketing, or to research or statistics, alone."
        raise InvalidInput(message, where="purposes", code="no-purpose")
    for standing in file.limits.standing:
        if standing.ground == new.ground and set(standing.purposes) == set(purposes):
            raise Conflict("The same stands on this file already.", code="stands")
    now, kind = session.clock.now(), "restriction" if new.ground.startswith("18.") else "objection"
    upheld = new.ground == DIRECT_MARKETING
    state = "standing" if kind == "restriction" else "upheld" if upheld else "pending"
    limit_id = new_id()
    here = {"council_id": session.council_id, "file_id": file_id}
    placed = {"kind": kind, "ground": new.ground, "purposes": list(purposes), "state": state, "placed_at": now}
    session.ask_together(
        (_LOCK_REGISTERS, here), (_PLACE, {**here, "id": limit_id, **placed, "decided_at": now if upheld else None})
    )
    record(session, AuditEvent.LIMIT_PLACED, file_id, limit=limit_id, ground=new.ground, purposes=len(purposes))
    tell(session, [file_id], "limit")
    return limit_id


def decide_objection(session: CouncilSession, caller: Caller, limit_id: UUID, decision: LimitDecision) -> UUID:
    """Decide an objection that is pending; returns the key of its file.

    What is upheld goes on barring its purposes; what is overridden ends, and with it the restriction meanwhile. Raises
    `NotFound`, `Forbidden`; `Conflict` if it is decided; `InvalidInput` without the grounds that the law asks.
    """
    found = _change(session, caller, limit_id)
    if found.state != "pending":
        raise Conflict("This is no objection that waits to be decided.", code="decided")
    overridden = decision.outcome == "overridden"
    prevails = PREVAILS[found.ground]
    if overridden and decision.because not in prevails:
        message = f"Say what prevails over the objection: {', '.join(prevails)} (UK GDPR Art 21)."
        raise InvalidInput(message, where="because", code="no-grounds")
    if overridden and is_blank(decision.reason):
        message = "Say why it prevails in this case: a decision by template is none (UK GDPR Art 21(1))."
        raise InvalidInput(message, where="reason", code="no-reason")
    now = session.clock.now()
    _end(
        session,
        found,
        decision.told_on,
        state=decision.outcome,
        decided_at=now,
        ended_at=now if overridden else None,
        because=decision.because if overridden else None,
        reason=decision.reason.strip() or None,
    )
    file_id: UUID = found.file_id
    record(
        session, AuditEvent.LIMIT_DECIDED, file_id, limit=limit_id, outcome=decision.outcome, told_on=decision.told_on
    )
    tell(session, [file_id], "limit")
    return file_id


def lift_limit(session: CouncilSession, caller: Caller, limit_id: UUID, lifting: Lifting) -> UUID:
    """End a restriction, or an objection that the person takes back; returns the key of its file.

    Raises `NotFound`, `Forbidden`, `Conflict` if it has ended, `InvalidInput` without a reason or the day of telling.
    """
    found = _change(session, caller, limit_id)
    if found.ended_at is not None:
        raise Conflict("It has ended already.", code="ended")
    if is_blank(lifting.reason):
        raise InvalidInput("Say why it ends.", where="reason", code="no-reason")
    ended = {"state": "lifted", "ended_at": session.clock.now(), "reason": lifting.reason.strip()}
    _end(session, found, lifting.told_on, **ended)
    file_id: UUID = found.file_id
    record(session, AuditEvent.LIMIT_LIFTED, file_id, limit=limit_id, told_on=lifting.told_on)
    tell(session, [file_id], "limit")
    return file_id


def all_limits(session: CouncilSession, caller: Caller, file_id: UUID) -> tuple[LimitView, ...]:
    """Every restriction and objection of a file, the oldest first, those that have ended too. The reading is an audit
    event. Raises `NotFound`, `Forbidden`."""
    service = service_of(session, file_id)
    asked = [right for right in (Permission.RESTRICT_CLIENTS, Permission.READ_CLIENTS) if right in caller.grants]
    if not asked:
        caller.require_somewhere(Permission.READ_CLIENTS)
    if service is None or not any(caller.allows(right, service) for right in asked):
        raise NotFound(NO_FILE)
    record(session, AuditEvent.FILE_READ, file_id)
    mine = select(LIMIT).where(LIMIT.c.council_id == session.council_id, LIMIT.c.file_id == file_id)
    return tuple(view_of(row) for row in session.execute(mine.order_by(LIMIT.c.placed_at, LIMIT.c.id)))


def file_of(session: CouncilSession, limit_id: UUID) -> UUID:
    """The key of the file that a limit stands on. Raises `NotFound`."""
    mine = (LIMIT.c.council_id == session.council_id) & (LIMIT.c.id == limit_id)
    file_id: UUID | None = session.scalar(select(LIMIT.c.file_id).where(mine))
    if file_id is None:
        raise NotFound(NO_LIMIT)
    return file_id


def _change(session: CouncilSession, caller: Caller, limit_id: UUID) -> Any:
    """Lock the file of a limit, and read the limit as it is then."""
    caller.require_somewhere(Permission.RESTRICT_CLIENTS)
    try:
        change_file(session, caller, file_of(session, limit_id), Permission.RESTRICT_CLIENTS, though_limited=True)
    except NotFound:
        raise NotFound(NO_LIMIT) from None
    mine = (LIMIT.c.council_id == session.council_id) & (LIMIT.c.id == limit_id)
    return session.execute(select(LIMIT).where(mine)).one()


def _end(session: CouncilSession, found: Any, told_on: date, **changes: Any) -> None:
    clock = session.clock
    if told_on > clock.today():
        raise InvalidInput(
            "This day lies in the future: tell the person first.", where="told_on", code="date-in-future"
        )
    if told_on < london_day(found.placed_at):
        raise InvalidInput("This day lies before it was placed.", where="told_on", code="date-too-early")
    mine = (LIMIT.c.council_id == session.council_id) & (LIMIT.c.id == found.id)
    session.execute(update(LIMIT).where(mine).values(told_on=told_on, **changes))
