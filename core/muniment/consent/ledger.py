"""Adding to the ledger: the only place that does. Nothing here changes or takes away what was added before.

Whoever adds has locked the client file, so a subject's events are numbered without gaps and two acts about one file
wait for each other. Those who rest on a consent are told in the same transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.locks import LockedFile, tell
from muniment.consent.acts import Authority, Channel, How, Kind, State
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.database.session import CouncilSession
from muniment.database.signals import ConsentsChanged, Erased, consents_changed
from muniment.files.store import remove_files

__all__ = ["Entry", "append", "on_erased", "send", "wording_hash"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says, as in `tables.ConsentEvent`. `at` is an aware instant in UTC."""

    kind: Kind
    state: State
    purpose: str
    at: datetime
    policy_hash: str
    categories: Sequence[str] = ()
    recipients: Sequence[str] = ()
    named: Sequence[str] = ()
    wording: str | None = None
    language: str | None = None
    version_id: UUID | None = None
    document_id: UUID | None = None
    channel: Channel | None = None
    how: How | None = None
    explicit: bool = False
    expires_on: date | None = None
    authority: Authority | None = None
    about: UUID | None = None
    evidence: Sequence[str] = ()


APPEND = text(
    "with known as (select id from consent_subject where council_id = :council_id and file_id = :file_id),"
    " made as (insert into consent_subject (council_id, id, file_id, service)"
    " select :council_id, :new_subject_id, :file_id, :service where not exists (select from known) returning id),"
    " subject as (select id from known union all select id from made)"
    " insert into consent_event (council_id, id, subject_id, number, kind, state, purpose, at, recorded_at,"
    " recorded_kind, recorded_by, policy_hash, categories, recipients, named, wording, wording_sha256, language,"
    " version_id, document_id, channel, how, explicit, expires_on, authority, about, evidence)"
    " select :council_id, :id, subject.id, 1 + coalesce((select max(number) from consent_event e"
    " where e.council_id = :council_id and e.subject_id = subject.id), 0),"
    " :kind, :state, :purpose, :at, :recorded_at, :recorded_kind, :recorded_by, :policy_hash,"
    " cast(:categories as text[]), cast(:recipients as text[]), cast(:named as text[]), :wording, :wording_sha256,"
    " :language, :version_id, :document_id, :channel, :how, :explicit, :expires_on, :authority, :about,"
    " cast(:evidence as text[]) from subject"
)

LOOSE = text(
    "with loose as (select council_id, id, stored_id from consent_evidence"
    " where council_id = :council_id and file_id is null and stored_id is not null for update)"
    " update consent_evidence e set name = null from loose"
    " where (e.council_id, e.id) = (loose.council_id, loose.id) returning loose.stored_id"
)
END = text(
    "update consent_subject set ended_on = :today"
    " where council_id = :council_id and file_id is null and ended_on is null"
)


def wording_hash(wording: str) -> str:
    """Sha256 of the wording in UTF-8, in hexadecimal."""
    return hashlib.sha256(wording.encode()).hexdigest()


def append(session: CouncilSession, file: LockedFile, entry: Entry, *, event_id: UUID | None = None) -> UUID:
    """Add an event about the person of a file that the caller has locked; returns its key, which no other council's
    and no other person's ledger has: a new one, but for what a restore has lost. Tells nobody: `send` does, when all
    that belongs together has been added.

    It goes along with the commit; whoever looks at it before has it sent (`session.send_waiting`), as `send` does."""
    event_id, actor = event_id or random_id(), session.actor
    session.at_commit(
        APPEND,
        {
            **{name: getattr(entry, name) for name in Entry.__struct_fields__},
            **{name: list(getattr(entry, name)) for name in ("categories", "recipients", "named", "evidence")},
            "id": event_id,
            "council_id": session.council_id,
            "file_id": file.id,
            "service": file.service,
            "new_subject_id": random_id(),
            "recorded_at": session.clock.now(),
            "recorded_kind": actor.kind if actor else None,
            "recorded_by": actor.id if actor else None,
            "wording_sha256": None if entry.wording is None else wording_hash(entry.wording),
        },
    )
    record(session, AuditEvent(f"consent.{entry.kind}.{entry.state}"), file.id, entry=event_id)
    return event_id


def send(session: CouncilSession, file_ids: Sequence[UUID], *states: State, again: bool = False) -> None:
    """Tell those who rest on consents of these files, and those whose clocks count from a withdrawal. `again`: it is
    written once more after a restore."""
    session.send_waiting()
    tell(session, file_ids, "consent")
    consents_changed.send(session, ConsentsChanged(Keys.of(file_ids), frozenset(states), again))


def on_erased(session: CouncilSession, erased: Erased) -> None:
    """Client files have gone: from today their ledgers are evidence, and what people handed in goes for good."""
    if erased.table != "client_file":
        return
    here = {"council_id": session.council_id}
    _, loose = session.ask_together((END, here | {"today": session.clock.today()}), (LOOSE, here))
    remove_files(session, [row.stored_id for row in loose])
