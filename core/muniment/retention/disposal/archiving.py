"""To the archive: what is due is packed and offered, and goes when an archivist confirms that they have it.

The sweep packs (under an armed rule) and destroys nothing. A package is outstanding until somebody with the permission
`retention.archive` says that the archive has received it, with its reference there, or refuses it. What was received
goes with the next sweep, with a certificate; a package itself goes when it is answered. What was refused is put before
a reviewer: destroyed if they approve it, kept if they reject it, offered again on the day to which they defer it.

What lies on paper too goes to the archive with the package, which says where it lies: nothing of it is left to destroy.
What another system holds is erased there when the archive has the rest.

A package says what its records were when they were packed. Has one of them changed since, or gone, the package is
replaced: its bytes go at once, and what is still due is packed anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Text, aggregate_order_by, cast, delete, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.text import say
from muniment.audit.events import AuditEvent
from muniment.audit.log import Fact, record
from muniment.clients.facts import ATTACHMENT, RECORD
from muniment.clients.locks import lock_files
from muniment.database.ids import random_id
from muniment.database.packed import Keys, packed
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import Erased
from muniment.files.store import FileStore, remove_files
from muniment.policy.store import adopted
from muniment.retention.approval.proposing import fingerprint, needs_proposing, propose_rows
from muniment.retention.clocks.stages import deciding
from muniment.retention.disposal.packing import contents, parts, written
from muniment.retention.disposal.tables import ArchiveItem, ArchivePackage
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import ARCHIVE, Clock
from muniment.retention.subjects import RECORDS, Subject

__all__ = [
    "Package", "Standing", "has_been_received", "needs_packing", "offer", "on_erased", "packages", "read_package",
    "receive", "refuse",
]  # fmt: skip

ITEM = table_of(ArchiveItem)
PACKAGE = table_of(ArchivePackage)
LONGEST: Final = 2_000

BROKEN: Final = text(
    "select p.id, p.stored_id from archive_package p where p.council_id = :council_id and p.state = 'offered'"
    " and p.records <> (select count(*) from archive_item i where i.council_id = p.council_id and i.package_id = p.id)"
    " order by p.id for update of p"
)

Standing = Literal["offered", "received", "refused", "replaced"]


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package for an archive. `archive` is where it goes, by the rule; `sha256` is over its bytes, in hexadecimal.
    `elsewhere` of its records lie on paper or in another system too, as long as it is offered.

    `answered_on` and `answer` are the day of the archive's answer and its reference, or why it refused.
    """

    id: UUID
    record_class: str
    archive: str
    records: int
    elsewhere: int
    sha256: str
    state: Standing
    offered_at: datetime
    answered_on: date | None
    answer: str | None

    @property
    def line(self) -> str:
        """The package in one line."""
        answered = f" {self.answered_on}: {self.answer}" if self.answered_on else ""
        too = f", {self.elsewhere} of them on paper or in another system too" if self.elsewhere else ""
        return f"{self.id} {self.record_class}, {self.records} records for {self.archive}{too}: {self.state}{answered}"


def needs_packing(subject: Subject, today: date) -> ColumnElement[bool]:
    """Whether a record lies in no package as it is now, and nothing stands in the review queue about it."""
    lies_in_none: ColumnElement[bool] = ~_in_package(subject).exists()
    return lies_in_none & needs_proposing(subject, today)


def has_been_received(subject: Subject, _today: date) -> ColumnElement[bool]:
    """Whether the archive has a record as it is now."""
    received: ColumnElement[bool] = _in_package(subject, "received").exists()
    return received


def offer(session: CouncilSession, store: FileStore, by_class: Mapping[str, Clock], which: ColumnElement[bool]) -> int:
    """Pack the records that `which` is true of, and offer them; the caller holds their files. Returns how many."""
    policy, count = adopted(session), 0
    grouped = (
        select(RECORD.c.record_class, packed(RECORD.c.id).label("ids")).where(which).group_by(RECORD.c.record_class)
    )
    for row in session.execute(grouped.order_by(RECORD.c.record_class)).all():
        clock = by_class[row.record_class]
        for entry, keys in deciding(session, clock, RECORDS, Keys(row.ids)):
            if entry.action != ARCHIVE:
                continue
            archive = entry.clause.into or "the archive"
            title = say(clock.record_class.title, "en") if clock.record_class else clock.key
            about = {"council": policy.council.slug, "record_class": clock.key, "title": title, "archive": archive}
            for part in parts(contents(session, keys)):
                package_id, digest = random_id(), _Digest()
                told = {**about, "package": package_id, "offered_on": session.clock.today()}
                stored_id = store.store(session, digest.over(written(session, store, part, told)), "application/zip")
                values = {
                    "council_id": session.council_id,
                    "id": package_id,
                    "record_class": clock.key,
                    "archive": archive,
                }
                values |= {"records": len(part), "sha256": digest.value, "stored_id": stored_id}
                session.execute(insert(PACKAGE).values(offered_at=session.clock.now(), **values))
                _put_in(session, package_id, Keys.of(item.id for item in part))
                told_of: dict[str, Fact] = {
                    "record_class": clock.key,
                    "records": len(part),
                    "content": digest.value.hex(),
                }
                record(session, AuditEvent.PACKAGE_OFFERED, package_id, **told_of)
                count += len(part)
    _replace_broken(session)
    return count


