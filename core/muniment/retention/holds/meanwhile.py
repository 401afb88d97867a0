"""What a hold that is placed now no longer reaches: what sweeps under way have taken, and what systems are erasing.

Whoever places one is told, so that nobody thinks something held that is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select

from muniment.clients.facts import RECORD
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.retention.deliveries import under_way
from muniment.retention.tables import Certificate, SweepRun

__all__ = ["gone_meanwhile", "under_way_meanwhile"]

RUN = table_of(SweepRun)
CERTIFICATE = table_of(Certificate)


def gone_meanwhile(session: CouncilSession, classes: Sequence[str]) -> tuple[dict[str, int], tuple[UUID, ...]]:
    """What sweeps that are running have disposed of so far in these classes, and the certificates of it."""
    certificates = (
        select(CERTIFICATE.c.id, CERTIFICATE.c.record_class, CERTIFICATE.c.disposed + CERTIFICATE.c.awaited)
        .join(RUN, and_(RUN.c.council_id == CERTIFICATE.c.council_id, RUN.c.id == CERTIFICATE.c.run_id))
        .where(RUN.c.council_id == session.council_id, RUN.c.state == "running")
        .where(CERTIFICATE.c.record_class.in_(classes))
        .order_by(CERTIFICATE.c.issued_at, CERTIFICATE.c.id)
    )
    gone: dict[str, int] = {}
    found = session.execute(certificates).all()
    for _, record_class, count in found:
        gone[record_class] = gone.get(record_class, 0) + count
    return gone, tuple(row.id for row in found)


def under_way_meanwhile(session: CouncilSession, covered: ColumnElement[bool]) -> dict[str, int]:
    """How many records, by class, of those that a hold covers couriers have taken along, and systems may be erasing.

    The caller holds the council's lock alone.
    """
    taken = RECORD.c.council_id == session.council_id, RECORD.c.id.in_(under_way(session, datetime.now(UTC)))
    grouped = select(RECORD.c.record_class, func.count()).where(*taken, covered).group_by(RECORD.c.record_class)
    return {row[0]: row[1] for row in session.execute(grouped)}
