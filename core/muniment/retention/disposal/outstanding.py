"""What other systems still owe: how each of them stands, asking one again that refused, and the figures about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, case, func, select, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.database.gauges import CouncilGauge, Figures
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.deliveries import ConnectedSystem, Delivery
from muniment.retention.disposal.delivering import needed
from muniment.retention.disposal.erasing import DELIVER
from muniment.retention.rules.clock_sql import with_ids

__all__ = ["GAUGES", "SystemView", "ask_again", "systems"]

DELIVERY = table_of(Delivery)
SYSTEM = table_of(ConnectedSystem)
MOST = 1000


class SystemView(msgspec.Struct, frozen=True, kw_only=True):
    """How a system stands: `waiting` and `refused` erasures, since when the oldest; `failures` calls in a row came to
    nothing, the last for `reason`, and it is left alone until `closed_until`."""

    system: str
    waiting: int
    refused: int
    oldest: datetime | None
    failures: int
    closed_until: datetime | None
    answered_at: datetime | None
    reason: str | None

    @property
    def line(self) -> str:
        """The system in one line."""
        since = f", the oldest since {self.oldest:%d/%m/%Y %H:%M} UTC" if self.oldest else ""
        failing = f"; {self.failures} calls in a row came to nothing: {self.reason}" if self.failures else ""
        return f"{self.system}: {self.waiting} erasures awaited, {self.refused} refused{since}{failing}"


def systems(session: CouncilSession, caller: Caller) -> tuple[SystemView, ...]:
    """Every system that was asked or is to be, of the services that the caller may see."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    owed = (
        select(
            DELIVERY.c.system,
            func.count().filter(DELIVERY.c.state == "waiting").label("waiting"),
            func.count().filter(DELIVERY.c.state == "refused").label("refused"),
            func.min(DELIVERY.c.since).label("oldest"),
        )
        .where(DELIVERY.c.council_id == session.council_id)
        .group_by(DELIVERY.c.system)
        .subquery()
    )
    stand = select(SYSTEM).where(SYSTEM.c.council_id == session.council_id).subquery()
    query = (
        select(
            func.coalesce(owed.c.system, stand.c.system).label("system"),
            func.coalesce(owed.c.waiting, 0).label("waiting"),
            func.coalesce(owed.c.refused, 0).label("refused"),
            owed.c.oldest,
            func.coalesce(stand.c.failures, 0).label("failures"),
            stand.c.closed_until,
            stand.c.answered_at,
            stand.c.reason,
        )
        .select_from(owed.outerjoin(stand, owed.c.system == stand.c.system, full=True))
        .order_by("system")
    )
    rows = [SystemView(**row._mapping) for row in session.execute(query)]
    return tuple(row for row in rows if services is None or row.system.partition("/")[0] in services)


def ask_again(session: CouncilSession, caller: Caller, record_ids: Sequence[UUID]) -> int:
    """Have systems asked at once for records that they refused or put off, all or none; returns how many.

    Raises `NotFound` if one of them is not awaited from a system, `InvalidInput`, `Forbidden`.
    """
    wanted = list(dict.fromkeys(record_ids))
    if not wanted or len(wanted) > MOST:
        raise InvalidInput(f"Name from 1 to {MOST} records.", where="records")
    here = with_ids(session, wanted, "record_id")(DELIVERY)
    query = select(DELIVERY.c.record_id, DELIVERY.c.system).where(here).order_by(DELIVERY.c.record_id)
    rows = session.execute(query.with_for_update()).all()
    for row in rows:
        caller.require(Permission.SWEEP_RETENTION, row.system.partition("/")[0])
    if len(rows) != len(wanted):
        raise NotFound("No system is asked to erase one of these.")
    session.execute(update(DELIVERY).where(here).values(state="waiting", due_at=datetime.now(UTC)))
    record_many(session, AuditEvent.DELIVERY_REPEATED, wanted)
    session.ring(DELIVER, (session.council_id,))
    return len(wanted)


def _outstanding(session: CouncilSession) -> Figures:
    state = case((needed(session), "kept"), else_=DELIVERY.c.state)
    counts = select(state.label("counted_as"), func.count()).where(_here(session)).group_by("counted_as")
    found = {row[0]: float(row[1]) for row in session.execute(counts)}
    return {(name,): found.get(name, 0.0) for name in ("waiting", "refused", "kept")}


def _oldest(session: CouncilSession) -> float:
    since = session.scalar(select(func.min(DELIVERY.c.since)).where(_here(session), ~needed(session)))
    return 0.0 if since is None else max(0.0, (session.clock.now() - since).total_seconds())


def _left_alone(session: CouncilSession) -> int:
    closed = and_(SYSTEM.c.council_id == session.council_id, SYSTEM.c.closed_until > datetime.now(UTC))
    return session.scalar(select(func.count()).select_from(SYSTEM).where(closed)) or 0


def _here(session: CouncilSession) -> ColumnElement[bool]:
    return DELIVERY.c.council_id == session.council_id


GAUGES = (
    CouncilGauge(
        "muniment_retention_deliveries", "Erasures that other systems have not confirmed", _outstanding, ("state",)
    ),
    CouncilGauge("muniment_retention_delivery_oldest_seconds", "Age of the oldest erasure that a system owes", _oldest),
    CouncilGauge(
        "muniment_retention_systems_left_alone", "Systems not asked for a while, for they kept failing", _left_alone
    ),
)
