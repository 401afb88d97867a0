"""What the erasure ledger is for: closing what a crash left open, and erasing again what a restore brought back.

A chunk that was intended and neither done nor void is settled against the database: is its row there, it was committed.
Settling takes the council's lock alone, so that no chunk is under way whose commit it could miss.

A chunk that is done in the ledger and unknown to the database was committed after the backup from which the database
was restored: it is applied again, by key, in the order of the ledger. One that was never settled is not. Until all that
is done, and until every council has been swept since, the deployment is not ready. A damaged ledger tells neither: it
is settled and applied only once it has been restored from its copy.

Whoever was given what is erased again was told of it before (UK GDPR Art 19), or was still to be told: the database no
longer knows which. So they are listed to be told, once more, and the list says that it is once more.

What keeps records (`evidence.keeping`) is put back in the same way and in the same order, so before any sweep. Where
the database is a restored one, a line of it that was never settled counts: in doubt the records stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, insert, select, text

from muniment.api.errors import NotReady
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE, PERSON, RECORD
from muniment.database.packed import Keys, packed
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession, Database
from muniment.database.signals import ValuesErased, values_erased
from muniment.retention import locks
from muniment.retention.disposal.anonymising import anonymise_again
from muniment.retention.disposal.changing import redact
from muniment.retention.disposal.erasing import delete_keys, delete_rows, empty_rows, let_go_of_paper, tell
from muniment.retention.disposal.outcomes import forget_searches
from muniment.retention.disposal.sweep import want_run
from muniment.retention.evidence.copies import put_back
from muniment.retention.evidence.keeping import keeps_in_doubt, outdated, put_back_keeping, refuse_missing
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import SUBJECTS
from muniment.retention.tables import Awaiting, Disposal, SweepRun

__all__ = ["Repeated", "RestoreCheck", "apply_again", "forget_outdated", "forgotten", "recover", "settle", "unswept"]

AWAITING = table_of(Awaiting)
DISPOSAL = table_of(Disposal)
RUN = table_of(SweepRun)
RESTORE = Actor("system", None, "retention.restore")

AGAIN: Final[Mapping[str, Callable[[CouncilSession, Keys], None]]] = {
    "still-needed": forget_searches,
    "paper-destroyed": let_go_of_paper,
}
"""What is done once more to things that stayed outstanding, by what was noted of them. A search that was noted since
the backup is not: somebody looks again."""


class Repeated(msgspec.Struct, frozen=True):
    """What a restore had brought back: chunks of the ledger, the rows of theirs that were there, and the certificates
    that were written again. A row made after the backup was not there. `kept` are holds, extensions, restrictions,
    armings, withdrawals, stops and agreements that the database did not know as they were."""

    chunks: int = 0
    rows: int = 0
    certificates: int = 0
    kept: int = 0

    def __add__(self, other: Repeated) -> Repeated:
        return Repeated(
            self.chunks + other.chunks,
            self.rows + other.rows,
            self.certificates + other.certificates,
            self.kept + other.kept,
        )


def settle(session: CouncilSession, ledger: Ledger) -> int:
    """Close what crashes left open; returns how many chunks. Waits for all chunks of the council under way.

    Raises `NotReady` if the ledger is damaged or missing.
    """
    locks.alone(session)
    refuse_missing(session, ledger)
    chunks = ledger.chunks()
    known = _known(session, list(chunks))
    is_restored = any("done" in chunk.steps and key not in known for key, chunk in chunks.items())
    waiting = {key: chunk for key, chunk in chunks.items() if chunk.is_open}
    done = {
        key
        for key, chunk in waiting.items()
        if key in known or (is_restored and chunk.keeps and keeps_in_doubt(chunk.intent))
    }
    ledger.close("done", (key for key in waiting if key in done))
    ledger.close("void", (key for key in waiting if key not in done))
    return len(waiting)


def forgotten(session: CouncilSession, ledger: Ledger) -> list[Line]:
    """What is done in the ledger and unknown to the database, in the order in which it was done."""
    done = {key: chunk for key, chunk in ledger.chunks().items() if "done" in chunk.steps}
    known = _known(session, list(done))
    return [chunk.intent for key, chunk in done.items() if key not in known]


def apply_again(session: CouncilSession, ledger: Ledger) -> Repeated:
    """Erase again what a restore brought back, and write its evidence again. Safe to repeat or to kill."""
    locks.alone(session)
    total = Repeated()
    for line in forgotten(session, ledger):
        total += _repeat(session, line)
    return total


def recover(session: CouncilSession, ledger: Ledger) -> Repeated:
    """Close what crashes left open, erase again what a restore brought back, and have the council swept after that."""
    settle(session, ledger)
    repeated = apply_again(session, ledger)
    if unswept(session):
        want_run(session)
    return repeated


def forget_outdated(session: CouncilSession, ledger: Ledger) -> int:
    """Take out of the ledger what it says of what keeps and is gone; returns how many lines.

    Nothing is taken out while the ledger tells of anything that the database has lost.
    """
    locks.alone(session)
    refuse_missing(session, ledger)
    chunks = [] if forgotten(session, ledger) else outdated(session, ledger)
    ledger.forget(chunks)
    return len(chunks)


def unswept(session: CouncilSession) -> bool:
    """Whether no sweep was begun and finished since an erasure was last repeated."""
    repeated = DISPOSAL.c.council_id == session.council_id, DISPOSAL.c.kind == "restore"
    last = session.scalar(select(func.max(DISPOSAL.c.at)).where(*repeated))
    if last is None or session.policy_hash is None:  # without a policy nothing can be due
        return False
    done = RUN.c.council_id == session.council_id, RUN.c.state == "done"
    swept = select(RUN.c.id).where(*done, RUN.c.started_at >= last)
    return not session.scalar(select(swept.exists()))


class RestoreCheck:
    """Whether councils may be served: nothing erased may be back. A readiness check; quick when nothing changed."""

    def __init__(self, database: Database, ledger_dir: Path) -> None:
        self._database, self._folder = database, ledger_dir
        self._passed: dict[UUID, tuple[int, int]] = {}

    def __call__(self) -> None:
        """Ask of every council what `council` asks of one. Raises `NotReady`."""
        with self._database.platform() as session:
            councils = session.execute(text("select id, slug from council order by slug")).all()
        for council in councils:
            self.council(council.id, council.slug)

    def council(self, council_id: UUID, slug: str) -> None:
        """Raise `NotReady` while something erased is back, or the council was not swept since that was undone; and
        where its ledger is damaged, since nobody then knows what was erased."""
        ledger = Ledger(self._folder, council_id)
        state = ledger.state
        if self._passed.get(council_id) == state:
            return
        with self._database.council(council_id, RESTORE) as session:
            refuse_missing(session, ledger)
            if forgotten(session, ledger):
                raise NotReady(
                    f"The database of {slug} was restored from a backup and does not know who was erased or held "
                    "since. The workers erase and hold them again; `muniment db restored` does it at once."
                )
            if unswept(session):
                raise NotReady(
                    f"{slug} must be swept once since its database was restored from a backup. The workers will do it; "
                    "`muniment db restored` does it at once."
                )
        self._passed[council_id] = state


def _repeat(session: CouncilSession, line: Line) -> Repeated:
    if line.anonymised:
        anonymise_again(session, Keys.joined([*line.gone.values(), *line.emptied.values()]))
    files = _files_of(session, line)
    # What is emptied lets go of its file, and must have done so before the file goes.
    emptied = sum(
        len(empty_rows(session, subject, line.emptied[subject.name]))
        for subject in SUBJECTS
        if subject.name in line.emptied
    )
    gone = {
        subject.name: delete_rows(session, subject, line.gone[subject.name])
        for subject in SUBJECTS
        if subject.name in line.gone
    }
    if files:
        values_erased.send(session, ValuesErased(files, repeated=True))
    gone |= _delete_above(session, line.gone)
    kept = put_back_keeping(session, line.evidence) if line.keeps else 0
    for became in AGAIN.keys() & line.noted.keys():
        AGAIN[became](session, line.noted[became])
    redacted = sum(redact(session, redaction, repeated=True) for redaction in line.redacted)
    rows = sum(map(len, gone.values())) + emptied + redacted
    session.execute(
        insert(DISPOSAL).values(
            council_id=session.council_id, id=line.chunk, kind="restore", at=session.clock.now(), rows=rows
        )
    )
    if not line.keeps:
        record(session, AuditEvent.ERASURE_REPEATED, line.chunk, rows=rows)
    certificates = put_back(session, line.chunk, line.evidence)
    tell(session, gone)
    return Repeated(1, rows, certificates, kept)


def _known(session: CouncilSession, chunks: Sequence[UUID]) -> frozenset[UUID]:
    here = DISPOSAL.c.council_id == session.council_id
    return frozenset(session.scalars(select(DISPOSAL.c.id).where(here, with_ids(session, chunks)(DISPOSAL))))


def _files_of(session: CouncilSession, line: Line) -> Keys:
    """The client files of the records that a line erases, as far as the restored database has them."""
    records = Keys.joined(keys[RECORD.name] for keys in (line.gone, line.emptied) if RECORD.name in keys)
    if not records:
        return Keys()
    of_file = with_ids(session, records)(RECORD), RECORD.c.file_id.is_not(None)
    return Keys(session.scalars(select(packed(RECORD.c.file_id)).where(*of_file)).one()).distinct()


def _delete_above(session: CouncilSession, keys: Mapping[str, Keys]) -> dict[str, Keys]:
    """Delete the files above records that are gone, and the persons above files.

    A file or person that something else hangs from, as the restored database has it, is left to the sweep.
    """
    gone: dict[str, Keys] = {}
    for table, below in ((FILE, RECORD.c.file_id), (PERSON, FILE.c.person_id)):
        if table.name in keys:
            left = select(below).where(below.table.c.council_id == table.c.council_id, below == table.c.id)
            free = select(table.c.id).where(with_ids(session, keys[table.name])(table), ~left.exists())
            gone[table.name] = delete_keys(session, table, session.scalars(free).all())
    confirmed = Keys.joined(keys[subject.name] for subject in SUBJECTS if subject.name in keys)
    session.execute(delete(AWAITING).where(with_ids(session, confirmed, "record_id")(AWAITING)))
    return gone
