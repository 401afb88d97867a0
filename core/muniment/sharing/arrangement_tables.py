"""What the council settles with those it shares with: agreements, one-off requests, stops, results of data matching."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import new_id, random_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of
from muniment.sharing.tables import one_of

__all__ = ["MatchResult", "SharingAgreement", "SharingRequest", "SharingStop"]

KINDS = ("one-off", "crime", "legal-proceedings")
STATES = ("received", "share", "refuse")
OUTCOMES = ("open", "no-issue", "error", "fraud")


class SharingAgreement(CouncilTable, Base):
    """A data sharing agreement (ICO Data Sharing Code), a processor's contract (UK GDPR Art 28(3)) or an arrangement
    of joint controllers (Art 26).

    It counts from `from_on` to `last_day`, both inclusive, null while no end is agreed. `review_on` is the day to look
    at it again. `recipient` is a key as in the register. `stored_id` is the signed document.
    """

    __tablename__ = "sharing_agreement"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str]
    recipient: Mapped[str]
    title: Mapped[str]
    parties: Mapped[list[str]] = mapped_column(ARRAY(Text))
    purposes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text))
    basis: Mapped[str]
    power: Mapped[str]
    from_on: Mapped[date]
    last_day: Mapped[date | None]
    review_on: Mapped[date]
    agreed_by: Mapped[str]
    made_at: Mapped[datetime]
    ended_because: Mapped[str | None]
    stored_id: Mapped[UUID | None]

    __table_args__ = (
        council_fk("stored_id", "stored_file.id", ondelete="SET NULL (stored_id)"),
        Index("ix_sharing_agreement_recipient", "council_id", "service", "recipient"),
        Index("ix_sharing_agreement_stored", "council_id", "stored_id"),
    )


class SharingStop(CouncilTable, Base):
    """The council gives a recipient nothing until this has ended, whatever the policy says. `known_as` are the other
    keys that policies since replaced had for a body."""

    __tablename__ = "sharing_stop"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str]
    recipient: Mapped[str]
    known_as: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    reason: Mapped[str]
    placed_at: Mapped[datetime]
    ended_on: Mapped[date | None]

    __table_args__ = (
        Index(
            "ix_sharing_stop_standing",
            "council_id",
            "service",
            "recipient",
            postgresql_where=text("ended_on is null"),
        ),
    )


class SharingRequest(CouncilTable, Base):
    """A one-off request to be given data about one person, and what was decided (ICO data sharing request form).

    `kind` `crime` is the form of DPA 2018 Sch 2 para 2, which orders nothing and is no lawful basis;
    `legal-proceedings` that of para 5. `purpose` is the declared one it would be answered under. `requester` is name
    and position of who asks, `signed_off_by` the rank or role that approved it. `fields` are those asked for,
    `decided_fields` those that may be given; `last_day` is the last day for doing so. `decided_by` is
    the position of who decided. `person_told`: whether the person is told, with `telling_reason` why not.
    """

    __tablename__ = "sharing_request"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    service: Mapped[str]
    file_id: Mapped[UUID | None]
    kind: Mapped[str]
    recipient: Mapped[str]
    requester: Mapped[str]
    received_on: Mapped[date]
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    purpose: Mapped[str]
    reason: Mapped[str]
    necessity: Mapped[str]
    power: Mapped[str]
    signed_off_by: Mapped[str]
    controllers: Mapped[str]
    lawful_basis: Mapped[str]
    condition: Mapped[str]
    impact_assessment: Mapped[str]
    officer_view: Mapped[str]
    keeping: Mapped[str]
    security: Mapped[str]
    rights: Mapped[str]
    frequency: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="received")
    decided_fields: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    reasons: Mapped[str | None]
    last_day: Mapped[date | None]
    person_told: Mapped[bool | None]
    telling_reason: Mapped[str | None]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="SET NULL (file_id)"),
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint(one_of("state", STATES), name="state"),
        CheckConstraint("controllers in ('separate', 'joint')", name="controllers"),
        CheckConstraint("(state = 'received') = (decided_at is null)", name="decided"),
        Index("ix_sharing_request_file", "council_id", "file_id"),
        Index("ix_sharing_request_received", "council_id", "received_on", "id"),
    )


class MatchResult(CouncilTable, Base):
    """What a statutory matching exercise reported back. It is fenced off from client files: it points to none, and
    nobody sees it without the permission `matches.read` (Local Audit and Accountability Act 2014 Sch 9 para 4(7)-(8)).
    """

    __tablename__ = "match_result"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    service: Mapped[str]
    recipient: Mapped[str]
    data_set: Mapped[str]
    reference: Mapped[str]
    received_on: Mapped[date]
    finding: Mapped[str]
    outcome: Mapped[str] = mapped_column(server_default="open")
    closed_on: Mapped[date | None]

    __table_args__ = (
        CheckConstraint(one_of("outcome", OUTCOMES), name="outcome"),
        CheckConstraint("(outcome = 'open') = (closed_on is null)", name="closed"),
        Index("ix_match_result_received", "council_id", "received_on", "id"),
    )


register_impersonal(
    table_of(SharingAgreement),
    "agreements between organisations, by role",
    record_class="sharing-agreements",
    counts_from={"expiry": "last_day"},
)
register_impersonal(
    table_of(SharingStop),
    "that a recipient is given nothing, and why in words about the recipient",
    record_class="sharing-agreements",
    counts_from={"expiry": "ended_on"},
)
register_personal(
    PersonalTable(
        table=table_of(SharingRequest),
        whose="client",
        personal=frozenset({"file_id", "requester", "reason", "necessity", "reasons", "telling_reason"}),
        record_class="disclosure-register",
        counts_from={"collection": "received_on"},
        note="that somebody was asked about, and who asked; points to no file once that is gone",
    )
)
register_personal(
    PersonalTable(
        table=table_of(MatchResult),
        whose="other",
        personal=frozenset({"reference", "finding"}),
        record_class="match-results",
        counts_from={"case-closed": "closed_on"},
        note="fenced off from client files",
    )
)
