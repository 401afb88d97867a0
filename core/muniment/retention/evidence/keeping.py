"""What keeps records or keeps them in, and what people took back, is in the erasure ledger, or a restore forgets it.

A restored database knows nothing of the holds, extensions and restrictions placed after its backup, and takes those for
standing that have ended since; an arming that was taken back is in force again; consents count that were withdrawn,
and agreements with recipients that have ended; nobody is stopped from being given anything; and it runs the policy of
then. Each of these changes is therefore written to the ledger before it is committed, as the rows say it, and put back
after a restore before anything is swept or given. A row of `disposal` tells, as for a chunk, that it was committed.

What it is in doubt about, a restore decides for keeping, and against giving: a hold, an extension, a restriction, a
stop, the end of an agreement or a withdrawal whose commit nobody saw is put back, the end of a hold or of a stop is
not. Without its ledger nothing can be placed, ended or withdrawn.

The words of officers stand in these lines, for a hold without its ground is worth little. They must not outlive the
row: `outdated` names the lines of rows that are gone, and upkeep has the ledger forget them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from muniment.api.errors import NotReady
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE, LIMIT, RECORD
from muniment.clients.locks import LIMIT_AGAIN, tell
from muniment.consent.facts import CONSENT_EVENT
from muniment.consent.restoring import TAKES_BACK, known_events, take_back_again, taken_back
from muniment.database.ids import random_id
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import ArrangementsChanged, ConsentsChanged, FilesChanged, PolicyAdopted
from muniment.retention import locks
from muniment.retention.evidence.copies import Evidence, rows_of, typed
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.tables import Arming, Disposal, Extension, Hold
from muniment.sharing.arrangement_tables import SharingAgreement, SharingStop

__all__ = [
    "keeps_in_doubt",
    "on_arrangements_changed",
    "on_consents_changed",
    "on_files_changed",
    "on_policy_adopted",
    "outdated",
    "put_back_keeping",
    "refuse_missing",
    "remember",
]

AGREEMENT = table_of(SharingAgreement)
ARMING = table_of(Arming)
DISPOSAL = table_of(Disposal)
EXTENSION = table_of(Extension)
HOLD = table_of(Hold)
STOP = table_of(SharingStop)

KEPT: Final = text("insert into disposal (council_id, id, kind, at, rows) values (:council_id, :id, 'keeping', :at, 0)")

POLICY: Final = "policy"
"""The name under which a line holds the hash of an adopted policy; no table's."""

