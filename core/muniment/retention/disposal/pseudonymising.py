"""Pseudonymising records: each goes on in a file of its own that names nobody; the key to the client's lies apart.

The record is written anew under a key that tells nothing, with those of its values that name nobody and, in its new
file, the dated events that its rule counts from. What it was goes: the old row, its files, other systems' keys, and
the client's file if that was the last record in it. Nothing that is left names both, but for `pseudonym_key`; the log
of changes tells of the old key alone. Whoever was given a value that goes is to be told; what goes on is not erased
(UK GDPR Art 19).

What lay on paper or in another system too was seen to before (`errands`): what goes on is the record here alone. It
stays personal data (UK GDPR Art 4(5)): it is clocked, held and disposed of like any record. A restore brings back
what it was; the erasure ledger takes the values out of that, and the sweep that follows pseudonymises it again, or
proposes it again where it lies elsewhere too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select

from muniment.api.retention import ATTACHMENTS, When
from muniment.clients.facts import ENROLMENT, FILE, MILESTONE, PERSON, PSEUDONYM_KEY, RECORD
from muniment.database.ids import new_id, random_id
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import ValuesErased, values_erased
from muniment.retention.clocks.current import clock_rows
from muniment.retention.clocks.stages import move_on
from muniment.retention.disposal.erasing import delete_rows, expect
from muniment.retention.evidence.ledger import Redaction
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import ClauseClock, Clock, anchors_of, below
from muniment.retention.subjects import RECORDS
from muniment.retention.tables import Extension

__all__ = ["Read", "left_bare", "pseudonymise", "read_by"]

EXTENSION = table_of(Extension)
COPIED = ("recorded_on", "stage", "reviewed_on", "restricted_on")


@dataclass(frozen=True)
class Read:
    """What a rule reads of a client's file: kinds of milestones, whether the birth, whether programmes."""

    milestones: frozenset[str]
    birth: bool
    programmes: bool


def read_by(clock: Clock) -> Read:
    """What the clauses of a rule read beside the record itself. Pure."""
    anchors = [anchor for entry in clock.clauses for anchor in anchors_of(entry)]
    whens = [when for entry in clock.clauses for top in entry.conditions for when in _all(top)]
    kinds = {anchor.milestone or anchor.event for anchor in anchors if anchor.on is None}
    kinds |= {when.milestone for when in whens} | {when.no_milestone for when in whens}
    kinds |= {"request" for when in whens if when.request}
    programmes = (
        "programme-end" in kinds
        or any(when.in_programme for when in whens)
        or any(cohort.in_programme for cohort in clock.cohorts.values())
        or any(entry.enrolled or entry.enrolled_beside is not None for entry in clock.clauses)
    )
    birth = any(anchor.event == "birth" and anchor.whose == "client" for anchor in anchors)
    return Read(frozenset(kind for kind in kinds if kind is not None), birth, programmes)


def pseudonymise(
    session: CouncilSession, clocks: Mapping[str, Clock], clock: Clock, entry: ClauseClock, keys: Keys
) -> Redaction:
    """Do so with records of locked files, all decided about by one clause; returns what is to be taken out of them if a
    restore brings them back. Raises `Miscounted`."""
    into = clock.key if entry.clause.into is None else f"{clock.key.partition('/')[0]}/{entry.clause.into}"
    if into == clock.key:
        move_on(session, RECORDS, keys)  # with all that the client's file knows
    read, kept = read_by(clocks.get(into, clock)), frozenset(item.name for item in entry.kept)
    in_file = (FILE.c.council_id == RECORD.c.council_id) & (FILE.c.id == RECORD.c.file_id)
    columns = [FILE.c[name] for name in ("service", "source", "generated", "born_on")]
    rows = session.execute(
        select(RECORD, *columns).select_from(RECORD.join(FILE, in_file)).where(with_ids(session, keys)(RECORD))
    ).all()
    expect(len(keys), len(rows))
    council, today = {"council_id": session.council_id}, session.clock.today()
    gone: set[str] = set()
    made: dict[Any, list[dict[str, Any]]] = {PERSON: [], FILE: [], RECORD: [], PSEUDONYM_KEY: []}
    new_files: dict[UUID, list[UUID]] = {}
    for row in sorted(rows, key=lambda _row: random_id()):  # not even in the order of the records before
        person_id, file_id = random_id(), random_id()
        new_files.setdefault(row.file_id, []).append(file_id)
        gone |= row.values.keys() - kept
        made[PERSON].append({**council, "id": person_id})
        made[FILE].append(
            {
                **council, "id": file_id, "person_id": person_id, "service": row.service, "source": row.source,
                "name_key": "", "born_on": row.born_on if read.birth else None, "opened_on": row.recorded_on,
                "generated": row.generated, "pseudonymous": True,
            }
        )  # fmt: skip
        values = {name: value for name, value in row.values.items() if name in kept}
        copied = {name: getattr(row, name) for name in COPIED}
        copied |= {} if into == clock.key else {"stage": None}
        made[RECORD].append(
            {
                **council, **copied, "id": random_id(), "file_id": file_id, "record_class": into, "values": values,
                "medium": "digital",
            }
        )  # fmt: skip
        made[PSEUDONYM_KEY].append({**council, "pseudonym_id": file_id, "file_id": row.file_id, "made_on": today})
    made |= _history(session, read, new_files)
    for table, lines in made.items():
        if lines:
            session.execute(insert(table), lines)
    expect(len(keys), len(delete_rows(session, RECORDS, keys)))
    values_erased.send(session, ValuesErased(Keys.of(new_files)))
    clock_rows(session, RECORDS, with_ids(session, [line["id"] for line in made[RECORD]]))
    return Redaction((*sorted(gone), ATTACHMENTS), keys)


def _history(
    session: CouncilSession, read: Read, new_files: Mapping[UUID, list[UUID]]
) -> dict[Any, list[dict[str, Any]]]:
    """What the rule reads of the clients' files, and what was decided about keeping them longer, for each new file."""
    here = Keys.of(new_files)
    found: dict[Any, list[dict[str, Any]]] = {MILESTONE: [], ENROLMENT: [], EXTENSION: []}
    queries = {
        MILESTONE: select(MILESTONE).where(MILESTONE.c.kind.in_(sorted(read.milestones))),
        ENROLMENT: select(ENROLMENT) if read.programmes else None,
        EXTENSION: select(EXTENSION).where(EXTENSION.c.ended_at.is_(None), EXTENSION.c.record_id.is_(None)),
    }
    for table, query in queries.items():
        if query is None:
            continue
        for row in session.execute(query.where(with_ids(session, here, "file_id")(table))):
            for file_id in new_files[row.file_id]:
                line = {**row._mapping, "file_id": file_id}
                if "id" in line:
                    line["id"] = new_id()
                if table is EXTENSION:
                    line["reason"] = "Decided before the record was pseudonymised."
                found[table].append(line)
    return found


def left_bare(session: CouncilSession, locked: Keys) -> Keys:
    """The locked files in which no record is left."""
    some = select(func.count()).where(RECORD.c.council_id == FILE.c.council_id, RECORD.c.file_id == FILE.c.id)
    bare = select(FILE.c.id).where(with_ids(session, locked)(FILE), some.correlate(FILE).scalar_subquery() == 0)
    return Keys.of(session.scalars(bare))


def _all(when: When) -> Iterator[When]:
    yield when
    for inner in below(when):
        yield from _all(inner)
