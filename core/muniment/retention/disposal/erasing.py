"""Rows that go, and what goes with them: what hangs below, the stub of a file, the key of a person.

The caller has locked the files (or registers) and answers for the evidence; here it is only counted that what went is
what was judged. Keys stay packed: of a row that goes nothing else is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import CTE, Delete, Table, Update, delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.attachments import let_go
from muniment.clients.facts import FILE, PERSON, RECORD
from muniment.database.packed import Keys, packed
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import Erased, erased
from muniment.retention.deliveries import Delivery
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import Subject

__all__ = [
    "DELIVER", "Miscounted", "delete_keys", "delete_rows", "delete_stubs", "empty_rows", "expect", "let_go_of_paper",
    "let_go_of_system", "tell",
]  # fmt: skip

DELIVERY = table_of(Delivery)

CLOCK = ("state", "due_on", "action", "stage", "rule_hash", "review_on", "reviewed_on")
"""What a clock writes: it stands still when a row has been emptied."""

DELETE_FILES = text(
    "with gone as (delete from client_file where council_id = :council_id and id = any(:keys) returning id, person_id)"
    " select count(*) as files, coalesce(string_agg(uuid_send(id), ''), '') as keys,"
    " coalesce(string_agg(uuid_send(person_id), ''), '') as persons from gone"
)
LOCK_PERSONS = text(
    "with locked as (select id from person where council_id = :council_id and id = any(:keys) order by id for update)"
    " select count(*) from locked"
)
DELETE_PERSONS = text(
    "with gone as (delete from person p where p.council_id = :council_id and p.id = any(:keys) and not exists ("
    " select from client_file f where f.council_id = p.council_id and f.person_id = p.id) returning p.id)"
    " select coalesce(string_agg(uuid_send(id), ''), '') as keys from gone"
)

DELIVER = "retention.deliver"
"""The actor that asks other systems to erase; it takes the council's key."""


class Miscounted(RuntimeError):
    """What was deleted is not what was judged: the chunk is rolled back."""


def expect(expected: int, found: int) -> None:
    """Raises `Miscounted` unless as many rows went as were judged."""
    if expected != found:
        raise Miscounted(f"{found} rows went where {expected} were judged")


def tell(session: CouncilSession, gone: Mapping[str, Keys]) -> None:
    """Tell every domain which rows are gone, in this transaction."""
    for table, keys in gone.items():
        if keys:
            erased.send(session, Erased(table, keys))


def delete_rows(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> Keys:
    """Delete rows of a clocked table; what hangs below goes with them. Returns the keys of those that were there."""
    return delete_keys(session, subject.table, ids)


def delete_keys(session: CouncilSession, table: Table, ids: Sequence[UUID]) -> Keys:
    """Delete rows of any table by key. Returns the keys of those that were there."""
    return _keys_of(session, delete(table).where(with_ids(session, ids)(table)), table)


def empty_rows(session: CouncilSession, subject: Subject, ids: Sequence[UUID]) -> Keys:
    """Leave nothing of rows but class, medium, location and keys: they are still to be destroyed elsewhere.

    A system that knows a row by a key is asked to erase it: the request is written here, in the same transaction.
    """
    table = subject.table
    for below, column in subject.with_it:
        session.execute(delete(below).where(with_ids(session, ids, column)(below)))
    blank = {
        **dict.fromkeys(CLOCK),
        **subject.emptied,
        subject.collected: session.clock.today(),
        "disposal": "awaiting",
    }
    emptied = _keys_of(
        session, update(table).where(with_ids(session, ids)(table), table.c.disposal.is_(None)).values(blank), table
    )
    for below, column in subject.let_go:
        session.execute(update(below).where(with_ids(session, ids, column)(below)).values({column: None}))
    if subject.let_go:
        let_go(session)
    if subject.has_system and emptied:
        _ask_systems(session, table, emptied)
    return emptied


def _ask_systems(session: CouncilSession, table: Table, ids: Keys) -> None:
    """Write down which of the emptied rows another system is to erase, and wake the worker that asks it."""
    service = func.split_part(table.c.record_class, "/", 1)
    since, due_at = session.clock.now(), datetime.now(UTC)
    wanted = select(
        table.c.council_id,
        table.c.id,
        service.concat("/").concat(table.c.system),
        table.c.record_class,
        literal(since),
        literal(due_at),
    ).where(with_ids(session, ids)(table), table.c.system.is_not(None))
    columns = ("council_id", "record_id", "system", "record_class", "since", "due_at")
    asked = upsert(DELIVERY).from_select(columns, wanted).on_conflict_do_nothing().returning(DELIVERY.c.record_id)
    if session.execute(asked).first() is not None:
        session.ring(DELIVER, (session.council_id,))


def let_go_of_system(session: CouncilSession, ids: Keys, system: str) -> Keys:
    """Have those of the locked, emptied records that lie on paper too wait for whoever destroys the paper: `system` has
    erased them and is asked no more. Nothing of them counts as destroyed yet. Returns their keys."""
    on_paper = update(RECORD).where(with_ids(session, ids)(RECORD), RECORD.c.medium == "paper")
    kept = _keys_of(session, on_paper.values(system=None, external_key=None), RECORD)
    if kept:
        session.execute(delete(DELIVERY).where(with_ids(session, kept, "record_id")(DELIVERY)))
        record_many(session, AuditEvent.DELIVERY_DONE, kept, system=system)
    return kept


def let_go_of_paper(session: CouncilSession, ids: Keys) -> None:
    """Have those of the locked, emptied records whose paper is destroyed wait for their systems alone."""
    on_paper = RECORD.c.medium == "paper", RECORD.c.disposal == "awaiting", RECORD.c.system.is_not(None)
    mine = update(RECORD).where(with_ids(session, ids)(RECORD), *on_paper)
    session.execute(mine.values(medium="other-system", location=None))


def delete_stubs(session: CouncilSession, file_ids: Sequence[UUID]) -> dict[str, Keys]:
    """Delete files under which no record is left, and the persons who have no file left.

    Persons are locked before their files are counted: of two sweepers that take a person's last two files, the second
    sees that the first file is gone. Raises `Miscounted`; a file that does hold a record is kept by its foreign key,
    which raises too.
    """
    if not file_ids:
        return {}
    here = {"council_id": session.council_id}
    [gone] = session.ask(DELETE_FILES, here | {"keys": Keys.of(file_ids)})
    expect(len(file_ids), gone.files)
    persons = here | {"keys": Keys(gone.persons)}
    _, [last] = session.ask_together((LOCK_PERSONS, persons), (DELETE_PERSONS, persons))
    return {FILE.name: Keys(gone.keys), PERSON.name: Keys(last.keys)}


def _keys_of(session: CouncilSession, change: Delete | Update, table: Table) -> Keys:
    """Run a statement that changes rows; the keys of those that it changed."""
    changed: CTE = change.returning(table.c.id).cte("changed")
    return Keys(session.execute(select(packed(changed.c.id))).scalar_one())
