"""What the erasure ledger is for: closing what a crash left open, and erasing again what a restore brought back.

A chunk that was intended and neither done nor void is settled against the database: is its row there, it was committed.
Settling takes the council's lock alone, so that no chunk is under way whose commit it could miss.

A chunk that is done in the ledger and unknown to the database was committed after the backup from which the database
was restored: it is applied again, by key, in the order of the ledger. One that was never settled is not. Until all that
is done, and until every council has been swept since, the deployment is not ready. A damaged ledger tells neither: it
is settled and applied only once it has been restored from its copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, insert, select, text

from muniment.api.errors import NotReady
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.facts import FILE, PERSON, RECORD
from muniment.database.packed import Keys
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession, Database
from muniment.retention import locks
from muniment.retention.disposal.erasing import delete_keys, delete_rows, empty_rows, tell
from muniment.retention.disposal.sweep import want_run
from muniment.retention.evidence.copies import put_back
from muniment.retention.evidence.ledger import Ledger, Line
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.subjects import SUBJECTS
from muniment.retention.tables import Awaiting, Disposal, SweepRun

__all__ = ["Repeated", "RestoreCheck", "apply_again", "forgotten", "recover", "settle", "unswept"]

AWAITING = table_of(Awaiting)
DISPOSAL = table_of(Disposal)
RUN = table_of(SweepRun)
RESTORE = Actor("system", None, "retention.restore")
MISSING = (0, 0)
"""The state of a ledger whose file is not there."""


class Repeated(msgspec.Struct, frozen=True):
    """What a restore had brought back: chunks of the ledger, the rows of theirs that were there, and the certificates
    that were written again. A row made after the backup was not there."""

    chunks: int = 0
    rows: int = 0
    certificates: int = 0

    def __add__(self, other: Repeated) -> Repeated:
        return Repeated(self.chunks + other.chunks, self.rows + other.rows, self.certificates + other.certificates)


def settle(session: CouncilSession, ledger: Ledger) -> int:
    """Close what crashes left open; returns how many chunks. Waits for all chunks of the council under way.

    Raises `NotReady` if the ledger is damaged or missing.
    """
    locks.alone(session)
    refuse_missing(session, ledger)
    waiting = [key for key, chunk in ledger.chunks().items() if chunk.is_open]
    committed = _known(session, waiting)
    ledger.close("done", (key for key in waiting if key in committed))
    ledger.close("void", (key for key in waiting if key not in committed))
    return len(waiting)


def refuse_missing(session: CouncilSession, ledger: Ledger) -> None:
    """Raise `NotReady` if the database knows of disposals and there is no ledger at all: its folder is not mounted, or
    another one is. An empty file in its place says that the ledger is lost and that this is known."""
    if ledger.state == MISSING and session.scalar(select(select(DISPOSAL.c.id).exists())):
        raise NotReady(
            f"The erasure ledger {ledger.path} is not there, though records were disposed of: mount the folder that "
            "MUNIMENT_LEDGER_DIR must name. Where it is lost for good, docs/runbook.md says what to do."
        )


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


def unswept(session: CouncilSession) -> bool:
    """Whether no sweep was begun and finished since an erasure was last repeated."""
    last = session.scalar(select(func.max(DISPOSAL.c.at)).where(DISPOSAL.c.kind == "restore"))
    if last is None:
        return False
    swept = select(RUN.c.id).where(RUN.c.state == "done", RUN.c.started_at >= last)
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
                    f"The database of {slug} was restored from a backup, and people who were erased since are back in "
                    "it. The workers erase them again; `muniment db restored` does it at once."
                )
            if unswept(session):
                raise NotReady(
                    f"{slug} must be swept once since its database was restored from a backup. The workers will do it; "
                    "`muniment db restored` does it at once."
                )
        self._passed[council_id] = state


def _repeat(session: CouncilSession, line: Line) -> Repeated:
    # What is emptied lets go of its file, and must have done so before the file goes.
    emptied = sum(
        len(empty_rows(session, subject, line.emptied[subject.name]))
        for subject in SUBJECTS
        if subject.name in line.emptied
    )
    gone = _delete(session, line.gone)
    rows = sum(map(len, gone.values())) + emptied
    session.execute(
        insert(DISPOSAL).values(
            council_id=session.council_id, id=line.chunk, kind="restore", at=session.clock.now(), rows=rows
        )
    )
    record(session, AuditEvent.ERASURE_REPEATED, line.chunk, rows=rows)
    certificates = put_back(session, line.chunk, line.evidence)
    tell(session, gone)
    return Repeated(1, rows, certificates)


def _known(session: CouncilSession, chunks: Sequence[UUID]) -> frozenset[UUID]:
    return frozenset(session.scalars(select(DISPOSAL.c.id).where(with_ids(chunks)(DISPOSAL))))


def _delete(session: CouncilSession, keys: Mapping[str, Keys]) -> dict[str, Keys]:
    """Delete rows by table and key, records before the files above them, files before persons.

    A file or person that something else hangs from, as the restored database has it, is left to the sweep.
    """
    gone = {
        subject.name: delete_rows(session, subject, keys[subject.name]) for subject in SUBJECTS if subject.name in keys
    }
    for table, below in ((FILE, RECORD.c.file_id), (PERSON, FILE.c.person_id)):
        if table.name in keys:
            left = select(below).where(below.table.c.council_id == table.c.council_id, below == table.c.id)
            free = select(table.c.id).where(with_ids(keys[table.name])(table), ~left.exists())
            gone[table.name] = delete_keys(session, table, session.scalars(free).all())
    confirmed = Keys.joined(keys[subject.name] for subject in SUBJECTS if subject.name in keys)
    session.execute(delete(AWAITING).where(with_ids(confirmed, "record_id")(AWAITING)))
    return gone
