"""The newest head of each log, noted outside the database: what tells that a log was cut back, and why that may be.

A log that was put back to an earlier state is whole in itself, whether a backup was restored or somebody cut it. So
after each sealing its head is written into the folder of the erasure ledger, which no backup of the database holds.
A sealer whose log lacks the head noted last writes an event that says so before it goes on. From then on the log tells
it itself: when that was found, how many events it had then and how many had been sealed.

Which of the two it was cannot be known here: whoever restored a backup has noted it, and that note is the explanation.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import text

from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.database.session import CouncilSession

__all__ = ["CutBack", "NotedHead", "cut_backs", "last_noted", "missing_head", "note_head", "record_cut_back"]

log = structlog.get_logger(__name__)

LAST = text("select size, root, at from audit_checkpoint where council_id = :council_id order by size desc limit 1")
AT_SIZE = text("select root from audit_checkpoint where council_id = :council_id and size = :size")
CUT_BACKS = text("select at, facts from audit_event where council_id = :council_id and event = :event order by at, id")


class NotedHead(msgspec.Struct, frozen=True):
    """A head as noted: how many leaves, their root in hexadecimal, and when they were sealed."""

    size: int
    root: str
    at: datetime


class CutBack(msgspec.Struct, frozen=True):
    """A log was found with `found` events sealed where `sealed` had been, the last of them at `sealed_at`; `root` is
    the head that it lacked. `at` is when it was found: soon after the restore, if it was one."""

    at: datetime
    found: int
    sealed: int
    sealed_at: datetime
    root: str

    @property
    def sentence(self) -> str:
        """What an auditor is told."""
        return (
            f"Cut back: on {self.at:%Y-%m-%d} at {self.at:%H:%M} UTC this log was found with {self.found} events where"
            f" {self.sealed} had been sealed until {self.sealed_at:%Y-%m-%d}: its database was restored from a backup,"
            f" or somebody cut it. What was sealed after event {self.found} and until then is not covered."
        )

    def covers(self, size: int) -> bool:
        """Whether a head of that size lay in what is gone."""
        return self.found < size <= self.sealed


def note_head(session: CouncilSession, folder: Path) -> None:
    """Note where the log stands now. Called after the commit; what keeps it from being written is logged alone."""
    head = session.execute(LAST, {"council_id": session.council_id}).one_or_none()
    if head is None:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(_path(folder, session.council_id), msgspec.json.encode(NotedHead(head.size, head.root.hex(), head.at)))
    except OSError as error:
        log.warning("head_not_noted", council=str(session.council_id), error=type(error).__name__)


def last_noted(folder: Path, council_id: UUID) -> NotedHead | None:
    """The head noted last; None if there is none that can be read."""
    try:
        return msgspec.json.decode(_path(folder, council_id).read_bytes(), type=NotedHead)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("head_not_read", council=str(council_id), error=type(error).__name__)
        return None


def missing_head(session: CouncilSession, noted: NotedHead | None) -> CutBack | None:
    """What it means that the log lacks a noted head; None if it has it. Read the note before the transaction begins:
    a head is noted after its commit, so that the database is never behind a note that was read before."""
    if noted is None:
        return None
    here = {"council_id": session.council_id}
    root = session.scalar(AT_SIZE, here | {"size": noted.size})
    if root is not None and root.hex() == noted.root:
        return None
    last = session.execute(LAST, here).one_or_none()
    found = 0 if last is None else min(last.size, noted.size)
    return CutBack(session.clock.now(), found, noted.size, noted.at, noted.root)


def record_cut_back(session: CouncilSession, found: CutBack) -> None:
    """Have the log tell that it was cut back; once for each head that is gone."""
    if all(known.root != found.root for known in cut_backs(session)):
        record(
            session,
            AuditEvent.LOG_CUT_BACK,
            found=found.found,
            sealed=found.sealed,
            sealed_at=found.sealed_at.isoformat(),
            root=found.root,
        )


def cut_backs(session: CouncilSession) -> tuple[CutBack, ...]:
    """Each time that the log was found cut back, the first one first."""
    rows = session.execute(CUT_BACKS, {"council_id": session.council_id, "event": AuditEvent.LOG_CUT_BACK.value})
    return tuple(msgspec.convert({"at": row.at, **row.facts}, CutBack) for row in rows)


def _path(folder: Path, council_id: UUID) -> Path:
    return folder / f"{council_id}.head.json"


def _write(path: Path, content: bytes) -> None:
    """Put a file in the place of an older one at once, whole and on disk."""
    with NamedTemporaryFile(dir=path.parent, prefix=".head-", delete=False) as file:
        unfinished = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            unfinished.rename(path)
        except OSError:
            unfinished.unlink()
            raise