def packages(
    session: CouncilSession,
    caller: Caller,
    *,
    standing: Standing | None = "offered",
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> tuple[Package, ...]:
    """Packages in a state (or all), the longest offered first, of the services that the caller may see.

    `after` is when one was offered and its key, to go on. Raises `Forbidden`.
    """
    services = caller.require_somewhere(Permission.READ_RETENTION)
    elsewhere = (
        select(func.count())
        .select_from(ITEM.join(RECORD, (RECORD.c.council_id == ITEM.c.council_id) & (RECORD.c.id == ITEM.c.record_id)))
        .where(ITEM.c.council_id == PACKAGE.c.council_id, ITEM.c.package_id == PACKAGE.c.id, ~RECORDS.lies_here_alone)
        .scalar_subquery()
    )
    query = select(PACKAGE, elsewhere.label("elsewhere")).where(PACKAGE.c.council_id == session.council_id)
    query = query.order_by(PACKAGE.c.offered_at, PACKAGE.c.id).limit(limit)
    if standing is not None:
        query = query.where(PACKAGE.c.state == standing)
    if services is not None:
        query = query.where(func.split_part(PACKAGE.c.record_class, "/", 1).in_(sorted(services)))
    if after is not None:
        query = query.where(tuple_(PACKAGE.c.offered_at, PACKAGE.c.id) > tuple_(*after))
    return tuple(_view(row) for row in session.execute(query))


def read_package(session: CouncilSession, caller: Caller, store: FileStore, package_id: UUID) -> Iterator[bytes]:
    """The bytes of a package that is outstanding. Reading it is an audit event.

    Raises `NotFound`, `Forbidden`, `Conflict` if it was answered, `FileDamaged`.
    """
    row = _open(session, caller, package_id)
    record(session, AuditEvent.PACKAGE_READ, package_id, records=row.records)
    return store.read(session, row.stored_id)


def receive(session: CouncilSession, caller: Caller, package_id: UUID, *, reference: str, received_on: date) -> None:
    """The archive has a package, under its `reference` there: the next sweep destroys the records in it.

    Raises `NotFound`, `Forbidden`, `Conflict` if it was answered, `InvalidInput`.
    """
    _check(reference, "reference", "Give the reference under which the archive holds it.")
    if received_on > session.clock.today():
        raise InvalidInput("The day lies in the future.", where="received_on")
    row = _open(session, caller, package_id)
    _answer(session, row, "received", received_on, reference.strip())
    record(session, AuditEvent.PACKAGE_RECEIVED, package_id, records=row.records, on=received_on)


def refuse(session: CouncilSession, caller: Caller, package_id: UUID, *, reason: str) -> int:
    """The archive does not want a package: its records are proposed to a reviewer, who is not the caller.

    Returns how many. Raises `NotFound`, `Forbidden`, `Conflict` if it was answered, `InvalidInput`.
    """
    _check(reason, "reason", "Say why the archive refuses it.")
    _open(session, caller, package_id, lock=False)
    packed_in = (RECORD.c.council_id == session.council_id, RECORD.c.id.in_(_items_of(session, package_id)))
    lock_files(session, set(session.scalars(select(RECORD.c.file_id).where(*packed_in, RECORD.c.file_id.is_not(None)))))
    row = _open(session, caller, package_id)
    ids = Keys.of(session.scalars(_items_of(session, package_id)))
    session.execute(delete(ITEM).where(with_ids(session, [package_id], "package_id")(ITEM)))
    _answer(session, row, "refused", session.clock.today(), reason.strip())
    record(session, AuditEvent.PACKAGE_REFUSED, package_id, records=len(ids))
    due = with_ids(session, ids)(RECORD) & (RECORD.c.action == ARCHIVE) & RECORD.c.disposal.is_(None)
    return len(propose_rows(session, RECORDS, due, caller.actor))


def on_erased(session: CouncilSession, payload: Erased) -> None:
    """Records are gone for good: a package that still has them must not be kept."""
    if payload.table == RECORD.name:
        _replace_broken(session)


def _packed_as(subject: Subject) -> ColumnElement[str]:
    """A digest over a record as it is packed: what a decision about it rests on, and its files."""
    table = subject.table
    files = select(aggregate_order_by(func.jsonb_agg(ATTACHMENT.c.id), ATTACHMENT.c.id)).where(
        ATTACHMENT.c.council_id == table.c.council_id, ATTACHMENT.c.record_id == table.c.id
    )
    said = cast(func.jsonb_build_array(fingerprint(subject), files.correlate(table).scalar_subquery()), Text)
    return func.encode(func.sha256(func.convert_to(said, "UTF8")), "hex", type_=Text)


def _in_package(subject: Subject, *states: Standing) -> Any:
    table = subject.table
    found = select(ITEM.c.record_id).where(
        ITEM.c.council_id == table.c.council_id,
        ITEM.c.record_id == table.c.id,
        ITEM.c.fingerprint == _packed_as(subject),
    )
    if states:
        mine = (PACKAGE.c.council_id == ITEM.c.council_id) & (PACKAGE.c.id == ITEM.c.package_id)
        found = found.join(PACKAGE, mine).where(PACKAGE.c.state.in_(states))
    return found.correlate(table)


def _put_in(session: CouncilSession, package_id: UUID, keys: Keys) -> None:
    """Note what lies in a package, and in no other any more."""
    rows = select(RECORD.c.council_id, RECORD.c.id, cast(str(package_id), ITEM.c.package_id.type), _packed_as(RECORDS))
    names = ("council_id", "record_id", "package_id", "fingerprint")
    added = upsert(ITEM).from_select(names, rows.where(with_ids(session, keys)(RECORD)))
    renewed = {name: added.excluded[name] for name in names[2:]}
    session.execute(added.on_conflict_do_update(index_elements=["council_id", "record_id"], set_=renewed))


def _replace_broken(session: CouncilSession) -> None:
    """Packages that are outstanding and have lost a record: their bytes go, and what is left in them is packed anew."""
    found = session.ask(BROKEN, {"council_id": session.council_id})
    if found:
        these = [row.id for row in found]
        session.execute(delete(ITEM).where(with_ids(session, these, "package_id")(ITEM)))
        session.execute(
            update(PACKAGE).where(with_ids(session, these)(PACKAGE)).values(state="replaced", stored_id=None)
        )
        remove_files(session, [row.stored_id for row in found])


def _items_of(session: CouncilSession, package_id: UUID) -> Any:
    here = (ITEM.c.council_id == session.council_id, ITEM.c.package_id == package_id)
    return select(ITEM.c.record_id).where(*here).order_by(ITEM.c.record_id)


def _open(session: CouncilSession, caller: Caller, package_id: UUID, *, lock: bool = True) -> Any:
    """A package that is outstanding, locked, for somebody who may answer for the archive."""
    caller.require_somewhere(Permission.ARCHIVE_RECORDS)
    query = select(PACKAGE).where(PACKAGE.c.council_id == session.council_id, PACKAGE.c.id == package_id)
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or not caller.allows(Permission.ARCHIVE_RECORDS, row.record_class.partition("/")[0]):
        raise NotFound("There is no such package.")
    if row.state != "offered":
        raise Conflict(f"This package is not outstanding any more: it was {row.state}.", code="package-answered")
    return row


def _answer(session: CouncilSession, row: Any, state: Standing, day: date, words: str) -> None:
    answered = {"state": state, "answered_on": day, "answer": words, "stored_id": None}
    session.execute(update(PACKAGE).where(with_ids(session, [row.id])(PACKAGE)).values(answered))
    remove_files(session, [row.stored_id])


def _check(words: str, where: str, message: str) -> None:
    if not words.strip():
        raise InvalidInput(message, where=where)
    if len(words) > LONGEST:
        raise InvalidInput(f"At most {LONGEST} characters.", where=where)


def _view(row: Any) -> Package:
    found = {name: getattr(row, name) for name in Package.__struct_fields__}
    return Package(**{**found, "sha256": row.sha256.hex()})


class _Digest:
    """SHA-256 over bytes that pass by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def over(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._hash.update(piece)
            yield piece

    @property
    def value(self) -> bytes:
        return self._hash.digest()
