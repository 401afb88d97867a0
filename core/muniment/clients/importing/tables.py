"""What imports leave behind: runs with their counts, the places of rejects, and a memory of references."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import new_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of

__all__ = ["ImportMemory", "ImportReject", "ImportRun"]


class ImportRun(CouncilTable, Base):
    """One import of one file: how far it is and what it came to. `import_format` is the declared mapping.

    `state` is `waiting`, `running`, `done` or `failed`; `problem` says in one sentence why it failed. `rows_done`
    counts the rows of committed chunks; the other counts add up to it, but for `corrected`: values that staff have
    corrected and the file would have changed back. `import_reject` keeps the first places of these and of rejects.
    """

    __tablename__ = "import_run"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str]
    import_format: Mapped[str]
    file_digest: Mapped[bytes | None]
    stored_file_id: Mapped[UUID | None]
    history: Mapped[bool]
    state: Mapped[str]
    problem: Mapped[str | None]
    started_at: Mapped[datetime]
    progress_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rows_done: Mapped[int] = mapped_column(server_default="0")
    new: Mapped[int] = mapped_column(server_default="0")
    updated: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    suppressed: Mapped[int] = mapped_column(server_default="0")
    rejected: Mapped[int] = mapped_column(server_default="0")
    corrected: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        Index(
            "ix_import_run_unfinished",
            "council_id",
            "started_at",
            postgresql_where=text("state in ('waiting', 'running')"),
        ),
    )


class ImportReject(CouncilTable, Base):
    """Why a line of an imported file, or one cell of it, was not taken in: number, column, a code. Never a value."""

    __tablename__ = "import_reject"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    column: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]

    __table_args__ = (council_fk("run_id", "import_run.id", ondelete="CASCADE"),)


class ImportMemory(CouncilTable, Base):
    """That a source's reference has been taken in once: a keyed digest of it, which outlives the file.

    `file_id` is null once the file is gone; then the reference is not taken in again. `issuer` is as in the file.
    `record_classes` are those ever imported under it: one of them that the file no longer has was disposed of, and is
    not made again. `seen_on` is, within a month, the last day that a file named it.
    """

    __tablename__ = "import_memory"

    service: Mapped[str] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    file_id: Mapped[UUID | None]
    record_classes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    seen_on: Mapped[date]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="SET NULL (file_id)"),
        Index("ix_import_memory_file", "council_id", "file_id"),
        Index("ix_import_memory_seen_on", "council_id", "seen_on"),
    )


register_personal(
    PersonalTable(
        table=table_of(ImportMemory),
        whose="client",
        personal=frozenset({"digest"}),
        record_class="import-memory",
        counts_from={"last-action": "seen_on"},
        note="a keyed digest that outlives the file, so that an import cannot bring an erased person back",
    )
)
register_impersonal(
    table_of(ImportRun),
    "counts, and the digest of a whole file",
    record_class="import-runs",
    counts_from={"collection": "finished_at"},
)
register_impersonal(table_of(ImportReject), "line numbers, columns and codes; they go with their run")
