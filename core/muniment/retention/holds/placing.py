"""Holds: legal reasons not to dispose. They are judged when disposing, so a hold placed during a sweep wins.

A hold on a file, a person or a record locks the files (and the registers that name them) before it is placed: it waits
for a chunk that has them, and the next chunk sees it. A hold on a class, a programme or whatever matches a query takes
the council's lock alone and so waits for all chunks. The answer says what had gone before, and what another system may
be erasing at this moment, so that nobody thinks something held that is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, Select, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import ENROLMENT, FILE, PERSON, PSEUDONYM_KEY, RECORD, REGISTER, REGISTER_ENTRY
from muniment.clients.locks import lock_files
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.defaults.law import HoldGround, law_in_force
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.evidence.keeping import remember
from muniment.retention.holds.meanwhile import gone_meanwhile, under_way_meanwhile
from muniment.retention.holds.query import HoldQuery, check_query, matches
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import RECORDS, SUBJECTS
from muniment.retention.tables import Hold

__all__ = [
    "HoldView",
    "NewHold",
    "Placed",
    "Scope",
    "check_words",
    "grounds",
    "holds",
    "holds_to_review",
    "place_hold",
    "preview_query",
    "release_hold",
]

HOLD = table_of(Hold)
PLACED = HOLD.c.released_at.is_(None)

Scope = Literal["file", "person", "record", "class", "programme", "query"]

MOST_QUERIES = 50
"""Holds by query that may stand at once: each is asked of every record about to go."""


class NewHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A hold to place. `target` is a key for file, person and record (or register), a record class such as
    `SERVICE/CLASS`, or a programme; for the scope `query` it is empty, and `query` says what matches. `basis` is the
    code of the legal ground (`law.toml`, `hold_ground`), `ground` says it in words, without personal data;
    `authoriser` is a role, `review_on` the day on which somebody must look whether it is still needed."""

    scope: Scope
    target: str = ""
    query: HoldQuery | None = None
    basis: str = "other"
    ground: str
    authoriser: str
    review_on: date


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """A hold as it stands; `released_at` is null while it holds."""

    id: UUID
    scope: str
    target: str
    query: HoldQuery | None
    case_id: UUID | None
    basis: str
    ground: str
    authoriser: str
    placed_at: datetime
    review_on: date
    released_at: datetime | None


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A hold now stands. `records` are held by it at this moment, `by_class` how many of each class.

    `gone` counts, by class, what sweeps that are running disposed of before it stood, and `certificates` are the proof
    of that. Both are of the classes that the hold covers: what has gone of one file, one programme or one query cannot
    be told apart from the rest of its class any more. `under_way` counts, by class, what it covers of records emptied
    before that other systems may be erasing at this moment: it does not reach these there.
    """

    id: UUID
    records: int
    by_class: dict[str, int]
    gone: dict[str, int]
    certificates: tuple[UUID, ...]
    under_way: dict[str, int] = {}


def place_hold(session: CouncilSession, caller: Caller, new: NewHold) -> Placed:
    """Place a hold. Raises `NotFound` for a target that is not (or is no longer) there, `InvalidInput`, `Forbidden`."""
    check_words(session, new)
    if (new.scope == "query") != (new.query is not None):
        raise InvalidInput("A query goes with the scope `query`, and with no other.", where="query")
    target_id, target = None, None
    if new.query is not None:
        classes = _lock_matching(session, caller, new.query)
    elif new.scope in ("class", "programme"):
        classes = _lock_many(session, caller, new)
        target = new.target
    else:
        target_id = _key(new.target)
        classes = _lock_few(session, caller, new.scope, target_id)
    hold_id: UUID = session.execute(
        insert(HOLD)
        .values(
            council_id=session.council_id,
            scope=new.scope,
            target_id=target_id,
            target=target,
            query=msgspec.to_builtins(new.query),
            basis=new.basis,
            ground=new.ground,
            authoriser=new.authoriser,
            placed_at=session.clock.now(),
            review_on=new.review_on,
        )
        .returning(HOLD.c.id)
    ).scalar_one()
    record(session, AuditEvent.HOLD_PLACED, hold_id, scope=new.scope, review_on=new.review_on)
    remember(session, HOLD, [hold_id])
    gone, certificates = gone_meanwhile(session, sorted(classes))
    # Of what is emptied, and so of what other systems are asked for, no other hold covers anything.
    reached = None if new.query is None else matches(new.query, RECORDS, RECORD)
    reached = RECORD.c.record_class == new.target if new.scope == "class" else reached
    return Placed(
        id=hold_id, records=sum(classes.values()), by_class=classes, gone=gone, certificates=certificates,
        under_way={} if reached is None else under_way_meanwhile(session, reached),
    )  # fmt: skip


def check_words(session: CouncilSession, new: NewHold) -> None:
    """Raise `InvalidInput` where a hold lacks its words, its ground is not in the list, or its review is over."""
    for where in ("ground", "authoriser"):
        if not getattr(new, where).strip():
            raise InvalidInput(f"A hold needs its {where}.", where=where)
    if new.review_on < session.clock.today():
        raise InvalidInput("The day of review lies in the past.", where="review_on")
    grounds = {ground.id for ground in law_in_force(session.clock.today()).hold_grounds}
    if new.basis not in grounds:
        raise InvalidInput(f"There is no such ground; there are: {', '.join(sorted(grounds))}.", where="basis")


def preview_query(session: CouncilSession, caller: Caller, query: HoldQuery) -> dict[str, int]:
    """How many records match a query now, by class. Raises `NotFound`, `InvalidInput`, `Forbidden`."""
    caller.require(Permission.HOLD_RECORDS, query.service)
    check_query(adopted(session), query)
    return _matching(session, query)


def release_hold(session: CouncilSession, caller: Caller, hold_id: UUID, reason: str) -> None:
    """End a hold. Others on the same records go on. Raises `NotFound`, `Conflict` if it has ended, `Forbidden`."""
    caller.require(Permission.HOLD_RECORDS)
    if not reason.strip():
        raise InvalidInput("Say why the hold ends.", where="reason")
    one = HOLD.c.council_id == session.council_id, HOLD.c.id == hold_id
    found = session.execute(select(HOLD.c.released_at).where(*one).with_for_update()).one_or_none()
    if found is None:
        raise NotFound("There is no such hold.")
    if found.released_at is not None:
        raise Conflict("The hold has been released already.")
    ended = {"released_at": session.clock.now(), "release_reason": reason}
    session.execute(update(HOLD).where(*one).values(ended))
    record(session, AuditEvent.HOLD_RELEASED, hold_id)
    remember(session, HOLD, [hold_id])


def holds(
    session: CouncilSession, caller: Caller, *, after: tuple[datetime, UUID] | None = None, limit: int = 100
) -> tuple[HoldView, ...]:
    """The holds that stand on anything of the services that the caller may see, oldest first; `after` is when one was
    placed and its key, to go on. Raises `Forbidden`."""
    standing = _standing(session, caller)
    standing = standing.order_by(HOLD.c.placed_at, HOLD.c.id).limit(limit)
    if after is not None:
        standing = standing.where(tuple_(HOLD.c.placed_at, HOLD.c.id) > tuple_(*after))
    return tuple(_view(row) for row in session.execute(standing))


def holds_to_review(session: CouncilSession, caller: Caller, limit: int = 1000) -> tuple[HoldView, ...]:
    """Those of `holds` whose day of review has come, the longest due first. Raises `Forbidden`."""
    due = _standing(session, caller).where(HOLD.c.review_on <= session.clock.today())
    return tuple(_view(row) for row in session.execute(due.order_by(HOLD.c.review_on, HOLD.c.id).limit(limit)))


def _standing(session: CouncilSession, caller: Caller) -> Select[Any]:
    """The holds that the caller may see: a programme is of no one service, anything else of that whose data it is."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    standing = select(HOLD).where(HOLD.c.council_id == session.council_id, PLACED)
    if services is None:
        return standing
    mine = sorted(services)

    def one_of(table: FromClause, key: str, service: ColumnElement[str]) -> ColumnElement[bool]:
        here = table.c.council_id == HOLD.c.council_id, table.c[key] == HOLD.c.target_id
        return select(table.c.id).where(*here, service.in_(mine)).exists()

    return standing.where(
        or_(
            HOLD.c.scope == "programme",
            and_(HOLD.c.scope == "class", _service(HOLD.c.target).in_(mine)),
            and_(HOLD.c.scope == "query", HOLD.c.query["service"].astext.in_(mine)),
            one_of(FILE, "id", FILE.c.service),
            one_of(FILE, "person_id", FILE.c.service),
            one_of(RECORD, "id", _service(RECORD.c.record_class)),
            one_of(REGISTER, "id", _service(REGISTER.c.record_class)),
        )
    )


