"""Reading the ledger: what happened about one client file, each event as it was written down."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import Select, select

from muniment.consent.acts import Kind, State
from muniment.consent.evidence import EvidenceView, evidence_of
from muniment.consent.facts import CONSENT_EVENT, CONSENT_SUBJECT
from muniment.database.session import CouncilSession

__all__ = ["EventView", "event_named", "events_of", "names_of", "with_evidence"]


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


def events_of(session: CouncilSession, file_id: UUID) -> tuple[EventView, ...]:
    """Every event about the person of a client file, in the order of writing down. Checks no permission."""
    subject = CONSENT_SUBJECT.c
    return _read(session, _selected().where(subject.council_id == session.council_id, subject.file_id == file_id))


def event_named(session: CouncilSession, event_id: UUID) -> EventView:
    """One event by its key, also of a client whose file has gone. There must be one. Checks no permission."""
    mine = (CONSENT_EVENT.c.council_id == session.council_id) & (CONSENT_EVENT.c.id == event_id)
    [found] = _read(session, _selected().where(mine))
    return found


def with_evidence(session: CouncilSession, events: tuple[EventView, ...]) -> tuple[EventView, ...]:
    """The events with what was handed in for each."""
    found = evidence_of(session, [event.id for event in events])
    return tuple(msgspec.structs.replace(event, files=tuple(found.get(event.id, ()))) for event in events)


def names_of(session: CouncilSession, file_id: UUID, kind: Kind, purpose: str) -> dict[str, str]:
    """What everybody was called, by key, who was ever named for a purpose; the latest name of each."""
    found: dict[str, str] = {}
    for event in events_of(session, file_id):
        if (event.kind, event.purpose) == (kind, purpose):
            found |= dict(zip(event.recipients, event.named, strict=True))
    return found


def _selected() -> Select[*tuple[object, ...]]:
    event, subject = CONSENT_EVENT, CONSENT_SUBJECT
    mine = (event.c.council_id == subject.c.council_id) & (event.c.subject_id == subject.c.id)
    columns = [event.c[name] for name in _NAMES]
    return select(*columns).select_from(event.join(subject, mine)).order_by(event.c.number)


def _read(session: CouncilSession, query: Select[*tuple[object, ...]]) -> tuple[EventView, ...]:
    return tuple(
        msgspec.convert({name: getattr(row, name) for name in _NAMES}, EventView) for row in session.execute(query)
    )
