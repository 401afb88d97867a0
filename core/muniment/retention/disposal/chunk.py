"""One chunk of a sweep: one transaction that disposes of what is due in some files, and proves it.

In this order, read committed: lock some files (or registers) that have something due; *in the next statement*, which
sees all that was committed before the locks, look at what is due in them and judge the holds; delete it, and the stubs
of which nothing is left; write certificates, audit events and the row that the erasure ledger is settled against; last
of all write the keys to the ledger, just before the edge commits. Whoever changes a file or places a hold locks the
same rows first, so nothing is decided on what has changed meanwhile.

`due_on` is an index and no authority: only rows are taken that the rule in force has clocked, and that rule is armed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Uuid,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    tuple_,
)

from muniment.api.retention import DisposedRecords
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.ids import random_id
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.plugins.facade import CouncilFacade
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.disposal.erasing import delete_rows, delete_stubs, empty_rows, expect, tell
from muniment.retention.evidence.certificates import issue
from muniment.retention.evidence.copies import evidence_of
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.holds.judging import KeptBy, ask
from muniment.retention.holds.placing import held
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import DESTROY, Clock, clocks
from muniment.retention.subjects import RECORDS, Subject
from muniment.retention.tables import Arming, Disposal, Hold

__all__ = ["BEGINNING", "Chunk", "Place", "PolicyMoved", "sweep_chunk"]

Place = tuple[date, UUID]
"""How far a run has come: the last `due_on` and file (or register) looked at."""

BEGINNING: Place = (date.min, UUID(int=0))

ARMING = table_of(Arming)
DISPOSAL = table_of(Disposal)
HOLD = table_of(Hold)


class PolicyMoved(RuntimeError):
    """Another policy was adopted since the transaction began: the chunk is to be begun anew."""


@dataclass(frozen=True)
class Chunk:
    """What a chunk came to; `end` is where the next one begins, None when nothing lies beyond."""

    end: Place | None
    locked: int = 0
    disposed: int = 0
    awaited: int = 0
    kept: int = 0
    kept_by: Mapping[str, KeptBy] = field(default_factory=dict)
    certificates: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class _Live:
    """The classes that may be disposed of: their rule in force is armed."""

    armings: Mapping[str, Any]
    clocks: Mapping[str, Clock]

    def due(self, subject: Subject, today: date) -> ColumnElement[bool]:
        table = subject.table
        pairs = [(key, self.clocks[key].hash) for key in sorted(self.armings)]
        return and_(
            table.c.due_on < today,
            tuple_(table.c.record_class, table.c.rule_hash).in_(pairs),
            table.c.action == DESTROY,
            table.c.disposal.is_(None),
        )


@dataclass
class _Taken:
    """What is to go in this chunk; `holds` stand in the council, and keep so many by class. `deleted` says that the
    digital rows have gone already."""

    holds: int
    deleted: bool = False
    rows: list[Any] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    kept_by: Mapping[str, KeptBy] = field(default_factory=dict)


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
) -> Chunk:
    """Dispose of what is due in the next files after `after`; the caller commits at once.

    Looks at up to `limit` pairs of day and file; `only` names a single file to try alone. Plugins are asked and told
    through `facade`; without one there are none. The day is the session's clock's: a record goes when `due_on`, the
    last day it is kept, is over. Raises `PolicyMoved`, `Miscounted`.
    """
    locks.shared(session)
    live = _live(session)
    if not live.armings:
        return Chunk(None)
    today = session.clock.today()
    places = _lock_due(session, subject, live.due(subject, today), after, limit, only)
    if not places:
        return Chunk(None)
    lock_ids = list({place[1] for place in places})
    taken = _judged(session, subject, live.due(subject, today), lock_ids, facade)
    certificates = _dispose(session, subject, ledger, live, taken, run_id, facade) if taken.rows else ()
    elsewhere = sum(row.medium != "digital" for row in taken.rows)
    return Chunk(
        places[-1],
        len(lock_ids),
        len(taken.rows) - elsewhere,
        elsewhere,
        sum(taken.kept.values()),
        taken.kept_by,
        certificates,
    )


def due_places(session: CouncilSession, subject: Subject, after: Place, limit: int) -> list[Place]:
    """Days and files of the next chunk after `after`, looked at and not locked."""
    live = _live(session)
    if not live.armings:
        return []
    due = live.due(subject, session.clock.today())
    return [(row.due_on, row.lock_id) for row in session.execute(_due(subject, due, after).limit(limit))]


def _live(session: CouncilSession) -> _Live:
    """The armings in force of rules in force, locked against being ended until this chunk is committed."""
    query = select(ARMING, text("(select policy_hash from council where id = arming.council_id) as adopted"))
    rows = session.execute(query.where(ARMING.c.ended_at.is_(None)).with_for_update(read=True)).all()
    if any(row.adopted != session.policy_hash for row in rows):
        raise PolicyMoved
    by_key = clocks(adopted(session))
    armings = {
        row.record_class: row
        for row in rows
        if row.record_class in by_key and by_key[row.record_class].hash == row.rule_hash
    }
    return _Live(armings, by_key)


def _lock_due(
    session: CouncilSession,
    subject: Subject,
    due: ColumnElement[bool],
    after: Place,
    limit: int,
    only: UUID | None,
) -> list[Place]:
    """Lock the next files that have something due, passing over those that somebody else has locked.

    The limit counts locked rows (it stands outside the lock), so that two sweepers share the work; it walks the index
    of what is due, so that a chunk costs a chunk.
    """
    table, lock = subject.table, subject.lock
    key = subject.lock_id
    query = _due(subject, due, after).limit(limit)
    if only:
        query = query.where(key == only)
    if lock is not table:
        query = query.join(lock, and_(lock.c.council_id == table.c.council_id, lock.c.id == key))
    locked = query.with_for_update(key_share=True, skip_locked=True, of=lock).cte("locked")
    places = select(locked.c.due_on, locked.c.lock_id).distinct().order_by(locked.c.due_on, locked.c.lock_id)
    return [(due_on, lock_id) for due_on, lock_id in session.execute(places).all()]


def _due(subject: Subject, due: ColumnElement[bool], after: Place) -> Select[date, UUID]:
    """Days and files in the order of a walk, beyond a place in it."""
    day, key = subject.table.c.due_on, subject.lock_id
    beyond = tuple_(day, key) > tuple_(literal(after[0], Date), literal(after[1], Uuid))
    return select(day, key.label("lock_id")).where(due, beyond).order_by(day, key)


def _judged(
    session: CouncilSession,
    subject: Subject,
    due: ColumnElement[bool],
    lock_ids: list[UUID],
    facade: CouncilFacade | None,
) -> _Taken:
    """What is due in the locked files and not held, by anybody."""
    table = subject.table
    columns = (table.c.id, subject.lock_id.label("lock_id"), table.c.record_class, table.c.due_on, table.c.medium)
    in_locked = with_ids(lock_ids, subject.lock_column)(table)
    # Counted after the locks: a hold that comes later waits for them, so where none stands none need be looked up.
    taken = _Taken(
        holds=session.scalar(select(func.count()).select_from(HOLD).where(HOLD.c.released_at.is_(None))) or 0
    )
    judges = facade if facade is not None and facade.judges_holds else None
    if not taken.holds and judges is None:
        # Nobody can object to any of it, so what lies here is found and deleted by one statement.
        digital = table.c.medium == "digital"
        taken.deleted = True
        taken.rows += session.execute(delete(table).where(in_locked, due, digital).returning(*columns)).all()
        taken.rows += session.execute(select(*columns).where(in_locked, due, ~digital)).all()
        return taken
    for row in session.execute(select(*columns, held(subject, table).label("held")).where(in_locked, due)).all():
        if row.held:
            taken.kept[row.record_class] += 1
        else:
            taken.rows.append(row)
    if judges is not None:
        kept, taken.kept_by = ask(session, judges, subject, taken.rows)
        for item in kept:
            taken.kept[taken.rows[item].record_class] += 1
        taken.rows = [row for item, row in enumerate(taken.rows) if item not in kept]
    return taken


def _dispose(
    session: CouncilSession,
    subject: Subject,
    ledger: Ledger,
    live: _Live,
    taken: _Taken,
    run_id: UUID,
    facade: CouncilFacade | None,
) -> tuple[UUID, ...]:
    """Delete and empty rows, and leave the evidence."""
    chunk_id = random_id()
    gone: dict[str, tuple[UUID, ...]] = {}
    emptied: dict[str, tuple[UUID, ...]] = {}
    here = [row.id for row in taken.rows if row.medium == "digital"]
    elsewhere = [row.id for row in taken.rows if row.medium != "digital"]
    if here:
        gone[subject.name] = tuple(here) if taken.deleted else delete_rows(session, subject, here)
    if elsewhere:
        emptied[subject.name] = empty_rows(session, subject, elsewhere)
    expect(len(here) + len(elsewhere), len(gone.get(subject.name, ())) + len(emptied.get(subject.name, ())))
    if subject is RECORDS:
        gone |= delete_stubs(session, list({row.lock_id for row in taken.rows}))
    total = sum(map(len, gone.values())) + sum(map(len, emptied.values()))
    session.execute(
        insert(DISPOSAL).values(
            council_id=session.council_id, id=chunk_id, run_id=run_id, kind="sweep", at=session.clock.now(), rows=total
        )
    )
    certificates = _certify(session, subject, live, taken, chunk_id, run_id)
    record(session, AuditEvent.FILE_DISPOSED, chunk_id, count=len(gone.get("client_file", ())))
    tell(session, gone)
    proof = evidence_of(session, certificates.values(), awaited=bool(elsewhere))
    ledger.intend(Line("intend", chunk_id, gone, emptied, proof))
    session.after_commit(lambda: ledger.close("done", [chunk_id]))
    if facade is not None and here:
        told = _told(facade, taken, certificates)
        session.after_commit(lambda: facade.record_disposed(told))
    return tuple(certificates.values())


def _certify(
    session: CouncilSession, subject: Subject, live: _Live, taken: _Taken, chunk_id: UUID, run_id: UUID
) -> dict[str, UUID]:
    """Issue a certificate for each class."""
    by_class: dict[str, list[Any]] = defaultdict(list)
    for row in taken.rows:
        by_class[row.record_class].append(row)
    return {
        record_class: issue(
            session,
            live.clocks[record_class],
            live.armings[record_class],
            rows,
            kept_in=subject.name,
            disposal_id=chunk_id,
            run_id=run_id,
            holds=taken.holds,
            kept=taken.kept.get(record_class, 0),
        )
        for record_class, rows in sorted(by_class.items())
    }


def _told(facade: CouncilFacade, taken: _Taken, certificates: Mapping[str, UUID]) -> list[DisposedRecords]:
    """What observers hear: how many records of each class went here, and the certificate."""
    here = Counter(row.record_class for row in taken.rows if row.medium == "digital")
    return [DisposedRecords(facade.slug, key, count, str(certificates[key])) for key, count in sorted(here.items())]