def _service(record_class: ColumnElement[Any]) -> ColumnElement[str]:
    return func.split_part(record_class, "/", 1)


def grounds(session: CouncilSession, caller: Caller) -> tuple[HoldGround, ...]:
    """The legal grounds of today. Raises `Forbidden`."""
    caller.require_somewhere(Permission.READ_RETENTION)
    return law_in_force(session.clock.today()).hold_grounds


def _view(row: Any) -> HoldView:
    return HoldView(
        id=row.id,
        scope=row.scope,
        target=row.target or str(row.target_id or ""),
        query=row.query and msgspec.convert(row.query, HoldQuery),
        case_id=row.case_id,
        basis=row.basis,
        ground=row.ground,
        authoriser=row.authoriser,
        placed_at=row.placed_at,
        review_on=row.review_on,
        released_at=row.released_at,
    )


def _key(target: str) -> UUID:
    try:
        return UUID(target)
    except ValueError:
        raise InvalidInput(
            "This scope needs a key such as 01890a5d-ac96-774b-bcce-b302099a8057.", where="target"
        ) from None


def _lock_many(session: CouncilSession, caller: Caller, new: NewHold) -> dict[str, int]:
    """Wait for every chunk; returns how many records the hold covers, by class."""
    policy = adopted(session)
    if new.scope == "class":
        policy.record_class(new.target)
        caller.require(Permission.HOLD_RECORDS, new.target.partition("/")[0])
        locks.alone(session)
        return _count(session, RECORD, RECORD.c.record_class == new.target) | _count(
            session, REGISTER, REGISTER.c.record_class == new.target
        )
    caller.require(Permission.HOLD_RECORDS)
    locks.alone(session)
    mine = ENROLMENT.c.council_id == session.council_id, ENROLMENT.c.programme == new.target
    files = select(ENROLMENT.c.file_id).where(*mine)
    if not session.scalar(select(files.exists())):
        raise NotFound("Nobody here is or was in a programme of that name.")
    return _count(session, RECORD, RECORD.c.file_id.in_(files))


