"""Telling recipients what has changed in what they were given (UK GDPR Art 19): an outbox that somebody works off.

A line is written in the transaction of the change: one for each recipient of each field concerned. It names every
reference that the recipient was given them under, which is all by which it knows whom they are about, and the fields,
never a value: who tells a recipient must not give the data away again. Nothing is sent by itself, for only a person
knows whether an address is still the recipient's; a line stays until it was acknowledged, or found impossible.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, func, select, text, tuple_, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record, record_many
from muniment.clients.locks import LIMIT_AGAIN
from muniment.consent.restoring import TAKES_BACK
from muniment.database.gauges import CouncilGauge, Figures
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import ConsentsChanged, FieldsChanged, FilesChanged, ValuesErased
from muniment.policy.special import slots_of
from muniment.policy.store import adopted
from muniment.sharing.tables import Disclosure, DisclosureLine, Notification
from muniment.sharing.terms import IDENTITY
from muniment.sharing.wording import written
from muniment.web.cursors import SHOWN, Listing, decode_cursor, page_of

__all__ = [
    "GAUGES",
    "NotificationView",
    "Outcome",
    "notifications",
    "on_consents_changed",
    "on_fields_changed",
    "on_files_changed",
    "on_values_erased",
    "settle",
]

Outcome = Literal["sent", "acknowledged", "impossible"]

DISCLOSURE = table_of(Disclosure)
LINE = table_of(DisclosureLine)
NOTIFICATION = table_of(Notification)

ONWARD = {"to-send": ("sent", "impossible"), "sent": ("acknowledged", "impossible")}
NOTHING = "There is no such notification."

_TELL = """
insert into recipient_notification (council_id, id, line_id, lines, change, fields, since, repeated)
select :council_id, gen_random_uuid(), whom.line_id, whom.lines, :change, whom.fields, :now, :repeated
from (
    select (array_agg(l.id order by d.at desc, l.id))[1] as line_id, array_agg(distinct l.id) as lines,
        array_agg(distinct name order by name) as fields
    from ({changed}) changed
    join disclosure_line l on l.council_id = :council_id and l.file_id = changed.file_id
    join disclosure d on d.council_id = l.council_id and d.id = l.disclosure_id
    cross join unnest(l.fields) name
    where {which}
    and not exists (
        select from recipient_notification n
        join disclosure_line known on known.council_id = n.council_id and known.id = n.line_id
        join disclosure act on act.council_id = known.council_id and act.id = known.disclosure_id
        where n.council_id = l.council_id and known.file_id = l.file_id and act.service = d.service
        and act.recipient = d.recipient and n.change = :change and name = any(n.fields) and {done}
    )
    group by l.file_id, d.service, d.recipient
) whom
returning id
"""


_ANY_LINE = text("select 1 from disclosure_line where council_id = :council_id limit 1")


class NotificationView(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient to be told. `references` are what it was given with the data, each time that it was, `reference` the
    newest; `file` is null once the file has gone. `repeated`: after a restore it is not known any more whether it was
    told already."""

    id: UUID
    service: str
    recipient: str
    named: str
    reference: UUID
    references: tuple[UUID, ...]
    file: UUID | None
    change: str
    fields: tuple[str, ...]
    state: str
    since: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    reason: str | None
    repeated: bool


def on_fields_changed(session: CouncilSession, changed: FieldsChanged) -> None:
    """Note whom to tell that values were set otherwise, or taken away."""
    pairs = [(file_id, name) for file_id, names in changed.fields.items() for name in names]
    _tell(
        session,
        "erased" if changed.erased else "rectified",
        "select c.file_id, array_agg(c.name) as names"
        " from unnest(cast(:file_ids as uuid[]), cast(:names as text[])) c (file_id, name) group by c.file_id",
        "name = any(changed.names)",
        file_ids=Keys.of([file_id for file_id, _ in pairs]),
        names=[name for _, name in pairs],
    )