MISSING = (0, 0)
"""The state of a ledger whose file is not there."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Kind:
    """A table of what keeps. `ended` is the column that is null while a row stands; what lets things go (an approval,
    an agreement) keeps by its end. `lost` are columns that are not written again: what they point to was not in the
    backup.
    """

    table: Table
    ended: str
    keeps_by_standing: bool
    placed: Callable[[CouncilSession, Row], None]
    over: Callable[[CouncilSession, Row], None]
    lost: frozenset[str] = frozenset()


def _hold_placed(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.HOLD_PLACED, row["id"], scope=row["scope"], review_on=row["review_on"])


def _hold_released(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.HOLD_RELEASED, row["id"])


def _extended(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.EXTENSION_PLACED, row["file_id"], extension=row["id"], until=row["until"])
    tell(session, [row["file_id"]], "extension")


def _withdrawn(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.EXTENSION_WITHDRAWN, row["file_id"], extension=row["id"])
    tell(session, [row["file_id"]], "extension")


def _limited(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.LIMIT_PLACED, row["file_id"], limit=row["id"], ground=row["ground"])
    tell(session, [row["file_id"]], LIMIT_AGAIN)


def _lifted(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.LIMIT_LIFTED, row["file_id"], limit=row["id"], told_on=row["told_on"])


def _nothing(session: CouncilSession, row: Row) -> None:
    """An arming or agreement of after the backup is written down with its end: nobody need be told that it stood."""


def _disarmed(session: CouncilSession, row: Row) -> None:
    facts = {"record_class": row["record_class"], "because": row["ended_because"]}
    record(session, AuditEvent.RULE_DISARMED, row["id"], **facts)


def _stopped(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.SHARING_STOPPED, row["id"], service=row["service"], recipient=row["recipient"])


def _resumed(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.SHARING_RESUMED, row["id"])


def _agreement_ended(session: CouncilSession, row: Row) -> None:
    record(session, AuditEvent.AGREEMENT_ENDED, row["id"])


KINDS: Final = {
    kind.table.name: kind
    for kind in (
        _Kind(HOLD, "released_at", True, _hold_placed, _hold_released),
        _Kind(EXTENSION, "ended_at", True, _extended, _withdrawn),
        _Kind(LIMIT, "ended_at", True, _limited, _lifted),
        _Kind(ARMING, "ended_at", False, _nothing, _disarmed),
        _Kind(STOP, "ended_on", True, _stopped, _resumed),
        _Kind(AGREEMENT, "ended_because", False, _nothing, _agreement_ended, frozenset({"stored_id"})),
    )
}


def remember(session: CouncilSession, table: Table, keys: Sequence[UUID]) -> None:
    """Have rows that this transaction has placed or ended outlive a restore, as they are now.

    `table` is one of `KINDS`. Raises `NotReady` if the ledger cannot be written: then nothing may be committed.
    """
    if keys:
        _write(session, {table.name: rows_of(session, table, keys, but={"council_id", *KINDS[table.name].lost})})


def on_files_changed(session: CouncilSession, payload: FilesChanged) -> None:
    """Have restrictions and objections that were placed, decided or lifted outlive a restore."""
    if "limit" in payload.what:
        lost = {"council_id", *KINDS[LIMIT.name].lost}
        if limits := rows_of(session, LIMIT, payload.file_ids, "file_id", but=lost):
            _write(session, {LIMIT.name: limits})


def on_consents_changed(session: CouncilSession, payload: ConsentsChanged) -> None:
    """Have it outlive a restore that somebody refused, or took back what they had agreed to."""
    rows = taken_back(session, payload.file_ids) if payload.what & TAKES_BACK and not payload.again else ()
    if rows:
        _write(session, {CONSENT_EVENT.name: rows})


def on_arrangements_changed(session: CouncilSession, payload: ArrangementsChanged) -> None:
    """Have it outlive a restore that an agreement ended, or that a recipient is given nothing."""
    remember(session, KINDS[payload.table].table, payload.ids)


def on_policy_adopted(session: CouncilSession, payload: PolicyAdopted) -> None:
    """Have it outlive a restore that another policy is in force; with a council's first one nothing was armed."""
    if payload.before is not None:
        _write(session, {POLICY: [{"hash": payload.after}]})


def refuse_missing(session: CouncilSession, ledger: Ledger, *, but: UUID | None = None) -> None:
    """Raise `NotReady` if the database knows of lines of the ledger, `but` for one, and there is none at all: its
    folder is not mounted, or another one is. An empty file in its place says that the ledger is lost and that this is
    known."""
    known = select(DISPOSAL.c.id).where(
        DISPOSAL.c.council_id == session.council_id, DISPOSAL.c.id.is_distinct_from(but)
    )
    if ledger.state == MISSING and session.scalar(select(known.exists())):
        raise NotReady(
            f"The erasure ledger {ledger.path} is not there, though records were disposed of or held: mount the folder "
            "that MUNIMENT_LEDGER_DIR must name. Where it is lost for good, docs/runbook.md says what to do.",
            outward="The erasure ledger is not there, though records were disposed of or held: nothing is answered"
            " until the operator has brought it back. The log says where it must be.",
        )


def keeps_in_doubt(line: Line) -> bool:
    """Whether a line whose commit nobody saw is put back after a restore: it only keeps."""
    return line.keeps and all(
        (row[kind.ended] is None) == kind.keeps_by_standing
        for kind in KINDS.values()
        for row in line.evidence.get(kind.table.name, ())
    )


