"""The register of disclosures and what stands beside it: exports, and who is to be told of later changes.

A disclosure is one act; below it hangs a line for each client whose data left, by field, and one for each of whom it
was refused. The application may add to these and not change them; they go when the period of the class
`disclosure-register` has run. A line points to its client file while there is one. Afterwards it identifies nobody: its
key, which the recipient was given along with the data, is all by which the two can still speak of the same person.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import random_id
from muniment.database.registry import PersonalTable, register_personal, table_of

__all__ = ["Disclosure", "DisclosureLine", "ExportFile", "Notification", "Refusal"]

STATES = ("to-send", "sent", "acknowledged", "impossible")
CHANGES = ("rectified", "erased", "restricted", "consent-withdrawn")


def one_of(column: str, known: tuple[str, ...]) -> str:
    """A check that a column holds one of the known words."""
    return f"{column} in ({', '.join(repr(entry) for entry in known)})"


class Disclosure(CouncilTable, Base):
    """One act of giving, or of refusing to give: what was asked, under which policy, on what it rested, who did it.

    `recipient` is the key of who received (`muniment.consent.acts.recipient_key`) and `named` what they are called.
    `fields` are those asked for, `rests_on` the article. `sha256` is of the export, byte for byte; null where nothing
    was written to a file. Acts of one batch share `batch_id`.
    """

    __tablename__ = "disclosure"
    __append_only__ = True
    __goes_by_rule__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    batch_id: Mapped[UUID | None]
    at: Mapped[datetime]
    decided_on: Mapped[date]
    service: Mapped[str]
    recipient: Mapped[str]
    named: Mapped[str]
    purpose: Mapped[str]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    data_set: Mapped[str | None]
    rests_on: Mapped[str | None]
    basis: Mapped[str | None]
    exception: Mapped[str | None]
    condition_met: Mapped[bool]
    request_id: Mapped[UUID | None]
    means: Mapped[str]
    policy_hash: Mapped[str]
    actor_kind: Mapped[str | None]
    actor_id: Mapped[UUID | None]
    given: Mapped[int]
    refused: Mapped[int]
    media_type: Mapped[str | None]
    sha256: Mapped[str | None]

    __table_args__ = (
        Index("ix_disclosure_at", "council_id", "at", "id"),
        Index("ix_disclosure_recipient", "council_id", "service", "recipient", "at"),
        Index("ix_disclosure_decided", "council_id", "decided_on"),
    )


class DisclosureLine(CouncilTable, Base):
    """What left about one client: which fields, and the hash of exactly the values, under a key of the ring's.

    `id` was given to the recipient with the data, as `our-reference`.
    """

    __tablename__ = "disclosure_line"
    __append_only__ = True
    __goes_by_rule__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    disclosure_id: Mapped[UUID]
    file_id: Mapped[UUID | None]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    payload_hash: Mapped[bytes]

    __table_args__ = (
        council_fk("disclosure_id", "disclosure.id", ondelete="CASCADE", deferred=True),
        council_fk("file_id", "client_file.id", ondelete="SET NULL (file_id)"),
        Index("ix_disclosure_line_disclosure", "council_id", "disclosure_id"),
        Index("ix_disclosure_line_file", "council_id", "file_id", postgresql_where=text("file_id is not null")),
    )


class Refusal(CouncilTable, Base):
    """A client of whom nothing was given: the ids of the rules that spoke against (`muniment.sharing.rules`)."""

    __tablename__ = "disclosure_refusal"
    __append_only__ = True
    __goes_by_rule__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    disclosure_id: Mapped[UUID]
    file_id: Mapped[UUID | None]
    rules: Mapped[list[str]] = mapped_column(ARRAY(Text))

    __table_args__ = (
        council_fk("disclosure_id", "disclosure.id", ondelete="CASCADE", deferred=True),
        council_fk("file_id", "client_file.id", ondelete="SET NULL (file_id)"),
        Index("ix_disclosure_refusal_disclosure", "council_id", "disclosure_id"),
        Index("ix_disclosure_refusal_file", "council_id", "file_id", postgresql_where=text("file_id is not null")),
    )


class ExportFile(CouncilTable, Base):
    """The file that was made for a recipient. It is opened once, by whoever fetches it, and goes by a rule of its own,
    with its bytes. `id` is the stored file's."""

    __tablename__ = "export_file"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    disclosure_id: Mapped[UUID]
    name: Mapped[str]
    media_type: Mapped[str]
    made_on: Mapped[date]
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[UUID | None]

    __table_args__ = (
        council_fk("id", "stored_file.id", ondelete="CASCADE"),
        council_fk("disclosure_id", "disclosure.id", ondelete="CASCADE", deferred=True),
        Index("ix_export_file_disclosure", "council_id", "disclosure_id"),
        Index("ix_export_file_made", "council_id", "made_on"),
    )


class Notification(CouncilTable, Base):
    """A recipient is to be told that fields it was given were rectified, erased or restricted (UK GDPR Art 19), or that
    the consent they were given on was withdrawn.

    It names the line and its fields, never a value; `lines` are all that the recipient was given these fields under,
    the newest among them (none: of before these were kept). `state` goes from `to-send` to `sent` and `acknowledged`,
    or ends as `impossible`, with a `reason` in words without personal data. `settled_at` is when it was acknowledged or
    found impossible. `repeated`: a restore had lost whether it was told already.
    """

    __tablename__ = "recipient_notification"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    line_id: Mapped[UUID]
    lines: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    change: Mapped[str]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    state: Mapped[str] = mapped_column(server_default="to-send")
    since: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    repeated: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        council_fk("line_id", "disclosure_line.id", ondelete="CASCADE"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint(one_of("change", CHANGES), name="change"),
        CheckConstraint("(state = 'impossible') = (reason is not null)", name="reason"),
        Index("ix_recipient_notification_line", "council_id", "line_id"),
        Index(
            "ix_recipient_notification_open",
            "council_id",
            "since",
            postgresql_where=text("state in ('to-send', 'sent')"),
        ),
    )


REGISTER = "disclosure-register"

register_personal(
    PersonalTable(
        table=table_of(Disclosure),
        whose="staff",
        personal=frozenset({"actor_id"}),
        record_class=REGISTER,
        counts_from={"collection": "decided_on"},
        note="what was given to whom and who gave it; its lines say about which clients",
    )
)
register_personal(
    PersonalTable(
        table=table_of(DisclosureLine),
        whose="client",
        personal=frozenset({"file_id", "fields"}),
        hangs_below=table_of(Disclosure),
        note="which fields left; points to no file once that is gone",
    )
)
register_personal(
    PersonalTable(
        table=table_of(Refusal),
        whose="client",
        personal=frozenset({"file_id", "rules"}),
        hangs_below=table_of(Disclosure),
        note="about whom nothing was given, and why; points to no file once that is gone",
    )
)
register_personal(
    PersonalTable(
        table=table_of(ExportFile),
        whose="client",
        personal=frozenset({"opened_by"}),
        record_class="export-files",
        counts_from={"collection": "made_on"},
        note="the file itself is encrypted, is fetched once and goes with this row",
    )
)
register_personal(
    PersonalTable(
        table=table_of(Notification),
        whose="client",
        personal=frozenset({"change", "fields"}),
        hangs_below=table_of(DisclosureLine),
        note="that something given has changed; goes with the register",
    )
)
