"""The ledger: who agreed to what, told in which words, and whether they still do.

An event is never changed and never taken away by itself: the application may only add to the table. It hangs below a
*subject*, a random key that stands for the person in the ledger. While there is a client file the subject points to it;
when the file has been disposed of it points nowhere, and what is left is evidence that identifies nobody (UK GDPR Arts
5(2), 7(1)), until the period of the class `consent-evidence` has run and the subject goes with all its events.

What somebody handed in (a scan, a form) identifies them: it goes with the file. Its hash stays.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.clients.facts import FILE
from muniment.consent.acts import AUTHORITIES, CHANNELS, HOWS, KINDS, STATES
from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import random_id
from muniment.database.registry import PersonalTable, register_personal, table_of

__all__ = ["ConsentEvent", "ConsentEvidence", "ConsentSubject"]


def _one_of(column: str, known: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(entry) for entry in known)})"


class ConsentSubject(CouncilTable, Base):
    """The person of a client file, as the ledger knows them. `ended_on` is the day the file went, null while there is
    one; `service` is the file's."""

    __tablename__ = "consent_subject"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    file_id: Mapped[UUID | None]
    service: Mapped[str]
    ended_on: Mapped[date | None]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="SET NULL (file_id)"),
        UniqueConstraint("council_id", "file_id"),
        Index(
            "ix_consent_subject_loose",
            "council_id",
            postgresql_where=text("file_id is null and ended_on is null"),
        ),
        Index("ix_consent_subject_ended", "council_id", "ended_on", postgresql_where=text("ended_on is not null")),
    )


class ConsentEvent(CouncilTable, Base):
    """One event of the ledger. `number` counts a subject's from 1; `at` is the instant of the person's act,
    `recorded_at` that of writing it down. Of two acts the later by `at`, then by `number`, counts.

    `recipients` are keys (`acts.recipient_key`) and `named` what each was called; `wording` is what the person was
    shown, `wording_sha256` its hash in hexadecimal. `expires_on` is the last day it counts, a date in London. `about`
    is the event that expired or was superseded. `authority` says on what somebody acted for the person; null: they
    acted themselves. `evidence` are hashes of what was handed in.
    """

    __tablename__ = "consent_event"
    __append_only__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    subject_id: Mapped[UUID]
    number: Mapped[int]
    kind: Mapped[str]
    state: Mapped[str]
    purpose: Mapped[str]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_kind: Mapped[str | None]
    recorded_by: Mapped[UUID | None]
    policy_hash: Mapped[str]
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    recipients: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    named: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    wording: Mapped[str | None]
    wording_sha256: Mapped[str | None]
    language: Mapped[str | None]
    version_id: Mapped[UUID | None]
    document_id: Mapped[UUID | None]
    channel: Mapped[str | None]
    how: Mapped[str | None]
    explicit: Mapped[bool] = mapped_column(server_default="false")
    expires_on: Mapped[date | None]
    authority: Mapped[str | None]
    about: Mapped[UUID | None]
    evidence: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")

    __table_args__ = (
        council_fk("subject_id", "consent_subject.id", ondelete="CASCADE"),
        council_fk("version_id", "notice_version.id"),
        council_fk("document_id", "earlier_document.id"),
        UniqueConstraint("council_id", "subject_id", "number"),
        CheckConstraint(_one_of("kind", KINDS), name="kind"),
        CheckConstraint(_one_of("state", STATES), name="state"),
        CheckConstraint(_one_of("channel", CHANNELS), name="channel"),
        CheckConstraint(_one_of("how", HOWS), name="how"),
        CheckConstraint(_one_of("authority", AUTHORITIES), name="authority"),
        CheckConstraint("cardinality(recipients) = cardinality(named)", name="named"),
        CheckConstraint(
            "(wording is null) = (wording_sha256 is null) and (wording is null) = (language is null)", name="wording"
        ),
        CheckConstraint("(state in ('expired', 'superseded')) = (about is not null)", name="about"),
        CheckConstraint(
            "state not in ('given', 'reconfirmed') or (wording is not null and channel is not null"
            " and how is not null and (version_id is null) <> (document_id is null))",
            name="proof",
        ),
        Index(
            "ix_consent_event_expires",
            "council_id",
            "expires_on",
            postgresql_where=text("expires_on is not null"),
        ),
        Index("ix_consent_event_about", "council_id", "about", postgresql_where=text("about is not null")),
    )


class ConsentEvidence(CouncilTable, Base):
    """Something handed in with an act: a scan, or the fields of a form as they were sent.

    `stored_id` and `name` are there as long as the client file is; then the bytes go and the hash stays. `event_id` is
    the event it was handed in for. `proves` is `consent`, or the `authority` of somebody who acts for the person.
    """

    __tablename__ = "consent_evidence"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    event_id: Mapped[UUID]
    file_id: Mapped[UUID | None]
    stored_id: Mapped[UUID | None]
    proves: Mapped[str]
    name: Mapped[str | None]
    sha256: Mapped[str]

    __table_args__ = (
        council_fk("event_id", "consent_event.id", ondelete="CASCADE"),
        council_fk("file_id", "client_file.id", ondelete="SET NULL (file_id)"),
        council_fk("stored_id", "stored_file.id", ondelete="SET NULL (stored_id)"),
        CheckConstraint("proves in ('consent', 'authority')", name="proves"),
        Index("ix_consent_evidence_event", "council_id", "event_id"),
        Index("ix_consent_evidence_file", "council_id", "file_id"),
        Index("ix_consent_evidence_stored", "council_id", "stored_id"),
    )


register_personal(
    PersonalTable(
        table=table_of(ConsentSubject),
        whose="client",
        personal=frozenset({"file_id", "ended_on"}),
        record_class="consent-evidence",
        counts_from={"case-closed": "ended_on"},
        note="a random key; points to no file once that is gone, and goes with its events when their period has run",
    )
)
register_personal(
    PersonalTable(
        table=table_of(ConsentEvent),
        whose="client",
        personal=frozenset({"state", "purpose", "at", "recipients", "named", "channel", "how", "authority"}),
        hangs_below=table_of(ConsentSubject),
        note="what somebody agreed to; identifies nobody once the file is gone",
    )
)
register_personal(
    PersonalTable(
        table=table_of(ConsentEvidence),
        whose="client",
        personal=frozenset({"file_id", "stored_id", "name"}),
        hangs_below=FILE,
        note="what was handed in goes with the file; its hash stays with the event",
    )
)