def _lock_matching(session: CouncilSession, caller: Caller, query: HoldQuery) -> dict[str, int]:
    """Wait for every chunk; returns how many records match, by class."""
    caller.require(Permission.HOLD_RECORDS, query.service)
    check_query(adopted(session), query)
    locks.alone(session)
    here = HOLD.c.council_id == session.council_id
    standing = select(func.count()).where(here, HOLD.c.scope == "query", PLACED)
    if (session.scalar(standing) or 0) >= MOST_QUERIES:
        raise Conflict(
            f"{MOST_QUERIES} holds by query stand already. Release one, or hold what it matches by its keys."
        )
    return _matching(session, query)


def _matching(session: CouncilSession, query: HoldQuery) -> dict[str, int]:
    found: dict[str, int] = {}
    for subject in SUBJECTS:
        found |= _count(session, subject.table, matches(query, subject, subject.table))
    return found


def _lock_few(session: CouncilSession, caller: Caller, scope: Scope, key: UUID) -> dict[str, int]:
    """Lock the files and registers that the hold covers; returns how many records, by class."""
    if scope == "person":
        person = select(PERSON.c.id).where(with_ids(session, [key])(PERSON)).with_for_update(key_share=True)
        session.execute(person)
        files = session.scalars(select(FILE.c.id).where(with_ids(session, [key], "person_id")(FILE))).all()
    elif scope == "file":
        files = [key]
    else:
        one = with_ids(session, [key])(RECORD)
        files = session.scalars(select(RECORD.c.file_id).where(one, RECORD.c.file_id.is_not(None))).all()
    locked = lock_files(session, files)
    if scope != "record":  # what was pseudonymised of them, and cannot become more while they are locked
        under_a_code = (
            PSEUDONYM_KEY.c.council_id == session.council_id,
            with_ids(session, list(locked), "file_id")(PSEUDONYM_KEY),
        )
        locked |= lock_files(session, session.scalars(select(PSEUDONYM_KEY.c.pseudonym_id).where(*under_a_code)).all())
    for service in {file.service for file in locked.values()}:
        caller.require(Permission.HOLD_RECORDS, service)
    register_ids = _lock_registers(session, list(locked), key if scope == "record" else None)
    in_files = with_ids(session, list(locked), "file_id")(RECORD)
    here = and_(in_files, RECORD.c.id == key) if scope == "record" else in_files
    found = _count(session, RECORD, here)
    for record_class, count in _count(session, REGISTER, with_ids(session, register_ids)(REGISTER)).items():
        found[record_class] = found.get(record_class, 0) + count
    if not found and not (locked and scope != "record"):
        raise NotFound("There is nothing of that key to hold: it is unknown, or has been disposed of.")
    return found


def _lock_registers(session: CouncilSession, files: Sequence[UUID], register_id: UUID | None) -> list[UUID]:
    """Lock the registers that name these files (or the one of that key), in the order of their keys."""
    if register_id is not None:
        wanted = with_ids(session, [register_id])(REGISTER)
    else:
        entries = select(REGISTER_ENTRY.c.register_id).where(with_ids(session, files, "file_id")(REGISTER_ENTRY))
        wanted = and_(REGISTER.c.council_id == session.council_id, REGISTER.c.id.in_(entries))
    statement = select(REGISTER.c.id).where(wanted).order_by(REGISTER.c.id).with_for_update(key_share=True)
    return list(session.scalars(statement))


def _count(session: CouncilSession, table: FromClause, which: ColumnElement[bool]) -> dict[str, int]:
    here = table.c.council_id == session.council_id
    grouped = select(table.c.record_class, func.count()).where(here, which, table.c.disposal.is_(None))
    return {row[0]: row[1] for row in session.execute(grouped.group_by(table.c.record_class))}
