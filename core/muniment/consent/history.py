"""Reading the ledger: what happened about one client file, each event as it was written down."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from muniment.consent.acts import Kind, State
from muniment.consent.evidence import EvidenceView, evidence_of
from muniment.database.session import CouncilSession

__all__ = ["EventView", "event_named", "events_of", "names_in", "with_evidence"]


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event, as in `tables.ConsentEvent`. `at` is the instant of the act, `recorded_at` that of writing it down,
    both in UTC; `recorded_by` is the key of the member of staff or the token. `files` is what was handed in."""

    id: UUID
    number: int
    kind: Kind
    state: State
    purpose: str
    at: datetime
    recorded_at: datetime
    recorded_kind: str | None
    recorded_by: UUID | None
    policy_hash: str
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    named: tuple[str, ...]
    wording: str | None
    wording_sha256: str | None
    language: str | None
    version_id: UUID | None
    document_id: UUID | None
    channel: str | None
    how: str | None
    explicit: bool
    expires_on: date | None
    authority: str | None
    about: UUID | None
    evidence: tuple[str, ...]
    files: tuple[EvidenceView, ...] = ()


_NAMES = EventView.__struct_fields__[:-1]
_EVENTS = (
    f"select {', '.join(f'e.{name}' for name in _NAMES)} from consent_event e"  # noqa: S608
    " join consent_subject s on s.council_id = e.council_id and s.id = e.subject_id"
    " where e.council_id = :council_id and {which} order by e.number"
)
_OF_FILE = text(_EVENTS.format(which="s.file_id = :key"))
_ONE = text(_EVENTS.format(which="e.id = :key"))


def events_of(session: CouncilSession, file_id: UUID) -> tuple[EventView, ...]:
    """Every event about the person of a client file, in the order of writing down. Checks no permission."""
    return _read(session, _OF_FILE, file_id)


def event_named(session: CouncilSession, event_id: UUID) -> EventView:
    """One event by its key, also of a client whose file has gone. There must be one. Checks no permission."""
    [found] = _read(session, _ONE, event_id)
    return found


def with_evidence(session: CouncilSession, events: tuple[EventView, ...]) -> tuple[EventView, ...]:
    """The events with what was handed in for each."""
    found = evidence_of(session, [event.id for event in events])
    return tuple(msgspec.structs.replace(event, files=tuple(found.get(event.id, ()))) for event in events)


def names_in(events: Iterable[EventView], kind: Kind, purpose: str) -> dict[str, str]:
    """What everybody was called, by key, who was ever named for a purpose; the latest name of each."""
    found: dict[str, str] = {}
    for event in events:
        if (event.kind, event.purpose) == (kind, purpose):
            found |= dict(zip(event.recipients, event.named, strict=True))
    return found


def _read(session: CouncilSession, statement: TextClause, key: UUID) -> tuple[EventView, ...]:
    rows = session.ask(statement, {"council_id": session.council_id, "key": key})
    return tuple(msgspec.convert(row._asdict(), EventView) for row in rows)
