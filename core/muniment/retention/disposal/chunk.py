"""One chunk of a sweep: one transaction that disposes of what is due in some files, and proves it.

In this order, read committed: lock some files (or registers) that have something due; *in the next statement*, which
sees all that was committed before the locks, look at what is due in them and judge the holds; delete it, and the stubs
of which nothing is left; write certificates, audit events and the row that the erasure ledger is settled against; last
of all write the keys to the ledger, just before the edge commits. Whoever changes a file or places a hold locks the
same rows first, so nothing is decided on what has changed meanwhile.

Only rows are taken that the rule in force has clocked (`disposal.due`), and that rule is armed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, text

from muniment.api.retention import DisposedRecords
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.exchange import Asked
from muniment.database.ids import random_id
from muniment.database.packed import Keys
from muniment.database.session import Actor, CouncilSession
from muniment.files.store import FileStore
from muniment.plugins.facade import CouncilFacade
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.approval.proposing import forget, propose_rows
from muniment.retention.disposal.anonymising import anonymise
from muniment.retention.disposal.archiving import offer
from muniment.retention.disposal.changing import METHODS, change
from muniment.retention.disposal.due import BEGINNING, Place, due_for, lock_due, next_places
from muniment.retention.disposal.erasing import delete_stubs, tell
from muniment.retention.disposal.errands import DESTROYING, Errand, errands
from muniment.retention.disposal.taking import Judgement, Taken, judge, take
from muniment.retention.evidence.certificates import issue
from muniment.retention.evidence.copies import evidence_of
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.holds.judging import KeptBy
from muniment.retention.rules.compile import ANONYMISE, PSEUDONYMISE, Clock, clocks
from muniment.retention.rules.extended import kept_by_extensions
from muniment.retention.subjects import RECORDS, Subject

__all__ = ["BEGINNING", "Chunk", "Place", "PolicyMoved", "due_places", "errands_of", "sweep_chunk"]

ARMINGS = text(
    "select id, record_class, rule_hash, armed_kind, armed_role, armed_by,"
    " (select policy_hash from council where council.id = arming.council_id) as adopted"
    " from arming where council_id = :council_id and ended_at is null order by id for key share"
)
DISPOSED = text(
    "insert into disposal (council_id, id, run_id, kind, at, rows)"
    " values (:council_id, :id, :run_id, 'sweep', :at, :rows)"
)

SWEEPER = Actor("system", None, "retention.sweep")
"""Who proposes what is due for a review."""


class PolicyMoved(RuntimeError):
    """Another policy was adopted since the transaction began: the chunk is to be begun anew."""


@dataclass(frozen=True)
class Chunk:
    """What a chunk came to; `end` is where the next one begins, None when nothing lies beyond."""

    end: Place | None
    locked: int = 0
    disposed: int = 0
    awaited: int = 0
    proposed: int = 0
    changed: int = 0
    kept: int = 0
    kept_by: Mapping[str, KeptBy] = field(default_factory=dict)
    certificates: tuple[UUID, ...] = ()

    @property
    def done(self) -> int:
        """Rows that something was done about: they are not due for the same again."""
        return self.disposed + self.awaited + self.proposed + self.changed


@dataclass(frozen=True)
class _Live:
    """The classes that may be disposed of: their rule in force is armed."""

    armings: Mapping[str, Any]
    clocks: Mapping[str, Clock]


def sweep_chunk(
    session: CouncilSession,
    subject: Subject,
    ledger: Ledger,
    *,
    run_id: UUID,
    after: Place = BEGINNING,
    limit: int,
    facade: CouncilFacade | None = None,
    only: UUID | None = None,
    errand: Errand = DESTROYING,
    store: FileStore | None = None,
) -> Chunk:
    """Do what `errand` says about what is due in the next files after `after`; the caller commits at once.

    Looks at up to `limit` pairs of day and file; `only` names a single file to try alone. Plugins are asked and told
    through `facade`; without one there are none. Without a `store` nothing is packed for an archive. The day is the
    session's clock's: a record goes when `due_on`, the last day it is kept, is over. Raises `PolicyMoved`,
    `Miscounted`.
    """
    [armings] = locks.shared(session, _armings(session))
    live = _live(session, armings)
    if not live.armings:
        return Chunk(None)
    due = due_for(session, subject, errand, live.armings)
    end, locked = lock_due(session, due, after, limit, only)
    if not locked:
        return Chunk(end)
    if errand.does == "propose":
        return Chunk(end, len(locked), proposed=len(propose_rows(session, subject, due.of(locked), SWEEPER)))
    judgement = judge(session, subject, lambda: due.condition, locked, facade)
    if errand.does == "pack":
        packed_now = (
            offer(session, store, live.clocks, and_(due.of(locked), judgement.free)) if store is not None else 0
        )
        return Chunk(end, len(locked), proposed=packed_now)
    if errand.does == "change":
        return _change(session, subject, ledger, live, due.condition, end, locked, run_id, judgement, errand)
    if errand.action == ANONYMISE and subject is RECORDS:
        anonymise(session, live.clocks, and_(due.of(locked), judgement.free))
    taken = take(session, subject, due, locked, judgement, handed_over=errand.hands_over)
    certificates = _prove(session, subject, ledger, live, taken, run_id, facade, errand) if taken.gone else ()
    return Chunk(
        end,
        len(locked),
        len(taken.here),
        len(taken.elsewhere),
        0,
        0,
        sum(taken.kept.values()),
        taken.kept_by,
        certificates,
    )


def _change(
    session: CouncilSession,
    subject: Subject,
    ledger: Ledger,
    live: _Live,
    due: ColumnElement[bool],
    end: Place | None,
    locked: Keys,
    run_id: UUID,
    judgement: Judgement,
    errand: Errand,
) -> Chunk:
    """Change records that stay, and leave the evidence."""
    changed = change(session, errand.action, live.clocks, due, locked, judgement)
    taken = changed.taken
    count = len(taken.here)
    certificates: dict[str, UUID] = {}
    if count:
        chunk_id = _disposal(session, run_id, count)
        if errand.action == PSEUDONYMISE:
            gone = {subject.name: taken.here} | delete_stubs(session, taken.bare)
            record(session, AuditEvent.FILE_DISPOSED, chunk_id, count=len(taken.bare))
            tell(session, gone)
        certificates = _certify(session, subject, live, taken, chunk_id, run_id, errand)
        forget(session, taken.here)
        proof = evidence_of(session, certificates.values(), awaited=False)
        ledger.intend(Line("intend", chunk_id, redacted=changed.redacted, evidence=proof))
        session.after_commit(lambda: ledger.close("done", [chunk_id]))
    kept = sum(taken.kept.values())
    ids = tuple(certificates.values())
    return Chunk(end, len(locked), changed=count, kept=kept, kept_by=taken.kept_by, certificates=ids)


def _disposal(session: CouncilSession, run_id: UUID, rows: int) -> UUID:
    """Write the row that the erasure ledger is settled against; returns its key."""
    chunk_id = random_id()
    values = {"council_id": session.council_id, "id": chunk_id, "run_id": run_id, "rows": rows}
    session.ask(DISPOSED, {**values, "at": session.clock.now()})
    return chunk_id


def errands_of(session: CouncilSession, subject: Subject) -> list[Errand]:
    """What a sweep is to do in a clocked table, in order. Raises `PolicyMoved`."""
    live = _live(session, session.ask(*_armings(session)))
    return errands(session, subject, {key: live.clocks[key] for key in live.armings})


def due_places(
    session: CouncilSession, subject: Subject, after: Place, limit: int, errand: Errand = DESTROYING
) -> list[Place]:
    """Days and files of the next chunk after `after`, looked at and not locked."""
    live = _live(session, session.ask(*_armings(session)))
    if not live.armings:
        return []
    return next_places(session, due_for(session, subject, errand, live.armings), after, limit)


def _armings(session: CouncilSession) -> Asked:
    """What asks for the armings in force, and locks them against being ended until this chunk is committed.

    By their keys: counting what becomes newly due goes on meanwhile, so that a change and a chunk never wait for each
    other's files and armings.
    """
    return ARMINGS, {"council_id": session.council_id}


def _live(session: CouncilSession, rows: Sequence[Any]) -> _Live:
    """Of the armings in force those of rules in force. Raises `PolicyMoved`."""
    if any(row.adopted != session.policy_hash for row in rows):
        raise PolicyMoved
    by_key = clocks(adopted(session))
    armings = {
        row.record_class: row
        for row in rows
        if row.record_class in by_key and by_key[row.record_class].hash == row.rule_hash
    }
    return _Live(armings, by_key)


def _prove(
    session: CouncilSession,
    subject: Subject,
    ledger: Ledger,
    live: _Live,
    taken: Taken,
    run_id: UUID,
    facade: CouncilFacade | None,
    errand: Errand,
) -> tuple[UUID, ...]:
    """Delete the stubs of which nothing is left, and leave the evidence of all that has gone."""
    gone = {subject.name: taken.here} if taken.here else {}
    emptied = {subject.name: taken.elsewhere} if taken.elsewhere else {}
    if subject is RECORDS:
        gone |= delete_stubs(session, taken.bare)
    total = sum(map(len, gone.values())) + sum(map(len, emptied.values()))
    chunk_id = _disposal(session, run_id, total)
    certificates = _certify(session, subject, live, taken, chunk_id, run_id, errand)
    record(session, AuditEvent.FILE_DISPOSED, chunk_id, count=len(gone.get("client_file", ())))
    tell(session, gone)
    forget(session, taken.elsewhere)
    proof = evidence_of(session, certificates.values(), awaited=bool(emptied))
    ledger.intend(
        Line("intend", chunk_id, gone, emptied, proof, anonymised=errand.action == ANONYMISE and subject is RECORDS)
    )
    session.after_commit(lambda: ledger.close("done", [chunk_id]))
    told = [
        DisposedRecords(facade.slug, key, len(part.here), str(certificates[key]))
        for key, part in sorted(taken.gone.items())
        if facade is not None and part.here
    ]
    if facade is not None and told:
        session.after_commit(lambda: facade.record_disposed(told))
    return tuple(certificates.values())


def _certify(
    session: CouncilSession, subject: Subject, live: _Live, taken: Taken, chunk_id: UUID, run_id: UUID, errand: Errand
) -> dict[str, UUID]:
    """Issue a certificate for each class."""
    return {
        record_class: issue(
            session,
            live.clocks[record_class],
            live.armings[record_class],
            part,
            kept_in=subject.name,
            disposal_id=chunk_id,
            run_id=run_id,
            holds=taken.holds,
            kept=taken.kept.get(record_class, 0),
            extended=kept_by_extensions(session, live.clocks[record_class]) if subject is RECORDS else 0,
            approver=errand.approver,
            action=errand.certified_as,
            method=errand.method or METHODS.get(errand.certified_as),
        )
        for record_class, part in sorted(taken.gone.items())
    }
