"""Actions after which a record stays: it is redacted, kept out of use, or moves to another class and is kept as that.

Each is done once: a record whose rule has stages is then in the next one; of any other rule the clause that was carried
out no longer counts for it, and the rest of the rule decides. What redacting takes away is gone like anything that is
destroyed: it is certified, and the erasure ledger remembers which values of which records to take away again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Date, Text, cast, func, literal, null, select, update
from sqlalchemy import not_ as negate

from muniment.api.retention import ATTACHMENTS
from muniment.clients.attachments import let_go
from muniment.clients.facts import ATTACHMENT, RECORD
from muniment.database.packed import Keys, packed
from muniment.database.session import CouncilSession
from muniment.database.signals import ValuesErased, values_erased
from muniment.retention.clocks.current import clock_rows
from muniment.retention.clocks.stages import deciding, move_on
from muniment.retention.disposal.erasing import expect
from muniment.retention.disposal.pseudonymising import left_bare, pseudonymise
from muniment.retention.disposal.taking import Judgement, Taken
from muniment.retention.evidence.certificates import Disposed
from muniment.retention.evidence.ledger import Redaction
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import (
    ANONYMISE,
    ARCHIVE,
    PSEUDONYMISE,
    REDACT,
    RESTRICT,
    TRANSFER,
    ClauseClock,
    Clock,
)
from muniment.retention.subjects import RECORDS

__all__ = ["METHODS", "Changed", "change", "redact"]

METHODS: Final[Mapping[str, str]] = {
    ARCHIVE: "handed to the archive, which confirmed it; record and package deleted, keys noted for backups",
    ANONYMISE: "record deleted, and its key noted for erasure from backups; counts of what many share kept",
    REDACT: "values deleted from the record, which stays; keys and fields noted for erasure from backups",
    PSEUDONYMISE: "record written anew without what names a person, in a file that names nobody; the old one deleted",
    RESTRICT: "record kept out of use from now on; nothing was destroyed",
    TRANSFER: "record moved to another class of the same service; nothing was destroyed",
}
"""How each is done, in the words of a certificate."""


@dataclass(frozen=True)
class Changed:
    """What was changed, in the form of what has gone, and what of it must be taken away again after a restore."""

    taken: Taken
    redacted: tuple[Redaction, ...]


def change(
    session: CouncilSession,
    action: str,
    clocks: Mapping[str, Clock],
    due: ColumnElement[bool],
    locked: Keys,
    judgement: Judgement,
) -> Changed:
    """Do `action` to the records of the locked files that are due for it and that nobody keeps. Raises `Miscounted`."""
    here = with_ids(session, locked, RECORDS.lock_column)(RECORD)
    found = session.execute(
        select(
            RECORD.c.record_class,
            packed(RECORD.c.id).label("ids"),
            func.min(RECORD.c.due_on).label("first"),
            func.max(RECORD.c.due_on).label("last"),
        )
        .where(here, due, judgement.free)
        .group_by(RECORD.c.record_class)
    ).all()
    kept = session.execute(
        select(RECORD.c.record_class, func.count())
        .where(here, due, negate(judgement.free))
        .group_by(RECORD.c.record_class)
    )
    kept_by_class = {row[0]: row[1] for row in kept}
    gone: dict[str, Disposed] = {}
    redacted: list[Redaction] = []
    for row in found:
        keys, clock = Keys(row.ids), clocks[row.record_class]
        parts = deciding(session, clock, RECORDS, keys)
        expect(len(keys), sum(len(part) for entry, part in parts if entry.action == action))
        for entry, part in parts:
            if action == REDACT:
                redaction = Redaction(entry.clause.redact, part)
                redact(session, redaction)
                redacted.append(redaction)
                move_on(session, RECORDS, part)
            elif action == PSEUDONYMISE:
                redacted.append(pseudonymise(session, clocks, clock, entry, part))
            elif action == RESTRICT:
                _restrict(session, part)
            else:
                _transfer(session, clock, entry, part)
        gone[row.record_class] = Disposed(keys, Keys(), row.first, row.last)
    bare = left_bare(session, locked) if action == PSEUDONYMISE and gone else Keys()
    return Changed(Taken(gone, judgement.holds, kept_by_class, judgement.kept_by, bare), tuple(redacted))


def redact(session: CouncilSession, redaction: Redaction, *, repeated: bool = False) -> int:
    """Take values out of records, and see that no import brings them back; returns how many records there were.

    Files that belong to a record go where `attachments` is named, and stay where it is not. `repeated`: a restore had
    brought the values back.
    """
    if ATTACHMENTS in redaction.fields:
        of_records = with_ids(session, redaction.keys, "record_id")(ATTACHMENT)
        session.execute(update(ATTACHMENT).where(of_records).values(record_id=None))
        let_go(session)
    names = literal([name for name in redaction.fields if name != ATTACHMENTS], ARRAY(Text))
    corrected = func.array(
        select(func.unnest(func.array_cat(RECORD.c.corrected, names)).label("name"))
        .distinct()
        .order_by("name")
        .correlate(RECORD)
        .scalar_subquery()
    )
    blank = {"values": RECORD.c["values"].op("-")(cast(names, ARRAY(Text))), "corrected": corrected}
    mine = update(RECORD).where(with_ids(session, redaction.keys)(RECORD), RECORD.c.disposal.is_(None)).values(blank)
    files: list[UUID] = list(session.scalars(mine.returning(RECORD.c.file_id)))
    values_erased.send(session, ValuesErased(Keys.of(files).distinct(), repeated))
    return len(files)


def _restrict(session: CouncilSession, keys: Keys) -> None:
    """Keep records out of use; a record that is so already keeps its day."""
    today = session.clock.today()
    day = func.coalesce(RECORD.c.restricted_on, literal(today, Date))
    session.execute(update(RECORD).where(with_ids(session, keys)(RECORD)).values(restricted_on=day))
    move_on(session, RECORDS, keys)


def _transfer(session: CouncilSession, clock: Clock, entry: ClauseClock, keys: Keys) -> None:
    """Move records to the class that the clause names: staff's from now on, and clocked under that class's rule."""
    into = f"{clock.key.partition('/')[0]}/{entry.clause.into}"
    moved = {"record_class": into, "stage": null(), "rule_hash": null(), "origin": null()}
    changed = update(RECORD).where(with_ids(session, keys)(RECORD), RECORD.c.disposal.is_(None)).values(moved)
    expect(len(keys), len(session.scalars(changed.returning(RECORD.c.id)).all()))
    clock_rows(session, RECORDS, with_ids(session, keys))
