"""One chunk of a sweep: one transaction that disposes of what is due in some files, and proves it.

In this order, read committed: lock some files (or registers) that have something due; *in the next statement*, which
sees all that was committed before the locks, look at what is due in them and judge the holds; delete it, and the stubs
of which nothing is left; write certificates, audit events and the row that the erasure ledger is settled against; last
of all write the keys to the ledger, just before the edge commits. Whoever changes a file or places a hold locks the
same rows first, so nothing is decided on what has changed meanwhile.

`due_on` is an index and no authority: only rows are taken that the rule in force has clocked, and that rule is armed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    update,
)

from muniment.api.retention import HeldQuestion
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE, MILESTONE, PERSON, RECORD
from muniment.database.ids import random_id
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import Erased, erased
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.certificates import merkle_root
from muniment.retention.clock_sql import with_ids
from muniment.retention.compile import DESTROY, Clock, clocks
from muniment.retention.holds import held
from muniment.retention.ledger import Ledger, Line
from muniment.retention.subjects import RECORDS, Subject
from muniment.retention.tables import Arming, Awaiting, Certificate, Disposal, Hold

__all__ = ["BEGINNING", "Chunk", "Miscounted", "Place", "PolicyMoved", "judge_nothing", "sweep_chunk"]

Place = tuple[date, UUID]
"""How far a run has come: the last `due_on` and file (or register) looked at."""

BEGINNING: Place = (date.min, UUID(int=0))

ARMING = table_of(Arming)
AWAITING = table_of(Awaiting)
CERTIFICATE = table_of(Certificate)
DISPOSAL = table_of(Disposal)
HOLD = table_of(Hold)

METHOD = "rows deleted from the database; keys noted for erasure from backups"
METHOD_ELSEWHERE = "row emptied here; destruction elsewhere awaits confirmation"

Judge = Callable[[Sequence[HeldQuestion]], Iterable[int]]
"""Asks the plugins about records that are due; answers with the items to keep."""


class Miscounted(RuntimeError):
    """What was deleted is not what was judged: the chunk is rolled back."""


class PolicyMoved(RuntimeError):
    """Another policy was adopted since the transaction began: the chunk is to be begun anew."""


def judge_nothing(_questions: Sequence[HeldQuestion]) -> tuple[int, ...]:
    """The judge where no plugin judges."""
    return ()


@dataclass(frozen=True)
class Chunk:
    """What a chunk came to; `end` is where the next one begins, None when nothing lies beyond."""

    end: Place | None
    locked: int = 0
    disposed: int = 0
    awaited: int = 0
    kept: int = 0
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


def sweep_chunk(
    session: CouncilSession,
    subject: Subject,
    ledger: Ledger,
    *,
    run_id: UUID,
    after: Place = BEGINNING,
    limit: int,
    judge: Judge = judge_nothing,
    only: UUID | None = None,
) -> Chunk:
    """Dispose of what is due in the next files after `after`; the caller commits at once.

    Looks at up to `limit` pairs of day and file; `only` names a single file to try alone. The day is the session's
    clock's: a record goes when `due_on`, the last day it is kept, is over. Raises `PolicyMoved` and `Miscounted`.
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
    taken = _judged(session, subject, live.due(subject, today), lock_ids, judge)
    certificates = _dispose(session, subject, ledger, live, taken, run_id) if taken.rows else ()
    elsewhere = sum(row.medium != "digital" for row in taken.rows)
    return Chunk(
        places[-1],
        len(lock_ids),
        len(taken.rows) - elsewhere,
        elsewhere,
        sum(taken.kept.values()),
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
    session: CouncilSession, subject: Subject, due: ColumnElement[bool], lock_ids: list[UUID], judge: Judge
) -> _Taken:
    """What is due in the locked files and not held, by anybody."""
    table = subject.table
    columns = (table.c.id, subject.lock_id.label("lock_id"), table.c.record_class, table.c.due_on, table.c.medium)
    in_locked = with_ids(lock_ids, subject.lock_column)(table)
    # Counted after the locks: a hold that comes later waits for them, so where none stands none need be looked up.
    taken = _Taken(
        holds=session.scalar(select(func.count()).select_from(HOLD).where(HOLD.c.released_at.is_(None))) or 0
    )
    if not taken.holds and judge is judge_nothing:
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
    if judge is not judge_nothing:
        kept = set(judge(_questions(session, subject, taken.rows)))
        for item in kept:
            taken.kept[taken.rows[item].record_class] += 1
        taken.rows = [row for item, row in enumerate(taken.rows) if item not in kept]
    return taken


def _questions(session: CouncilSession, subject: Subject, rows: Sequence[Any]) -> list[HeldQuestion]:
    """The records as a plugin's judge sees them."""
    milestones: dict[UUID, dict[str, date]] = defaultdict(dict)
    if subject is RECORDS:
        latest = select(MILESTONE.c.file_id, MILESTONE.c.kind, func.max(MILESTONE.c.happened_on))
        mine = with_ids(list({row.lock_id for row in rows}), "file_id")(MILESTONE)
        grouped = latest.where(mine).group_by(MILESTONE.c.file_id, MILESTONE.c.kind)
        for file_id, kind, day in session.execute(grouped).all():
            milestones[file_id][kind] = day
    return [
        HeldQuestion(
            item=item,
            service=row.record_class.partition("/")[0],
            record_class=row.record_class,
            due_on=row.due_on,
            file=str(row.lock_id),
            milestones=milestones[row.lock_id],
        )
        for item, row in enumerate(rows)
    ]


