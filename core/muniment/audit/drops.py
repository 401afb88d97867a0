"""What the audit log says was dropped at the end of its period, held against the leaves that are left of it.

A line of `audit_drop` alone proves nothing: whoever could delete an event could write one. It counts if a sealed event
with its key gives the same class, month, number of events and root over the leaves that the line names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.merkle import Tree
from muniment.clock import london_day
from muniment.database.session import CouncilSession

__all__ = ["SOONEST", "DroppedUntil", "Drops"]

SOONEST = timedelta(days=180)
"""No month is dropped sooner after its end: the owner's function refuses it."""

LINES = text(
    "select d.id, d.record_class, d.month, d.events, lower(taken) as first, upper(taken) as beyond"
    " from audit_drop d cross join unnest(d.positions) taken where d.council_id = :council_id order by first"
)
SEALED = text(
    "select e.subject, e.at, e.facts from audit_event e"
    " join audit_leaf l on l.council_id = e.council_id and l.event_id = e.id"
    " where e.council_id = :council_id and e.event = :event"
)


class DroppedUntil(msgspec.Struct, frozen=True):
    """How far a record class has been dropped: the last month (`2025-09`) of which anything was; events in all."""

    record_class: str
    month: str
    events: int


@dataclass
class _Line:
    record_class: str
    month: date
    events: int
    tree: Tree = field(default_factory=Tree)

    @property
    def said(self) -> dict[str, Any]:
        """What the sealed event must say, going by the leaves themselves."""
        return {
            "record_class": self.record_class,
            "month": self.month.isoformat(),
            "events": self.tree.size,
            "root": self.tree.root.hex(),
        }


class Drops:
    """What was dropped from the log of the session's council."""

    def __init__(self, session: CouncilSession) -> None:
        self._lines: dict[UUID, _Line] = {}
        self._ranges: list[tuple[int, int, _Line]] = []
        self._next = 0
        scope = {"council_id": session.council_id}
        for row in session.execute(LINES, scope):
            line = self._lines.setdefault(row.id, _Line(row.record_class, row.month, row.events))
            self._ranges.append((row.first, row.beyond, line))
        sealed = session.execute(SEALED, {**scope, "event": AuditEvent.MONTH_DROPPED.value})
        self._sealed: dict[UUID, tuple[datetime, dict[str, Any]]] = {row.subject: (row.at, row.facts) for row in sealed}

    def names(self, position: int, leaf: bytes) -> bool:
        """Whether a line names the leaf at `position`. To be asked of every leaf once, in the order of the log."""
        while self._next < len(self._ranges) and self._ranges[self._next][1] <= position:
            self._next += 1
        if self._next == len(self._ranges) or position < self._ranges[self._next][0]:
            return False
        self._ranges[self._next][2].tree.append(leaf)
        return True

    def unsealed(self) -> Iterator[UUID]:
        """Lines that no sealed event tells of."""
        return (key for key in self._lines if key not in self._sealed)

    def differing(self) -> Iterator[UUID]:
        """Lines of which the sealed event says something else, or which came sooner than any may."""
        for key, line in self._lines.items():
            if key not in self._sealed:
                continue
            at, facts = self._sealed[key]
            end = (line.month + timedelta(days=31)).replace(day=1)
            says_so = {name: facts.get(name) for name in line.said} == line.said and line.events == line.tree.size
            if not says_so or london_day(at) < end + SOONEST:
                yield key

    def until(self) -> tuple[DroppedUntil, ...]:
        """How far each record class has been dropped."""
        lines = list(self._lines.values())
        return tuple(
            DroppedUntil(
                name,
                max(line.month for line in lines if line.record_class == name).strftime("%Y-%m"),
                sum(line.events for line in lines if line.record_class == name),
            )
            for name in sorted({line.record_class for line in lines})
        )