def on_values_erased(session: CouncilSession, erased: ValuesErased) -> None:
    """Note whom to tell that values were disposed of: those that no record of the file holds any more and, where no
    record is left, the identity stub too, which goes with the last. What goes on under a code (UK GDPR Art 4(5)) is
    not erased."""
    if not _anything_given(session):
        return
    of_file = "select from record r where r.council_id = l.council_id and r.file_id = l.file_id"
    under_a_code = (
        "select from pseudonym_key k join client_file p on p.council_id = k.council_id and p.id = k.pseudonym_id"
        " join record r on r.council_id = p.council_id and r.file_id = p.id"
        " where k.council_id = l.council_id and k.file_id = l.file_id"
        " and (r.values ? name or name = 'born-on' and p.born_on is not null)"
    )
    _tell(
        session,
        "erased",
        "select c.file_id from unnest(cast(:file_ids as uuid[])) c (file_id)",
        f"not exists ({of_file} and (r.values ? name or name = any(cast(:identity as text[]))))"
        f" and not exists ({under_a_code})",
        done="n.since >= d.at",
        repeated=erased.repeated,
        file_ids=Keys.of(erased.file_ids),
        identity=list(IDENTITY),
    )


def on_files_changed(session: CouncilSession, changed: FilesChanged) -> None:
    """Note whom to tell that a restriction was placed."""
    if not changed.what & {"limit", LIMIT_AGAIN}:
        return
    _tell(
        session,
        "restricted",
        "select l.file_id, max(l.placed_at) as placed_at from client_limit l where l.council_id = :council_id"
        " and l.ended_at is null and l.kind = 'restriction' and l.file_id = any(cast(:file_ids as uuid[]))"
        " group by l.file_id",
        done="n.since >= changed.placed_at",
        repeated=LIMIT_AGAIN in changed.what,
        file_ids=Keys.of(changed.file_ids),
    )


def on_consents_changed(session: CouncilSession, changed: ConsentsChanged) -> None:
    """Note whom to tell that a consent was taken back on which they were given something: all of it where the
    disclosure rested on consent, else what only explicit consent may have allowed (UK GDPR Art 9(2)(a)). What was given
    on a consent of after that act is not touched by it, however late it was written down."""
    if not changed.what & TAKES_BACK:
        return
    services = adopted(session).services.values()
    sensitive = {name for service in services for name, slot in slots_of(service).items() if slot.kind != "ordinary"}
    _tell(
        session,
        "consent-withdrawn",
        "select s.file_id, e.subject_id, e.at, e.purpose, e.recipients from consent_subject s join consent_event e"
        " on e.council_id = s.council_id and e.subject_id = s.id and e.kind = 'consent' and e.state = any(:ends)"
        " and e.number = (select max(newest.number) from consent_event newest where newest.council_id = s.council_id"
        " and newest.subject_id = s.id)"
        " where s.council_id = :council_id and s.file_id = any(cast(:file_ids as uuid[]))",
        "d.purpose = changed.purpose and (d.rests_on = '6.1.a' or name = any(:sensitive))"
        " and (cardinality(changed.recipients) = 0 or d.recipient = any(changed.recipients))"
        " and not exists (select from consent_event again where again.council_id = l.council_id"
        " and again.subject_id = changed.subject_id and again.kind = 'consent' and again.purpose = changed.purpose"
        " and again.state in ('given', 'reconfirmed') and d.recipient = any(again.recipients)"
        " and again.at > changed.at and again.at <= d.at)",
        repeated=changed.again,
        file_ids=Keys.of(changed.file_ids),
        ends=sorted(TAKES_BACK),
        sensitive=sorted(sensitive),
    )


def _anything_given(session: CouncilSession) -> bool:
    """Whether anything was ever given, so that councils which share nothing pay nothing for it."""
    return bool(session.ask(_ANY_LINE, {"council_id": session.council_id}))


@lru_cache
def _written(changed: str, which: str, done: str) -> TextClause:
    return text(_TELL.format(changed=changed, which=which, done=done))


def _tell(
    session: CouncilSession,
    change: str,
    changed: str,
    which: str = "true",
    done: str = "n.state = 'to-send' and n.since >= d.at",
    *,
    repeated: bool = False,
    **parameters: object,
) -> None:
    """Write a line for each recipient concerned. `changed` is a query of files, `which` a condition on a line, its
    disclosure and the `name` of a field, `done` what an earlier notification is like that says the same, which one of
    before the disclosure does not: all of them texts of this module."""
    statement = _written(changed, which, done)
    usual = {"council_id": session.council_id, "change": change, "now": session.clock.now(), "repeated": repeated}
    made = [row.id for row in session.ask(statement, {**usual, **parameters})]
    record_many(session, AuditEvent.RECIPIENT_TO_TELL, made, change=change)


