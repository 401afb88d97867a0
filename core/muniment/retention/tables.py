"""What retention itself keeps: who armed which rule, holds, sweeps, and the evidence of what was disposed of.

Nothing here identifies a client. The evidence carries random keys and points at no file, because it outlives the data:
a certificate commits to the keys of what went (a Merkle root) without listing them.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from muniment.clients.facts import FILE
from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import new_id, random_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of

__all__ = [
    "Arming",
    "Awaiting",
    "Certificate",
    "Confirmation",
    "Disposal",
    "Extension",
    "Hold",
    "Parked",
    "SweepRun",
]

IN_FORCE = text("ended_at is null")
PLACED = text("released_at is null")


class Arming(CouncilTable, Base):
    """Somebody with the right to approve let a rule dispose of a class, having seen the preview.

    `rule_hash` is the rule approved: another rule is not armed by it. `newly_due` counts the records that a change
    (not the passing of time) has made due since the last sweep; too many of them end the arming. `ended_because` is
    `superseded`, `newly-due`, `withdrawn`, `policy` (an adoption replaced the rule) or `restored` (a restore took back
    the policy it was approved under). `armed_kind` and `armed_by` say who, as in the audit log; for a command,
    `armed_role` says whose decision it carried out, by role.
    """

    __tablename__ = "arming"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    record_class: Mapped[str]
    rule_hash: Mapped[str]
    policy_hash: Mapped[str]
    armed_at: Mapped[datetime]
    armed_kind: Mapped[str]
    armed_role: Mapped[str] = mapped_column(server_default="")
    armed_by: Mapped[UUID | None]
    preview: Mapped[dict[str, Any]]
    newly_due: Mapped[int] = mapped_column(server_default="0")
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]

    __table_args__ = (
        Index("uq_arming_in_force", "council_id", "record_class", unique=True, postgresql_where=IN_FORCE),
    )


class Hold(CouncilTable, Base):
    """A legal reason not to dispose: it never blocks stopping use.

    `scope` says what `target_id` (file, person, record), `target` (class, programme) or `query` names. `basis` is the
    legal ground by its code (`muniment.defaults`), `ground` in words, and `authoriser` a role, never a person. Whoever
    placed and released it is in the audit log. Holds placed together for one matter share a `case_id`.
    """

    __tablename__ = "hold"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    scope: Mapped[str]
    target_id: Mapped[UUID | None]
    target: Mapped[str | None]
    query: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    case_id: Mapped[UUID | None]
    basis: Mapped[str] = mapped_column(server_default="other")
    ground: Mapped[str]
    authoriser: Mapped[str]
    placed_at: Mapped[datetime]
    review_on: Mapped[date]
    released_at: Mapped[datetime | None]
    release_reason: Mapped[str | None]

    __table_args__ = (
        CheckConstraint(
            "case when scope in ('file', 'person', 'record') then target_id is not null and target is null"
            " when scope in ('class', 'programme') then target is not null and target_id is null"
            " when scope = 'query' then target is null and target_id is null else false end"
            " and (scope = 'query') = (query is not null)",
            name="scope",
        ),
        Index("ix_hold_target_id", "council_id", "target_id", postgresql_where=PLACED),
        Index("ix_hold_target", "council_id", "scope", "target", postgresql_where=PLACED),
        Index("ix_hold_case", "council_id", "case_id", postgresql_where=text("case_id is not null")),
    )


class Extension(CouncilTable, Base):
    """An officer keeps the records of one client file longer, or a single record of it, with a reason.

    `until` is the last day kept, inclusive; an extension only ever lengthens. `authoriser` is a role, never a person;
    whoever placed and withdrew it is in the audit log. It goes with the file, or with the record.
    """

    __tablename__ = "extension"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[UUID]
    record_id: Mapped[UUID | None]
    until: Mapped[date]
    reason: Mapped[str]
    authoriser: Mapped[str]
    placed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="CASCADE"),
        council_fk("record_id", "record.id", ondelete="CASCADE"),
        Index("ix_extension_file", "council_id", "file_id"),
        Index("ix_extension_record", "council_id", "record_id"),
    )


class SweepRun(CouncilTable, Base):
    """One run of the sweep. `today` is the day it judged by; `state` is `waiting`, `running`, `done` or `stopped`.

    Counts grow with each committed chunk: `files` locked, `disposed` records gone, `awaited` records sent to be
    destroyed elsewhere, `proposed` records put before a reviewer or an archive, `changed` ones redacted or moved to
    another class; `kept`, set at the end, records that are due and that a hold keeps.
    """

    __tablename__ = "sweep_run"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    today: Mapped[date]
    state: Mapped[str]
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    chunks: Mapped[int] = mapped_column(server_default="0")
    files: Mapped[int] = mapped_column(server_default="0")
    disposed: Mapped[int] = mapped_column(server_default="0")
    awaited: Mapped[int] = mapped_column(server_default="0")
    proposed: Mapped[int] = mapped_column(server_default="0")
    changed: Mapped[int] = mapped_column(server_default="0")
    kept: Mapped[int] = mapped_column(server_default="0")
    parked: Mapped[int] = mapped_column(server_default="0")
    kept_by: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """What plugins' judges kept, set at the end: by distribution, how many records, and why it failed if it did."""

    __table_args__ = (Index("ix_sweep_run_asked_at", "council_id", "asked_at", "id"),)


