"""What other systems are asked to erase: the outbox, how each system answers, and what one is erasing at this moment.

It stands below holds and disposal, for both must know what no hold can reach any more.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Select, and_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.clients.facts import RECORD
from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of
from muniment.database.session import CouncilSession

__all__ = ["ConnectedSystem", "Delivery", "under_way"]


class Delivery(CouncilTable, Base):
    """An erasure that another system is asked for until it is confirmed; then it goes with the record's row.

    Written in the transaction that empties the record, which keeps the key by which the system knows it. `system` is
    `service/system`. `state` is `waiting` (asked when `due_at` comes) or `refused` (an officer must look). `reason` is
    the code of what came of the last attempt. `since` is by the deployment's clock, `due_at` by the machine's.
    """

    __tablename__ = "delivery"

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    system: Mapped[str]
    record_class: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    since: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    reason: Mapped[str | None]

    __table_args__ = (
        council_fk("record_id", "record.id", ondelete="CASCADE"),
        CheckConstraint("state in ('waiting', 'refused')", name="state"),
        Index("ix_delivery_due", "council_id", "due_at", postgresql_where=text("state = 'waiting'")),
    )


class ConnectedSystem(CouncilTable, Base):
    """How a system has answered: the lease of the worker that is talking to it, and its circuit.

    Until `leased_until` nobody else asks it. After `failures` calls in a row that came to nothing it is left alone
    until `closed_until`, then tried with a single key. All instants are the machine's, as those of a lease are.
    """

    __tablename__ = "connected_system"

    system: Mapped[str] = mapped_column(primary_key=True)
    leased_until: Mapped[datetime]
    failures: Mapped[int] = mapped_column(server_default="0")
    closed_until: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    reason: Mapped[str | None]


register_personal(
    PersonalTable(
        table=table_of(Delivery),
        whose="client",
        personal=frozenset({"record_id"}),
        hangs_below=RECORD,
        note="a key; goes when the erasure elsewhere is confirmed",
    )
)
register_impersonal(table_of(ConnectedSystem), "how systems answer, by system")

DELIVERY = table_of(Delivery)
SYSTEM = table_of(ConnectedSystem)


def under_way(session: CouncilSession, now: datetime) -> Select[UUID]:
    """The keys of records that a courier has taken along, and that may be being erased at this moment.

    `now` is the machine's time. The caller has taken the council's lock alone, or a courier may be taking more.
    """
    asked = and_(SYSTEM.c.council_id == DELIVERY.c.council_id, SYSTEM.c.system == DELIVERY.c.system)
    taken = and_(DELIVERY.c.attempts > 0, DELIVERY.c.due_at > now, SYSTEM.c.leased_until > now)
    here = DELIVERY.c.council_id == session.council_id
    return select(DELIVERY.c.record_id).join_from(DELIVERY, SYSTEM, asked).where(here, taken)