def _dispose(
    session: CouncilSession, subject: Subject, ledger: Ledger, live: _Live, taken: _Taken, run_id: UUID
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
    _expect(len(here) + len(elsewhere), len(gone.get(subject.name, ())) + len(emptied.get(subject.name, ())))
    if subject is RECORDS:
        gone |= _stubs(session, list({row.lock_id for row in taken.rows}))
    total = sum(map(len, gone.values())) + sum(map(len, emptied.values()))
    session.execute(
        insert(DISPOSAL).values(
            council_id=session.council_id, id=chunk_id, run_id=run_id, kind="sweep", at=session.clock.now(), rows=total
        )
    )
    certificates = _certify(session, subject, live, taken, chunk_id, run_id)
    record(session, AuditEvent.FILE_DISPOSED, chunk_id, count=len(gone.get("client_file", ())))
    tell(session, gone)
    ledger.intend(Line("intend", chunk_id, gone, emptied))
    session.after_commit(lambda: ledger.close("done", [chunk_id]))
    return certificates


def tell(session: CouncilSession, gone: Mapping[str, tuple[UUID, ...]]) -> None:
    """Tell every domain which rows are gone, in this transaction."""
    for table, ids in gone.items():
        if ids:
            erased.send(session, Erased(table, ids))


def delete_rows(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Delete rows of a clocked table; what hangs below goes with them. Returns the keys of those that were there."""
    table = subject.table
    return tuple(session.scalars(delete(table).where(with_ids(ids)(table)).returning(table.c.id)).all())


def empty_rows(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    """Leave nothing of rows but class, medium, location and key: their paper is still to be destroyed."""
    table = subject.table
    for below, column in subject.with_it:
        session.execute(delete(below).where(with_ids(ids, column)(below)))
    nothing = {"state": None, "due_on": None, "action": None, "stage": None, "rule_hash": None, "disposal": "awaiting"}
    blank = {**subject.emptied, subject.collected: session.clock.today(), **nothing}
    emptied = update(table).where(with_ids(ids)(table), table.c.disposal.is_(None)).values(blank)
    return tuple(session.scalars(emptied.returning(table.c.id)).all())


def _stubs(session: CouncilSession, file_ids: Sequence[UUID]) -> dict[str, tuple[UUID, ...]]:
    """Delete the files under which no record is left, and the persons who have no file left.

    Persons are locked before their files are counted: of two sweepers that take a person's last two files, the second
    sees that the first file is gone.
    """
    left = select(RECORD.c.id).where(RECORD.c.council_id == FILE.c.council_id, RECORD.c.file_id == FILE.c.id)
    empty = select(FILE.c.id, FILE.c.person_id).where(with_ids(file_ids)(FILE), ~left.exists())
    stubs = session.execute(empty).all()
    if not stubs:
        return {}
    persons = with_ids(list({row.person_id for row in stubs}))(PERSON)
    session.execute(select(PERSON.c.id).where(persons).order_by(PERSON.c.id).with_for_update())
    files = session.scalars(delete(FILE).where(with_ids([row.id for row in stubs])(FILE)).returning(FILE.c.id)).all()
    _expect(len(stubs), len(files))
    other = select(FILE.c.id).where(FILE.c.council_id == PERSON.c.council_id, FILE.c.person_id == PERSON.c.id)
    gone = session.scalars(delete(PERSON).where(persons, ~other.exists()).returning(PERSON.c.id)).all()
    return {"client_file": tuple(files), "person": tuple(gone)}


def _certify(
    session: CouncilSession, subject: Subject, live: _Live, taken: _Taken, chunk_id: UUID, run_id: UUID
) -> tuple[UUID, ...]:
    """Issue a certificate for each class, and remember what it awaits."""
    now, today = session.clock.now(), session.clock.today()
    by_class: dict[str, list[Any]] = defaultdict(list)
    for row in taken.rows:
        by_class[row.record_class].append(row)
    issued: list[UUID] = []
    for record_class, rows in sorted(by_class.items()):
        clock, arming = live.clocks[record_class], live.armings[record_class]
        elsewhere = [row.id for row in rows if row.medium != "digital"]
        certificate_id, root = random_id(), merkle_root(row.id for row in rows)
        session.execute(
            insert(CERTIFICATE).values(
                council_id=session.council_id,
                id=certificate_id,
                disposal_id=chunk_id,
                run_id=run_id,
                record_class=record_class,
                rule=clock.rule.id if clock.rule else "",
                rule_hash=clock.hash,
                policy_hash=session.policy_hash,
                action=DESTROY,
                disposed=len(rows) - len(elsewhere),
                awaited=len(elsewhere),
                root=root,
                due_from=min(row.due_on for row in rows),
                due_until=max(row.due_on for row in rows),
                arming_id=arming.id,
                armed_kind=arming.armed_kind,
                armed_by=arming.armed_by,
                holds=taken.holds,
                kept=taken.kept.get(record_class, 0),
                method=METHOD_ELSEWHERE if elsewhere else METHOD,
                issued_at=now,
            )
        )
        if elsewhere:
            awaited = {"council_id": session.council_id, "kept_in": subject.name, "since": today}
            session.execute(
                insert(AWAITING), [awaited | {"record_id": key, "certificate_id": certificate_id} for key in elsewhere]
            )
        record(
            session,
            AuditEvent.CERTIFICATE_ISSUED,
            certificate_id,
            record_class=record_class,
            rule_hash=clock.hash,
            disposed=len(rows) - len(elsewhere),
            awaited=len(elsewhere),
            root=root.hex(),
        )
        issued.append(certificate_id)
    return tuple(issued)


def _expect(expected: int, found: int) -> None:
    if expected != found:
        raise Miscounted(f"{found} rows went where {expected} were judged")
