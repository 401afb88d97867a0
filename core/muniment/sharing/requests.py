"""One-off requests: somebody asks for data about one person, and somebody with the right to decides, with reasons.

The questions are those of the ICO's data sharing request form. The form of DPA 2018 Sch 2 para 2 (`crime`) lifts duties
so far as they would prejudice an investigation; it is no power to demand and no lawful basis. So it is answered, not
obeyed: a decision to share opens the gate for exactly the person and the fields decided, and every other rule still
speaks.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, func, insert, or_, select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.locks import NO_FILE, service_of
from muniment.clients.parsing import check_day
from muniment.database.session import CouncilSession
from muniment.policy.special import slots_of
from muniment.policy.store import adopted
from muniment.sharing.around import NO_REQUEST, REQUEST, ending, open_on
from muniment.sharing.terms import IDENTITY
from muniment.sharing.wording import decider, declared_recipient, known_names, optional_words, written
from muniment.web.cursors import SHOWN, Listing, decode_cursor, page_of

__all__ = [
    "NewRequest",
    "RequestDecision",
    "RequestView",
    "decide_request",
    "receive_request",
    "requests",
    "requests_about",
]

Kind = Literal["one-off", "crime", "legal-proceedings"]
Fields = Annotated[tuple[str, ...], Meta(max_length=60)]

WORDS = (
    "requester", "reason", "necessity", "lawful_basis", "power", "impact_assessment", "keeping", "security",
)  # fmt: skip
"""What every request must say."""

OPTIONAL = ("signed_off_by", "condition", "officer_view", "rights", "frequency")
SEARCHED = 200


class NewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A request as it was received (ICO data sharing request form; DPA 2018 Sch 2 paras 2 and 5).

    `file` is the one person it is about: what would trawl through many is refused. `requester` is name and position;
    `fields` what is asked for; `purpose` the declared purpose it would be answered under; `reason` the offence or
    purpose in words, `necessity` why it is needed, `power` the enactment relied on. `signed_off_by` is the rank or
    role that approved the request, which a request about a crime must have (inspector or above). `lawful_basis` and
    `condition` (Art 9 or 10) are what the requester relies on, `keeping` how long they keep it, `officer_view` what the
    data protection officer advises.
    """

    service: str
    file: UUID
    kind: Kind = "one-off"
    recipient: str
    body: str | None = None
    requester: str
    received_on: date
    fields: Fields
    purpose: str
    reason: str
    necessity: str
    power: str
    signed_off_by: str = ""
    controllers: Literal["separate", "joint"] = "separate"
    lawful_basis: str
    condition: str = ""
    impact_assessment: str
    officer_view: str = ""
    keeping: str
    security: str
    rights: str = ""
    frequency: str = "once"


class RequestDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was decided. `fields` may be given until `last_day`, inclusive, or once if there is none; no fields where
    `share` is false. `decided_by` is the position of who decides and no name: the audit log has the key of who it was.

    `person_told`: the person is told; if not, `telling_reason` says why (telling is the rule, and not telling needs
    what DPA 2018 Sch 2 para 2 or 5 protects).
    """

    share: bool
    fields: Fields = ()
    decided_by: str
    reasons: str
    last_day: date | None = None
    person_told: bool = True
    telling_reason: str = ""


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what was decided. `file` is null once the client file has gone. `answerable`: it was decided
    to share, and it may be answered today."""

    id: UUID
    service: str
    file: UUID | None
    kind: str
    recipient: str
    requester: str
    received_on: date
    fields: tuple[str, ...]
    purpose: str
    reason: str
    necessity: str
    power: str
    signed_off_by: str
    controllers: str
    lawful_basis: str
    condition: str
    impact_assessment: str
    officer_view: str
    keeping: str
    security: str
    rights: str
    frequency: str
    state: str
    decided_fields: tuple[str, ...]
    decided_at: datetime | None
    decided_by: str | None
    reasons: str | None
    last_day: date | None
    person_told: bool | None
    telling_reason: str | None
    answerable: bool


def receive_request(session: CouncilSession, caller: Caller, new: NewRequest) -> UUID:
    """Note a request as it was received; returns its key. Nothing is given by it.

    Raises `NotFound` for a file that is not there for the caller, `Forbidden`, `InvalidInput`.
    """
    caller.require_somewhere(Permission.DISCLOSE)
    service = service_of(session, new.file)
    if service is None or service != new.service or not caller.allows(Permission.DISCLOSE, service):
        raise NotFound(NO_FILE)
    check_day(new.received_on, "received_on", session.clock.today())
    if new.kind == "crime" and not new.signed_off_by.strip():
        message = "A request about a crime names the rank that signed it off: an inspector or above."
        raise InvalidInput(message, where="signed_off_by", code="not-signed-off")
    policy = adopted(session)
    purposes = frozenset(one.id for one in policy.service(service).purposes.purposes)
    words = {name: written(getattr(new, name), name) for name in WORDS}
    words |= {name: optional_words(getattr(new, name), name) for name in OPTIONAL}
    request_id: UUID = session.execute(
        insert(REQUEST)
        .values(
            council_id=session.council_id,
            service=service,
            file_id=new.file,
            kind=new.kind,
            recipient=declared_recipient(policy, service, new.recipient, new.body),
            received_on=new.received_on,
            fields=_fields(session, service, new.fields),
            purpose=known_names((new.purpose,), purposes, "purposes")[0],
            controllers=new.controllers,
            **words,
        )
        .returning(REQUEST.c.id)
    ).scalar_one()
    record(session, AuditEvent.REQUEST_RECEIVED, new.file, request=request_id, kind=new.kind)
    return request_id