class Disposal(CouncilTable, Base):
    """One chunk of a sweep, committed. Its presence is what the erasure ledger is settled against.

    `kind` is `sweep`, `confirmation` (destroyed elsewhere), `no-basis` (values whose consent was withdrawn), `restore`
    (applied again after a restore) or `keeping` (a line about a hold, an extension or an approval, which disposes of
    nothing).
    """

    __tablename__ = "disposal"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    run_id: Mapped[UUID | None]
    kind: Mapped[str]
    at: Mapped[datetime]
    rows: Mapped[int]
    """Rows that went, stubs and persons included."""

    __table_args__ = (Index("ix_disposal_run", "council_id", "run_id"),)


class Certificate(CouncilTable, Base):
    """What one chunk disposed of in one class under one rule. It identifies nobody and outlives the data.

    It is known by its random `id` alone: a number counted across the deployment would tell one council how much the
    others dispose of. `disposed` went here, `awaited` was set going elsewhere. `root` is the Merkle root (RFC 6962)
    over the keys in order. `due_from` and `due_until` span the last days kept. `holds` in force were judged, `kept`
    records stayed because of one. `armed_kind` and `armed_by` are the authoriser's.
    """

    __tablename__ = "certificate"
    __append_only__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    disposal_id: Mapped[UUID]
    run_id: Mapped[UUID | None]
    record_class: Mapped[str]
    rule: Mapped[str]
    rule_hash: Mapped[str]
    policy_hash: Mapped[str]
    action: Mapped[str]
    disposed: Mapped[int]
    awaited: Mapped[int]
    root: Mapped[bytes]
    due_from: Mapped[date]
    due_until: Mapped[date]
    arming_id: Mapped[UUID]
    armed_kind: Mapped[str]
    armed_by: Mapped[UUID | None]
    holds: Mapped[int]
    kept: Mapped[int]
    extended: Mapped[int | None]
    method: Mapped[str]
    issued_at: Mapped[datetime]
    approved_kind: Mapped[str | None]
    """Where a reviewer decided record by record, who that was, beside whoever armed the rule."""
    approved_by: Mapped[UUID | None]
    content: Mapped[bytes | None]
    """What it says, as canonical JSON (`evidence.content`); none where it was issued before that was kept."""

    __table_args__ = (
        council_fk("disposal_id", "disposal.id"),
        Index("ix_certificate_run", "council_id", "run_id", "issued_at", "id"),
        Index("ix_certificate_issued_at", "council_id", "issued_at", "id"),
    )


