"""How far the sealing of the audit log is behind."""

from __future__ import annotations

from sqlalchemy import func, select

from muniment.audit.tables import AuditEventRow, AuditUnsealed
from muniment.database.gauges import CouncilGauge
from muniment.database.session import CouncilSession

__all__ = ["GAUGES"]


def _waiting(session: CouncilSession) -> int:
    here = AuditUnsealed.council_id == session.council_id
    return session.scalar(select(func.count()).select_from(AuditUnsealed).where(here)) or 0


def _oldest(session: CouncilSession) -> float:
    """Seconds. Keys of events are in the order of their time, so the first of the index is the oldest."""
    first = (
        select(AuditUnsealed.event_id)
        .where(AuditUnsealed.council_id == session.council_id)
        .order_by(AuditUnsealed.event_id)
        .limit(1)
        .scalar_subquery()
    )
    at = session.scalar(
        select(AuditEventRow.at).where(AuditEventRow.council_id == session.council_id, AuditEventRow.id == first)
    )
    return 0.0 if at is None else max(0.0, (session.clock.now() - at).total_seconds())


GAUGES = (
    CouncilGauge("muniment_audit_unsealed_events", "Audit events that wait to be sealed", _waiting),
    CouncilGauge("muniment_audit_oldest_unsealed_seconds", "Age of the oldest audit event not sealed", _oldest),
)