def put_back_keeping(session: CouncilSession, evidence: Evidence) -> int:
    """Put rows back as a line of the ledger has them; returns how many the database did not know so.

    What is about a file or record that the database does not have is left out. Where the line tells of another
    policy than the one in force, every arming ends: its rule was approved under a policy that no longer runs.
    """
    count = 0
    for row in evidence.get(POLICY, ()):
        if row["hash"] != session.policy_hash:
            count += _disarm_all(session)
    for kind in KINDS.values():
        for row in (typed(kind.table, each) for each in evidence.get(kind.table.name, ())):
            if "file_id" not in kind.table.c or _has_its_file(session, row):
                count += _put_back(session, kind, row)
    for each in evidence.get(CONSENT_EVENT.name, ()):
        count += take_back_again(session, typed(CONSENT_EVENT, each) | {"file_id": UUID(each["file_id"])})
    return count


def outdated(session: CouncilSession, ledger: Ledger) -> list[UUID]:
    """The closed lines of what keeps none of whose rows is there any more, or none as a file's.

    The caller holds the council's lock alone, and knows that the ledger tells of nothing that the database has lost.
    """
    rows: dict[UUID, set[UUID]] = {}
    for key, chunk in ledger.chunks().items():
        if chunk.keeps and not chunk.is_open and POLICY not in (evidence := chunk.intent.evidence):
            rows[key] = {UUID(row["id"]) for each in evidence.values() for row in each}
    wanted = list(set().union(*rows.values()))
    there = set(known_events(session, wanted))
    for kind in KINDS.values():
        here = kind.table.c.council_id == session.council_id
        there.update(session.scalars(select(kind.table.c.id).where(here, with_ids(session, wanted)(kind.table))))
    return [key for key, ids in rows.items() if not ids & there]


def _write(session: CouncilSession, evidence: Evidence) -> None:
    """Write a line that counts once this transaction is committed."""
    ledger, key = Ledger(session.ledger_dir, session.council_id), random_id()
    locks.shared(session, (KEPT, {"council_id": session.council_id, "id": key, "at": session.clock.now()}))
    refuse_missing(session, ledger, but=key)
    ledger.intend(Line("intend", key, keeps=True, evidence=evidence))
    session.after_commit(lambda: ledger.close("done", [key]))


def _put_back(session: CouncilSession, kind: _Kind, row: Row) -> bool:
    table = kind.table
    here = (table.c.council_id == session.council_id) & (table.c.id == row["id"])
    known = session.execute(select(table.c[kind.ended].label("ended")).where(here).with_for_update()).one_or_none()
    if known is None:
        session.execute(upsert(table).values(council_id=session.council_id, **row))
        kind.placed(session, row)
    ends = row[kind.ended] is not None and (known is None or known.ended is None)
    if ends and known is not None:
        session.execute(update(table).where(here).values(row))
    if ends:
        kind.over(session, row)
    return known is None or ends


def _has_its_file(session: CouncilSession, row: Row) -> bool:
    mine = select(FILE.c.id).where(FILE.c.council_id == session.council_id, FILE.c.id == row["file_id"])
    if row.get("record_id") is not None:
        of_record = RECORD.c.council_id == session.council_id, RECORD.c.id == row["record_id"]
        mine = mine.join(RECORD, RECORD.c.file_id == FILE.c.id).where(*of_record)
    return session.scalar(select(mine.exists())) is True


def _disarm_all(session: CouncilSession) -> int:
    ended = {"ended_at": session.clock.now(), "ended_because": "restored"}
    in_force = ARMING.c.council_id == session.council_id, ARMING.c.ended_at.is_(None)
    rows = session.execute(update(ARMING).where(*in_force).values(ended).returning(ARMING)).all()
    for row in rows:
        _disarmed(session, dict(row._mapping))
    return len(rows)