def notifications(
    session: CouncilSession, caller: Caller, *, file_id: UUID | None = None, settled: bool = False,
    limit: int = SHOWN, after: str | None = None,
) -> Listing[NotificationView]:  # fmt: skip
    """Who is still to be told, or to acknowledge, the longest waiting first; with `settled` those that are done too: of
    the services that the caller may see, or may tell recipients for. `after` is the `next` of the page before."""
    services = caller.require_somewhere(Permission.READ_SHARING, Permission.DISCLOSE)
    query = _listed().where(NOTIFICATION.c.council_id == session.council_id)
    if services is not None:
        query = query.where(DISCLOSURE.c.service.in_(sorted(services)))
    if file_id is not None:
        query = query.where(LINE.c.file_id == file_id)
    if not settled:
        query = query.where(NOTIFICATION.c.state.in_(("to-send", "sent")))
    place = tuple_(NOTIFICATION.c.since, NOTIFICATION.c.id)
    if after is not None:
        query = query.where(place > tuple_(*decode_cursor(after, tuple[datetime, UUID])))
    rows = session.execute(query.order_by(NOTIFICATION.c.since, NOTIFICATION.c.id).limit(limit + 1)).all()
    page = page_of(rows, limit, lambda row: (row.since, row.id))
    return Listing([_view(row) for row in page.items], page.next)


def settle(session: CouncilSession, caller: Caller, notification_id: UUID, outcome: Outcome, reason: str = "") -> None:
    """Note that a recipient was told, has acknowledged, or cannot be told.

    Raises `NotFound`, `Forbidden`, `InvalidInput` where it is impossible and nobody says why, `Conflict` for one that
    is settled, or acknowledged before it was sent.
    """
    caller.require_somewhere(Permission.DISCLOSE)
    here = (NOTIFICATION.c.council_id == session.council_id, NOTIFICATION.c.id == notification_id)
    row = session.execute(_listed().where(*here).with_for_update(of=NOTIFICATION)).one_or_none()
    if row is None or not caller.allows(Permission.DISCLOSE, row.service):
        raise NotFound(NOTHING)
    if outcome not in ONWARD.get(row.state, ()):
        raise Conflict("It is sent first, then acknowledged; what is settled stays so.", code="order")
    if (outcome == "impossible") != bool(reason.strip()):
        raise InvalidInput("Say why it is impossible, and nothing otherwise.", where="reason", code="reason")
    now = session.clock.now()
    values: dict[str, Any] = {"state": outcome}
    if outcome == "sent":
        values["sent_at"] = now
    else:
        values["settled_at"] = now
    if outcome == "impossible":
        values["reason"] = written(reason, "reason")
    session.execute(update(NOTIFICATION).where(*here).values(values))
    record(session, AuditEvent.RECIPIENT_TOLD, notification_id, outcome=outcome)


def _listed() -> Any:
    council = NOTIFICATION.c.council_id
    return (
        select(NOTIFICATION, LINE.c.file_id, DISCLOSURE.c.service, DISCLOSURE.c.recipient, DISCLOSURE.c.named)
        .join_from(NOTIFICATION, LINE, (LINE.c.council_id == council) & (LINE.c.id == NOTIFICATION.c.line_id))
        .join(DISCLOSURE, (DISCLOSURE.c.council_id == council) & (DISCLOSURE.c.id == LINE.c.disclosure_id))
    )


_READ_OTHERWISE = ("reference", "references", "file", "fields")


def _view(row: Any) -> NotificationView:
    names = [name for name in NotificationView.__struct_fields__ if name not in _READ_OTHERWISE]
    return NotificationView(
        reference=row.line_id,
        references=tuple(row.lines) or (row.line_id,),
        file=row.file_id,
        fields=tuple(row.fields),
        **{name: getattr(row, name) for name in names},
    )


def _count(session: CouncilSession) -> Figures:
    counts = select(NOTIFICATION.c.state, func.count()).where(
        NOTIFICATION.c.council_id == session.council_id, NOTIFICATION.c.state.in_(("to-send", "sent"))
    )
    found: Sequence[Any] = session.execute(counts.group_by(NOTIFICATION.c.state)).all()
    figures = {state: float(count) for state, count in found}
    return {(state,): figures.get(state, 0.0) for state in ("to-send", "sent")}


GAUGES = (
    CouncilGauge(
        "muniment_sharing_notifications",
        "Recipients to be told of changes (UK GDPR Art 19) that have not acknowledged",
        _count,
        ("state",),
    ),
)
