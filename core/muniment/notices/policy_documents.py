"""Appropriate policy documents as acts: preparing one, reviewing it, having it in force, reading every version.

A version is prepared from the adopted policy and frozen; it counts once somebody else than who prepared it has approved
it, from a day, to be reviewed by a day (DPA 2018 Sch 1 paras 38-40). Approving one ends the version before it. What is
due stands in `muniment.notices.documents_due`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import and_, func, insert, select, text, update

from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.api.text import is_blank
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.ids import new_id
from muniment.database.session import Actor, CouncilSession
from muniment.database.signals import DocumentWithdrawn, document_withdrawn
from muniment.notices.document import Document
from muniment.notices.documents_due import note_ceased
from muniment.notices.render import Rendered, render
from muniment.notices.safeguards import condition_named, policy_document
from muniment.notices.words import Words
from muniment.policy.documents import DOCUMENT, in_force_on
from muniment.policy.model import Policy
from muniment.policy.store import NOT_THEIRS
from muniment.web.callers import Caller, Permission

__all__ = [
    "Approval",
    "PolicyDocumentView",
    "approve_document",
    "policy_documents",
    "prepare_document",
    "read_document",
    "reject_document",
    "withdraw_document",
]

NO_DOCUMENT = "There is no such version of an appropriate policy document."
LOCK = text("select 1 from council where id = :council_id for no key update")
"""Two acts on one council's documents wait for each other, so that numbers have no double and no version two ends."""

