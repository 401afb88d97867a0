"""Dropping what the audit log has kept past its period: whole months of a record class, provably and nothing else.

The rows of the events go; their leaf hashes stay, so the Merkle log and every checkpoint still verify. One sealed event
says which class, which month, how many and the root (RFC 6962) over the leaves concerned, in the order of the log. All
of it is one transaction, the sealing included: there is no moment at which something is missing and unexplained.

Which month is over, and what a hold keeps, is retention's to say. Only what is sealed is dropped.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.api.errors import Conflict
from muniment.audit.events import AuditEvent, events_of
from muniment.audit.log import record
from muniment.audit.merkle import Tree
from muniment.audit.sealing import BATCH, be_the_sealer, seal_some
from muniment.clock import LONDON
from muniment.database.ids import random_id
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing

__all__ = ["DroppedMonth", "drop_month", "droppable_months"]

WHICH = (
    " from audit_event e join audit_leaf l on l.council_id = e.council_id and l.event_id = e.id"
    " where e.council_id = :council_id and e.event = any(:events) and e.at < :until"
    " and e.at < now() - interval '6 months'"  # the owner's function takes nothing younger, whatever day is pretended
    " and (e.subject is null or e.subject <> all(cast(:held as uuid[])))"
)
MONTHS = text(
    "select date_trunc('month', timezone('Europe/London', e.at))::date as month, count(*) as events"
    f"{WHICH} group by 1 order by 1"
)
TAKE = text(
    "insert into audit_drop (council_id, id, record_class, month, at, events, positions)"
    " select :council_id, :id, :record_class, :month, :at, count(*),"
    f" range_agg(int8range(l.position, l.position, '[]')){WHICH} and e.at >= :begin"
    " having count(*) > 0 returning events"
)
HASHES = text(
    "select l.hash from audit_drop d cross join unnest(d.positions) taken"
    " join audit_leaf l on l.council_id = d.council_id and l.position >= lower(taken) and l.position < upper(taken)"
    " where d.council_id = :council_id and d.id = :id order by l.position"
).execution_options(yield_per=5_000)
DROP = text("select drop_audit_events(:id)")


class DroppedMonth(msgspec.Struct, frozen=True):
    """A record class, the first day of a month in London, and how many of its events may be dropped or were."""

    record_class: str
    month: date
    events: int


def droppable_months(
    session: CouncilSession, record_class: str, before: date, held: Collection[UUID]
) -> tuple[DroppedMonth, ...]:
    """The months before a day, the first of one, that still have sealed events of a class beside the held subjects'."""
    found = session.execute(MONTHS, _scope(session, record_class, before, held))
    return tuple(DroppedMonth(record_class, row.month, row.events) for row in found)


def drop_month(
    session: CouncilSession, keys: KeyRing, record_class: str, month: date, held: Collection[UUID], policy_hash: str
) -> DroppedMonth:
    """Drop the sealed events of one class and month, but for those about held subjects, and seal what was done.

    `month` is its first day; `policy_hash` is the policy whose rule says that its period has run. Raises `Conflict` if
    the database does not let go of exactly what was counted.
    """
    be_the_sealer(session)
    drop_id, until = random_id(), (month + timedelta(days=31)).replace(day=1)
    scope = _scope(session, record_class, until, held)
    events: int | None = session.scalar(
        TAKE,
        {**scope, "id": drop_id, "record_class": record_class, "month": month,
         "at": session.clock.now(), "begin": _midnight(month)},
    )  # fmt: skip
    if not events:
        return DroppedMonth(record_class, month, 0)
    tree = Tree()
    for leaf in session.scalars(HASHES, {"council_id": session.council_id, "id": drop_id}):
        tree.append(bytes(leaf))
    gone = session.scalar(DROP, {"id": drop_id})
    if not events == tree.size == gone:
        raise Conflict(f"{events} events of {record_class} in {month:%Y-%m} were to be dropped and {gone} could be.")
    event, root = AuditEvent.MONTH_DROPPED, tree.root.hex()
    record(
        session, event, drop_id, record_class=record_class, month=month, events=events, root=root, policy=policy_hash
    )
    while seal_some(session, keys) == BATCH:
        pass
    return DroppedMonth(record_class, month, events)


def _scope(session: CouncilSession, record_class: str, until: date, held: Collection[UUID]) -> dict[str, object]:
    return {
        "council_id": session.council_id,
        "events": events_of(record_class),
        "until": _midnight(until),
        "held": list(held),
    }


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LONDON)
