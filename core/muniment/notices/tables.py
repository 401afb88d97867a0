"""What was published, what people were given before that, and who was given what when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from muniment.clients.facts import FILE
from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import new_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of

__all__ = ["EarlierDocument", "NoticeGiven", "NoticeVersion"]


class NoticeVersion(CouncilTable, Base):
    """One version of a notice in one language, exactly as it was published; never edited.

    `service` and `notice` name it, `covers` are all services it is for. `number` counts from 1 and is the same for all
    languages published together. `json` is the canonical rendering, `sha256` its hash in hexadecimal. `approved_by` and
    `ground` are there when it says something that the law asks and the council's document does not. `programme` is the
    one whose own notice it is; null for a notice of services.
    """

    __tablename__ = "notice_version"
    __append_only__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str]
    notice: Mapped[str]
    covers: Mapped[list[Any]]
    number: Mapped[int]
    language: Mapped[str]
    html: Mapped[str]
    text: Mapped[str]
    json: Mapped[bytes]
    sha256: Mapped[str]
    policy_hash: Mapped[str]
    restates: Mapped[str | None]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    approved_by: Mapped[str | None]
    ground: Mapped[str | None]
    programme: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("council_id", "service", "notice", "number", "language"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("(approved_by is null) = (ground is null)", name="approval"),
    )


class EarlierDocument(CouncilTable, Base):
    """A document that people of a service were given before Muniment published one, so that history can cite it.

    `programme` is the one whose own notice it is; null for what was given to everybody.
    """

    __tablename__ = "earlier_document"
    __append_only__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str]
    title: Mapped[str]
    version: Mapped[str]
    dated: Mapped[date | None]
    programme: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint(
            "council_id", "service", "title", "version", "dated", "programme",
            name="uq_earlier_document_facts", postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip


class NoticeGiven(CouncilTable, Base):
    """Somebody was given a notice: a published version or an earlier document, on a day, by a channel.

    `due_on` is the last day for telling a person who was referred, if that was still open (UK GDPR Art 14(3)(a)).
    """

    __tablename__ = "notice_given"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[UUID]
    version_id: Mapped[UUID | None]
    document_id: Mapped[UUID | None]
    given_on: Mapped[date]
    channel: Mapped[str]
    due_on: Mapped[date | None]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="CASCADE"),
        council_fk("version_id", "notice_version.id"),
        council_fk("document_id", "earlier_document.id"),
        CheckConstraint("(version_id is null) <> (document_id is null)", name="what"),
        Index("ix_notice_given_file", "council_id", "file_id", "given_on"),
    )


register_impersonal(
    table_of(NoticeVersion), "what the council publishes about itself; published by a role or a staff key"
)
register_impersonal(table_of(EarlierDocument), "titles of documents")
register_personal(
    PersonalTable(
        table=table_of(NoticeGiven),
        whose="client",
        personal=frozenset({"given_on", "channel", "due_on", "version_id", "document_id"}),
        hangs_below=FILE,
        note="what somebody was told about the use of their data; it goes with the file",
    )
)
