"""Rehearsing a restore: a backup is put into a scratch database, and what the erasure ledger says is done there.

It shows an operator what a restore would bring back and erase again, and that the backup can be restored at all. The
deployment's own database is not touched. Its ledger is copied and only the copy read: settling it against an old
database would mark chunks as void that were committed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy import func, select, text

from muniment.audit.verification import verify
from muniment.clients.facts import FILE
from muniment.clock import Clock
from muniment.database.embedded import EmbeddedServer
from muniment.database.engine import open_engine, open_owner_engine
from muniment.database.roles import APPLICATION, OWNER
from muniment.database.session import Database
from muniment.database.upgrade import upgrade
from muniment.keys import KeyRing
from muniment.retention.disposal.restore import RESTORE, Repeated, apply_again, forgotten
from muniment.retention.evidence.ledger import Ledger

__all__ = ["Rehearsed", "rehearse", "restored_copy"]

SCRATCH = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """One council in a backup: its client files as restored, and what is left of them when erased again."""

    council: str
    files: int
    files_left: int
    repeated: Repeated
    forgotten: int
    """Chunks that are still unknown to the database; 0, or erasing again does not work."""
    audit_events: int
    audit_sound: bool

    @property
    def passed(self) -> bool:
        return self.audit_sound and not self.forgotten


@contextmanager
def restored_copy(dump: Path, data_dir: Path, clock: Clock) -> Iterator[Database]:
    """A scratch PostgreSQL below `data_dir` with a dump in it, brought to this version's schema; gone afterwards.

    The dump's data lie there in clear while the block runs. Raises `NotReady` if the dump cannot be restored.
    """
    data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="drill-", dir=data_dir) as folder:
        Path(folder).chmod(0o711)  # the server's user must pass; the server's own folder is closed
        server = EmbeddedServer(Path(folder), SCRATCH)
        try:
            server.start()
            server.restore(dump)
            owner = open_owner_engine(server.url(OWNER))
            upgrade(owner)
            owner.dispose()
            engine = open_engine(server.url(APPLICATION), pool_size=2)
            database = Database(engine, clock, Path(folder) / "ledger", statement_timeout_ms=0)
            yield database
            database.close()
        finally:
            server.remove()


def rehearse(database: Database, ledger_dir: Path, keys: KeyRing) -> Iterator[Rehearsed]:
    """Verify the audit log in a scratch database and erase again what the ledger knows, council by council.

    `ledger_dir` is the deployment's; the scratch database has a copy of it beside it.

    Raises `NotReady` for a damaged ledger.
    """
    with database.platform() as session:
        councils = session.execute(text("select id, slug from council order by slug")).all()
    if ledger_dir.is_dir():
        shutil.copytree(ledger_dir, database.ledger_dir)
    for council in councils:
        ledger = Ledger(database.ledger_dir, council.id)
        count = select(func.count()).select_from(FILE).where(FILE.c.council_id == council.id)
        with database.council(council.id, RESTORE) as session:
            log = verify(session, keys)
        with database.council(council.id, RESTORE) as session:
            before = session.scalar(count) or 0
            repeated = apply_again(session, ledger)
            yield Rehearsed(
                council=council.slug,
                files=before,
                files_left=session.scalar(count) or 0,
                repeated=repeated,
                forgotten=len(forgotten(session, ledger)),
                audit_events=log.leaves,
                audit_sound=log.sound,
            )
