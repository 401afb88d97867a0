"""What disposal keeps: packages offered to an archive, counts that are anonymous."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.clients.facts import RECORD
from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import random_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of

__all__ = ["AnonymousCount", "ArchiveItem", "ArchivePackage"]


class AnonymousCount(CouncilTable, Base):
    """How many records of a class were made anonymous that agree in `facts`: canonical JSON, names to values in words.

    There is a line for each combination and none for a record, so that nothing here has a key, a day or an order. All
    lines of a class are written anew whenever one grows (`disposal.anonymising`).
    """

    __tablename__ = "anonymous_count"

    record_class: Mapped[str] = mapped_column(primary_key=True)
    facts: Mapped[str] = mapped_column(primary_key=True)
    records: Mapped[int]

    __table_args__ = (CheckConstraint("records > 0", name="records"),)


class ArchivePackage(CouncilTable, Base):
    """Records of one class packed for an archive (`docs/archive-packages.md`), and what the archivist said.

    `archive` is where they go, as the rule names it. `state` is `offered` (outstanding), `received`, `refused` or
    `replaced` (all that was in it has changed or gone meanwhile). `answered_on` is the day of the answer, `answer` the
    archive's reference or why it refused. `stored_id` is the package itself, encrypted, null once it has gone; `sha256`
    is over its bytes. Without items a row identifies nobody, and stays as evidence.
    """

    __tablename__ = "archive_package"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    record_class: Mapped[str]
    archive: Mapped[str]
    records: Mapped[int]
    sha256: Mapped[bytes]
    stored_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(server_default="offered")
    offered_at: Mapped[datetime]
    answered_on: Mapped[date | None]
    answer: Mapped[str | None]

    __table_args__ = (
        council_fk("stored_id", "stored_file.id"),
        CheckConstraint("state in ('offered', 'received', 'refused', 'replaced')", name="state"),
        CheckConstraint("(state in ('received', 'refused')) = (answered_on is not null)", name="answered"),
        Index("ix_archive_package_stored", "council_id", "stored_id"),
        Index(
            "ix_archive_package_offered",
            "council_id",
            "offered_at",
            "id",
            postgresql_where=text("state = 'offered'"),
        ),
    )


class ArchiveItem(CouncilTable, Base):
    """A record that lies in a package, as it was then: one whose fingerprint has changed is packed anew."""

    __tablename__ = "archive_item"

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    package_id: Mapped[UUID]
    fingerprint: Mapped[str]

    __table_args__ = (
        council_fk("record_id", "record.id", ondelete="CASCADE"),
        council_fk("package_id", "archive_package.id", ondelete="CASCADE"),
        Index("ix_archive_item_package", "council_id", "package_id"),
    )


register_personal(
    PersonalTable(
        table=table_of(ArchiveItem),
        whose="client",
        personal=frozenset({"record_id", "fingerprint"}),
        hangs_below=RECORD,
        note="which package a record lies in; goes with the record, and the package with its last item",
    )
)
register_personal(
    PersonalTable(
        table=table_of(ArchivePackage),
        whose="client",
        personal=frozenset({"stored_id", "sha256", "answer"}),
        record_class="archive-evidence",
        counts_from={"collection": "answered_on"},
        note="a package goes when the archive has it, or refuses it; what was answered stays as evidence",
    )
)
register_impersonal(table_of(AnonymousCount), "counts of records that agree in facts which many share")
