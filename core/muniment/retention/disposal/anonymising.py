"""Making records anonymous: the records go like any that are destroyed, and counts that point at nobody stay.

What stays is added up for each class, a line for each combination of facts that many share (`rules.anonymity`), and no
line for a record: so there is no key, no day and no order that could lead back. No single line is changed either: all
of the class are written anew, in the order of what they say, in the transaction of each chunk. Otherwise the marks of
the database itself (which transaction wrote a row, where it lies) would tell what a chunk had added, and the chunk's
certificate and its line in the erasure ledger tell whose keys went.

After a restore the records are made anonymous once more before they are erased again: the counts are not lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, case, delete, func, insert, null, select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.retention import BORN_ON, POSTCODE
from muniment.clients.facts import FILE, PERSON, PSEUDONYM_KEY, RECORD
from muniment.database.packed import Keys, packed
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.retention import locks
from muniment.retention.clocks.stages import deciding
from muniment.retention.disposal.tables import AnonymousCount
from muniment.retention.rules.anonymity import Told, anonymous, told
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import ANONYMISE, ClauseClock, Clock, clocks
from muniment.retention.subjects import RECORDS

__all__ = ["AnonymousGroup", "anonymise", "anonymise_again", "statistics"]

COUNT = table_of(AnonymousCount)


class AnonymousGroup(msgspec.Struct, frozen=True):
    """So many records of a class that agree in some facts. `facts` are by name (`year`, `born-on`, `postcode`, or
    `category.field`): null where nothing was stored, absent where too few shared it."""

    record_class: str
    facts: dict[str, str | None]
    records: int

    @property
    def line(self) -> str:
        """The group in one line."""
        said = ", ".join(f"{name} {value or 'not stored'}" for name, value in self.facts.items())
        return f"{self.record_class}: {self.records} records, {said or 'of which nothing more is kept'}"


def anonymise(session: CouncilSession, by_class: Mapping[str, Clock], which: ColumnElement[bool]) -> None:
    """Keep what may be kept of the records that `which` is true of; the caller holds their files and deletes them."""
    grouped = select(RECORD.c.record_class, packed(RECORD.c.id).label("ids")).where(which)
    for row in session.execute(grouped.group_by(RECORD.c.record_class).order_by(RECORD.c.record_class)).all():
        clock = by_class[row.record_class]
        counts: Counter[str] = Counter()
        for entry, keys in deciding(session, clock, RECORDS, Keys(row.ids)):
            if entry.action == ANONYMISE:
                counts += _counts(session, clock, entry, keys)
        if counts:
            _add(session, clock.key, counts)


def anonymise_again(session: CouncilSession, keys: Sequence[UUID]) -> None:
    """The same for records that a restore has brought back, as far as the policy in force makes them anonymous."""
    by_class = clocks(adopted(session)) if session.policy_hash is not None else {}
    known = RECORD.c.record_class.in_(sorted(by_class))
    anonymise(session, by_class, with_ids(session, keys)(RECORD) & known & RECORD.c.disposal.is_(None))


def statistics(session: CouncilSession, caller: Caller, record_class: str | None = None) -> tuple[AnonymousGroup, ...]:
    """What is left of records that were made anonymous, by class, of the services that the caller may see.

    Raises `NotFound` for an unknown class, `Forbidden`.
    """
    services = caller.require_somewhere(Permission.READ_RETENTION)
    query = select(COUNT).where(COUNT.c.council_id == session.council_id)
    if record_class is not None:
        adopted(session).record_class(record_class)
        query = query.where(COUNT.c.record_class == record_class)
    rows = session.execute(query.order_by(COUNT.c.record_class, COUNT.c.records.desc(), COUNT.c.facts))
    return tuple(
        AnonymousGroup(row.record_class, msgspec.json.decode(row.facts), row.records)
        for row in rows
        if services is None or row.record_class.partition("/")[0] in services
    )


def _counts(session: CouncilSession, clock: Clock, entry: ClauseClock, keys: Keys) -> Counter[str]:
    in_file = (FILE.c.council_id == RECORD.c.council_id) & (FILE.c.id == RECORD.c.file_id)
    of_key = (PSEUDONYM_KEY.c.council_id == FILE.c.council_id) & (PSEUDONYM_KEY.c.pseudonym_id == FILE.c.id)
    behind = FILE.alias("behind")
    of_client = (behind.c.council_id == PSEUDONYM_KEY.c.council_id) & (behind.c.id == PSEUDONYM_KEY.c.file_id)
    person_id = func.coalesce(behind.c.person_id, FILE.c.person_id)
    of_person = (PERSON.c.council_id == FILE.c.council_id) & (PERSON.c.id == person_id)
    # Pseudonymised records whose key has gone may all be about one person, and count as such.
    nobody_knows = FILE.c.pseudonymous & behind.c.id.is_(None)
    person = case((nobody_knows, null()), else_=func.coalesce(PERSON.c.same_as, PERSON.c.id))
    about = RECORD.join(FILE, in_file).outerjoin(PSEUDONYM_KEY, of_key).outerjoin(behind, of_client)
    rows = session.execute(
        select(
            person.label("person"),
            RECORD.c.recorded_on,
            RECORD.c["values"].label("stored"),
            FILE.c.born_on,
            FILE.c.postcode,
        )
        .select_from(about.join(PERSON, of_person))
        .where(with_ids(session, keys)(RECORD))
    )
    left = [
        Told(row.person, told(entry.kept, row.recorded_on, row.stored, {BORN_ON: row.born_on, POSTCODE: row.postcode}))
        for row in rows
    ]
    fewest, fewest_sensitive = clock.fewest
    return anonymous(left, entry.kept, fewest=fewest, fewest_sensitive=fewest_sensitive)


def _add(session: CouncilSession, record_class: str, counts: Counter[str]) -> None:
    """Add to what is kept of a class, and write all of it anew in the order of what it says."""
    locks.one_at_a_time(session, f"anonymous {record_class}")
    mine = (COUNT.c.council_id == session.council_id, COUNT.c.record_class == record_class)
    before = session.execute(delete(COUNT).where(*mine).returning(COUNT.c.facts, COUNT.c.records)).all()
    total = counts + Counter({row.facts: row.records for row in before})
    common = {"council_id": session.council_id, "record_class": record_class}
    rows = [{**common, "facts": facts, "records": records} for facts, records in sorted(total.items())]
    session.execute(insert(COUNT), rows)