class Awaiting(CouncilTable, Base):
    """A record emptied here whose paper, or whose copy in another system, is still to be destroyed.

    The row of the record itself holds its class and location and nothing else; this one says since when and under
    which certificate. Both go when somebody confirms the destruction. `searched_on` is the day on which somebody
    looked for it and did not find it; the other columns say who, as in the audit log.
    """

    __tablename__ = "awaiting"

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    kept_in: Mapped[str]
    """The clocked table of the record: `record` or `register`."""
    certificate_id: Mapped[UUID]
    since: Mapped[date]
    searched_on: Mapped[date | None]
    searched_kind: Mapped[str | None]
    searched_role: Mapped[str | None]
    searched_by: Mapped[UUID | None]

    __table_args__ = (
        council_fk("certificate_id", "certificate.id"),
        CheckConstraint(
            "num_nulls(searched_on, searched_kind, searched_role) in (0, 3)"
            " and (searched_by is null or searched_on is not null)",
            name="searched",
        ),
        Index("ix_awaiting_certificate", "council_id", "certificate_id"),
    )


class Confirmation(CouncilTable, Base):
    """Somebody noted what became of things that a certificate awaits; appended, never changed.

    `outcome` is `destroyed`, `lost` (not found, and settled), or what leaves them outstanding: `not-found`,
    `still-needed`, `paper-destroyed` (still in a system). A certificate is complete when what was destroyed or is lost
    adds up to what it awaited. `destroyed_on` is the day of it, and `method` says how, or why, in words.
    """

    __tablename__ = "confirmation"
    __append_only__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    certificate_id: Mapped[UUID]
    count: Mapped[int]
    destroyed_on: Mapped[date]
    method: Mapped[str]
    confirmed_at: Mapped[datetime]
    confirmed_kind: Mapped[str]
    confirmed_by: Mapped[UUID | None]
    content: Mapped[bytes | None]
    """As a certificate's."""
    outcome: Mapped[str] = mapped_column(server_default="destroyed")

    __table_args__ = (
        council_fk("certificate_id", "certificate.id"),
        CheckConstraint("outcome in ('destroyed','lost','not-found','still-needed','paper-destroyed')", name="outcome"),
        Index("ix_confirmation_certificate", "council_id", "certificate_id"),
    )


class Parked(CouncilTable, Base):
    """A file or register that a sweep could not dispose of even alone: left for people to look at.

    `reason` is a code (an SQLSTATE, a kind of error), never a value. The next run tries it again.
    """

    __tablename__ = "parked"

    lock_id: Mapped[UUID] = mapped_column(primary_key=True)
    kept_in: Mapped[str]
    run_id: Mapped[UUID]
    reason: Mapped[str]
    at: Mapped[datetime]
    classes: Mapped[list[str]] = mapped_column(ARRAY(Text))


register_personal(
    PersonalTable(
        table=table_of(Hold),
        whose="client",
        personal=frozenset({"target_id", "query", "ground"}),
        record_class="disposal-evidence",
        counts_from={"collection": "released_at"},
        note="keys of files, and why they must be kept; names nobody; evidence from the day of its release",
    )
)
register_personal(
    PersonalTable(
        table=table_of(Extension),
        whose="client",
        personal=frozenset({"file_id", "record_id", "until", "reason", "end_reason"}),
        hangs_below=FILE,
        note="why records of this client are kept longer; goes with the file",
    )
)
register_personal(
    PersonalTable(
        table=table_of(Awaiting),
        whose="client",
        personal=frozenset({"record_id"}),
        note="a key, and who looked for the thing; goes when the destruction is confirmed",
    )
)
register_personal(
    PersonalTable(
        table=table_of(Parked),
        whose="client",
        personal=frozenset({"lock_id"}),
        note="a key; goes when the file could be disposed of",
    )
)
register_impersonal(
    table_of(Arming),
    "approvals of rules, by key of staff",
    record_class="disposal-evidence",
    counts_from={"collection": "ended_at"},
)
register_impersonal(table_of(SweepRun), "counts")
register_impersonal(table_of(Disposal), "counts")
register_impersonal(table_of(Certificate), "counts and a commitment to keys that are gone")
register_impersonal(table_of(Confirmation), "counts, by key of staff")
