"""Writing the audit log: one statement puts an event and its line for the sealer, in the caller's transaction.

Single events go along with the commit, in the same exchange: nobody waits for each, and one of a reading is on disk
before the answer is sent. Whoever looks at them in the same transaction has them sent first (`session.send_waiting`).

An event is there if and only if what it tells of was committed. Facts are ids, counts, codes and hashes: the types that
`record` takes cannot keep a name out, so what is written here is reviewed like what is logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.database.ids import new_keys
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession

__all__ = ["Fact", "record", "record_many"]

Fact = int | str | UUID | date
Subjects = Keys | list[None]

INSERT = text(
    "with event as (insert into audit_event"
    " (council_id, id, at, event, actor_kind, actor_id, actor_name, subject, facts)"
    " select :council_id, line.id, :at, :event, :actor_kind, :actor_id, :actor_name, line.subject, :facts\\:\\:jsonb"
    " from unnest(:ids\\:\\:uuid[], :subjects\\:\\:uuid[]) as line (id, subject)"
    " returning council_id, id)"
    " insert into audit_unsealed (council_id, event_id) select council_id, id from event"
)


def record(session: CouncilSession, event: AuditEvent, subject: UUID | None = None, **facts: Fact) -> None:
    """Write one event. `subject` is the key of what it is about; `facts` are ids, counts, codes and hashes alone."""
    session.at_commit(INSERT, _parameters(session, event, _one(subject), facts))


def record_many(session: CouncilSession, event: AuditEvent, subjects: Sequence[UUID], **facts: Fact) -> None:
    """Write one event for each subject, with the same facts, in one statement; thousands at a time are cheap."""
    if subjects:
        session.ask(INSERT, _parameters(session, event, Keys.of(subjects), facts))


def _one(subject: UUID | None) -> Subjects:
    return [None] if subject is None else Keys.of([subject])


def _parameters(
    session: CouncilSession, event: AuditEvent, subjects: Subjects, facts: dict[str, Fact]
) -> dict[str, object]:
    actor = session.actor
    return {
        "council_id": session.council_id,
        "at": session.clock.now(),
        "event": event.value,
        "actor_kind": actor.kind if actor else None,
        "actor_id": actor.id if actor else None,
        "actor_name": actor.name if actor else "",
        "facts": msgspec.json.encode(facts, order="sorted").decode(),
        "ids": new_keys(len(subjects)),
        "subjects": subjects,
    }