def decide_request(session: CouncilSession, caller: Caller, request_id: UUID, decision: RequestDecision) -> None:
    """Decide to share or not, once, with reasons. It gives nothing yet: the gate still has its say.

    Raises `NotFound`, `Forbidden` without `sharing.agree`, `InvalidInput`, `Conflict` if it was decided before.
    """
    caller.require_somewhere(Permission.AGREE_SHARING)
    ending(session)
    here = (REQUEST.c.council_id == session.council_id, REQUEST.c.id == request_id)
    row = session.execute(select(REQUEST).where(*here).with_for_update()).one_or_none()
    if row is None or not caller.allows(Permission.AGREE_SHARING, row.service):
        raise NotFound(NO_REQUEST)
    if row.state != "received":
        raise Conflict("This request was decided before.", code="decided")
    beyond = [name for name in decision.fields if name not in row.fields]
    if beyond or decision.share != bool(decision.fields):
        message = "A decision to share names some of the fields asked for, and no other; a refusal names none."
        raise InvalidInput(message, where="fields", code="fields")
    if decision.last_day is not None and check_day(decision.last_day, "last_day") < session.clock.today():
        raise InvalidInput("The last day lies in the past.", where="last_day")
    if not decision.person_told and (row.kind == "one-off" or not decision.telling_reason.strip()):
        message = "Not telling the person needs a request under DPA 2018 Sch 2 para 2 or 5, and the reason in words."
        raise InvalidInput(message, where="telling_reason", code="not-told")
    session.execute(
        update(REQUEST)
        .where(*here)
        .values(
            state="share" if decision.share else "refuse",
            decided_fields=list(decision.fields),
            decided_at=session.clock.now(),
            decided_by=decider(decision.decided_by, "decided_by"),
            reasons=written(decision.reasons, "reasons"),
            last_day=decision.last_day,
            person_told=decision.person_told,
            telling_reason=optional_words(decision.telling_reason, "telling_reason") or None,
        )
    )
    outcome = "share" if decision.share else "refuse"
    record(session, AuditEvent.REQUEST_DECIDED, row.file_id, request=request_id, outcome=outcome)


def requests(
    session: CouncilSession, caller: Caller, *, open_only: bool = False, limit: int = SHOWN, after: str | None = None
) -> Listing[RequestView]:
    """The requests of the services that the caller may see, the newest first, or those not decided yet. `after` is the
    `next` of the page before."""
    services = caller.require_somewhere(Permission.READ_SHARING)
    which: list[ColumnElement[bool]] = [] if services is None else [REQUEST.c.service.in_(sorted(services))]
    if open_only:
        which.append(REQUEST.c.state == "received")
    if after is not None:
        day, last = decode_cursor(after, tuple[date, UUID])
        older = or_(REQUEST.c.received_on < day, (REQUEST.c.received_on == day) & (REQUEST.c.id > last))
        which.append(older)
    page = page_of(_listed(session, limit + 1, *which), limit, lambda one: (one.received_on, one.id))
    record(session, AuditEvent.REGISTER_SEARCHED, requests=len(page.items))
    return page


def requests_about(session: CouncilSession, caller: Caller, file_id: UUID) -> tuple[RequestView, ...]:
    """The requests about one client, at most the 200 newest, the newest first, also for who may disclose: they carry
    out what was decided.

    Raises `NotFound` if there is no such file that the caller may see, `Forbidden`.
    """
    services, service = (
        caller.require_somewhere(Permission.READ_SHARING, Permission.DISCLOSE),
        service_of(session, file_id),
    )
    if service is None or (services is not None and service not in services):
        raise NotFound(NO_FILE)
    found = _listed(session, SEARCHED, REQUEST.c.file_id == file_id)
    record(session, AuditEvent.REGISTER_SEARCHED, file_id, requests=len(found))
    return found


def _listed(session: CouncilSession, limit: int, *which: ColumnElement[bool]) -> tuple[RequestView, ...]:
    may_share = func.coalesce((REQUEST.c.state == "share") & open_on(session.clock.today()), False).label("answerable")
    query = select(REQUEST, may_share).where(REQUEST.c.council_id == session.council_id, *which)
    rows = session.execute(query.order_by(REQUEST.c.received_on.desc(), REQUEST.c.id).limit(limit))
    return tuple(_view(row) for row in rows)


def _view(row: Any) -> RequestView:
    names = [name for name in RequestView.__struct_fields__ if name not in ("file", "fields", "decided_fields")]
    return RequestView(
        file=row.file_id,
        fields=tuple(row.fields),
        decided_fields=tuple(row.decided_fields),
        **{name: getattr(row, name) for name in names},
    )


def _fields(session: CouncilSession, service: str, fields: tuple[str, ...]) -> list[str]:
    declared = frozenset(slots_of(adopted(session).service(service)))
    return known_names(fields, declared | frozenset(IDENTITY), "fields")