Reason = Annotated[str, Meta(max_length=2000)]


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From when a version is in force (today if absent; it may lie ahead, not back), until when (inclusive, without an
    end until it is replaced), and by which day it is to be reviewed."""

    review_on: date
    in_force_from: date | None = None
    in_force_until: date | None = None


class PolicyDocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """A version without its text. `state` is *prepared*, *approved*, *rejected* or *withdrawn*; `in_force` is whether
    it counts today. Days are inclusive; instants are in UTC. Who prepared and reviewed it is a role or a staff key."""

    id: UUID
    service: str
    condition: str
    number: int
    article: str
    schedule_1: str
    title: str
    sha256: str
    policy_hash: str
    state: Literal["prepared", "approved", "rejected", "withdrawn"]
    prepared_at: datetime
    prepared_by: str
    reviewed_at: datetime | None
    reviewed_by: str | None
    reason: str | None
    in_force_from: date | None
    in_force_until: date | None
    review_on: date | None
    relied_until: date | None
    in_force: bool


def prepare_document(
    session: CouncilSession, caller: Caller, policy: Policy, words: Words, service: str, condition: str
) -> PolicyDocumentView:
    """Prepare the next version for a condition from the adopted policy.

    Raises `NotFound`, `Forbidden`; `InvalidInput` for a condition that needs none; `Conflict` if a version that says
    the same waits for its review or is in force.
    """
    caller.require(Permission.PREPARE_DOCUMENTS, service)
    declared = condition_named(policy, service, condition)
    session.execute(LOCK, {"council_id": session.council_id})
    mine = _of_condition(session, service, condition)
    number = 1 + (session.scalar(select(func.max(DOCUMENT.c.number)).where(*mine)) or 0)
    document = policy_document(policy, service, condition, words, number)
    live = DOCUMENT.c.state.in_(("prepared", "approved"))
    for row in session.execute(select(DOCUMENT.c.json).where(*mine, live, DOCUMENT.c.relied_until.is_(None))):
        if document.says_the_same_as(msgspec.json.decode(row.json, type=Document)):
            raise Conflict("A version that says the same is there already.", code="same")
    rendered, document_id = render(document), new_id()
    session.execute(
        insert(DOCUMENT).values(
            council_id=session.council_id,
            id=document_id,
            service=service,
            condition=condition,
            number=number,
            article=declared.article,
            schedule_1=declared.schedule_1,
            title=document.title,
            html=rendered.html,
            text=rendered.text,
            json=rendered.json,
            sha256=rendered.sha256,
            policy_hash=policy.hash,
            state="prepared",
            prepared_at=session.clock.now(),
            prepared_by=_whose(caller.actor),
        )
    )
    record(session, AuditEvent.POLICY_DOCUMENT_PREPARED, document_id, number=number, sha256=rendered.sha256)
    return _one(session, document_id)


def approve_document(
    session: CouncilSession, caller: Caller, document_id: UUID, approval: Approval
) -> PolicyDocumentView:
    """Approve a version that waits: it is in force from its first day on, and the one before it ends then.

    Raises `NotFound`; `Forbidden` also for who prepared it, a program, and the data protection officer; `Conflict` if
    it does not wait; `InvalidInput` for days that make no sense.
    """
    found = _to_review(session, caller, document_id)
    today = session.clock.today()
    first, last = approval.in_force_from or today, approval.in_force_until
    if first < today:
        message = "A document is not in force before it is approved: it must be there when the data are used."
        raise InvalidInput(message, where="in_force_from", code="date-past")
    if last is not None and last < first:
        raise InvalidInput("It would end before it begins.", where="in_force_until", code="in-order")
    if approval.review_on <= first or (last is not None and approval.review_on > last):
        raise InvalidInput(
            "The day of review lies after the first day in force, and not after the last.", where="review_on"
        )
    mine = _of_condition(session, found.service, found.condition)
    before = and_(*mine, DOCUMENT.c.state == "approved", DOCUMENT.c.in_force_from <= first)
    open_ended = and_(before, DOCUMENT.c.in_force_from < first)
    same_day = and_(before, DOCUMENT.c.in_force_from == first)
    ends = first - timedelta(days=1)
    longer = DOCUMENT.c.in_force_until.is_(None) | (DOCUMENT.c.in_force_until > ends)
    session.execute(update(DOCUMENT).where(open_ended, longer).values(in_force_until=ends))
    session.execute(update(DOCUMENT).where(same_day).values(state="withdrawn"))
    days = {"in_force_from": first, "in_force_until": last, "review_on": approval.review_on}
    _review(session, caller, found, state="approved", **days)
    session.execute(update(DOCUMENT).where(*mine, DOCUMENT.c.state != "rejected").values(relied_until=None))
    record(
        session, AuditEvent.POLICY_DOCUMENT_APPROVED, document_id, number=found.number, sha256=found.sha256, on=first
    )
    return _one(session, document_id)


def reject_document(session: CouncilSession, caller: Caller, document_id: UUID, reason: Reason) -> PolicyDocumentView:
    """Reject a version that waits. Raises as `approve_document` does, `InvalidInput` without a reason."""
    found = _to_review(session, caller, document_id)
    _require_reason(reason)
    _review(session, caller, found, state="rejected", reason=reason.strip(), relied_until=session.clock.today())
    record(session, AuditEvent.POLICY_DOCUMENT_REJECTED, document_id, number=found.number)
    return _one(session, document_id)


def withdraw_document(
    session: CouncilSession, caller: Caller, policy: Policy, document_id: UUID, reason: Reason
) -> PolicyDocumentView:
    """Take an approved version out of force, from today on: what rests on its condition alone stops.

    Raises `NotFound`, `Forbidden`, `Conflict` if it is not in force nor to come, `InvalidInput` without a reason.
    """
    found = _locked(session, caller, document_id)
    _require_reason(reason)
    today = session.clock.today()
    if found.state != "approved" or (found.in_force_until is not None and found.in_force_until < today):
        raise Conflict("This version is not in force.", code="not-in-force")
    mine = DOCUMENT.c.council_id == session.council_id, DOCUMENT.c.id == document_id
    session.execute(update(DOCUMENT).where(*mine).values(state="withdrawn", reason=reason.strip()))
    record(session, AuditEvent.POLICY_DOCUMENT_WITHDRAWN, document_id, number=found.number)
    note_ceased(session, policy)
    document_withdrawn.send(session, DocumentWithdrawn(found.service, found.condition))
    return _one(session, document_id)


def policy_documents(session: CouncilSession, caller: Caller) -> tuple[PolicyDocumentView, ...]:
    """Every version, by service and condition, the newest first. Raises `Forbidden`."""
    caller.require_somewhere(Permission.READ_POLICY)
    mine = select(*_COLUMNS, in_force_on(session.clock.today()).label("in_force"))
    ordered = mine.where(DOCUMENT.c.council_id == session.council_id).order_by(
        DOCUMENT.c.service, DOCUMENT.c.condition, DOCUMENT.c.number.desc()
    )
    return tuple(_view(row) for row in session.execute(ordered))


def read_document(session: CouncilSession, caller: Caller, document_id: UUID) -> tuple[PolicyDocumentView, Rendered]:
    """A version with its frozen text. Raises `NotFound`, `Forbidden`."""
    caller.require_somewhere(Permission.READ_POLICY)
    view = _one(session, document_id)
    row = session.execute(
        select(DOCUMENT.c.html, DOCUMENT.c.text, DOCUMENT.c.json).where(
            DOCUMENT.c.council_id == session.council_id, DOCUMENT.c.id == document_id
        )
    ).one()
    return view, Rendered(row.html, row.text, row.json)


_COLUMNS = tuple(DOCUMENT.c[name] for name in PolicyDocumentView.__struct_fields__ if name != "in_force")


def _of_condition(session: CouncilSession, service: str, condition: str) -> tuple[Any, ...]:
    return (
        DOCUMENT.c.council_id == session.council_id,
        DOCUMENT.c.service == service,
        DOCUMENT.c.condition == condition,
    )


def _one(session: CouncilSession, document_id: UUID) -> PolicyDocumentView:
    mine = DOCUMENT.c.council_id == session.council_id, DOCUMENT.c.id == document_id
    found = select(*_COLUMNS, in_force_on(session.clock.today()).label("in_force")).where(*mine)
    row = session.execute(found).one_or_none()
    if row is None:
        raise NotFound(NO_DOCUMENT)
    return _view(row)


def _view(row: Any) -> PolicyDocumentView:
    return PolicyDocumentView(**{name: getattr(row, name) for name in PolicyDocumentView.__struct_fields__})


def _locked(session: CouncilSession, caller: Caller, document_id: UUID) -> Any:
    caller.require_somewhere(Permission.APPROVE_DOCUMENTS)
    session.execute(LOCK, {"council_id": session.council_id})
    found = _one(session, document_id)
    caller.require(Permission.APPROVE_DOCUMENTS, found.service)
    return found


def _to_review(session: CouncilSession, caller: Caller, document_id: UUID) -> Any:
    """Lock a version that waits, for somebody who may review it and did not prepare it."""
    found = _locked(session, caller, document_id)
    if found.state != "prepared":
        raise Conflict("This version does not wait for its review.", code="reviewed")
    if _whose(caller.actor) == found.prepared_by:
        raise Forbidden("A document is reviewed by somebody else than who prepared it.")
    if caller.actor.is_program:
        raise Forbidden("A document is reviewed by a person: a program is no second person beside who prepared it.")
    if caller.actor.role.strip().lower() in NOT_THEIRS:
        raise Forbidden("The data protection officer advises and decides no processing (UK GDPR Art 38(6)).")
    return found


def _review(session: CouncilSession, caller: Caller, found: PolicyDocumentView, **changes: Any) -> None:
    mine = DOCUMENT.c.council_id == session.council_id, DOCUMENT.c.id == found.id
    reviewed = {"reviewed_at": session.clock.now(), "reviewed_by": _whose(caller.actor)}
    session.execute(update(DOCUMENT).where(*mine).values(**reviewed, **changes))


def _require_reason(reason: str) -> None:
    if is_blank(reason):
        raise InvalidInput("Say why.", where="reason", code="no-reason")


def _whose(actor: Actor) -> str:
    """A staff key or a token's, else the capacity in which a command acts: never a name."""
    return str(actor.id) if actor.id is not None else actor.capacity
