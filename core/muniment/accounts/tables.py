"""Tables of accounts: staff and their roles, sessions, API tokens, counted attempts and idempotency keys.

Secrets are never stored: of a password an Argon2id hash, of a session or a token the SHA-256 of 256 random bits, of an
address or an email that was tried a keyed digest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from muniment.database.base import Base, CouncilTable, council_fk
from muniment.database.ids import new_id
from muniment.database.registry import PersonalTable, register_impersonal, register_personal, table_of

__all__ = ["ApiToken", "Attempt", "IdempotencyKey", "Staff", "StaffRole", "StaffSession"]


class Staff(CouncilTable, Base):
    """A member of staff of one council. `email_key` is the address as it is looked up; a closed account stays for the
    audit log's sake until its retention period ends."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("council_id", "email_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str]
    email_key: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str]
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class StaffRole(CouncilTable, Base):
    """A role that somebody holds, for one service or, without one, for all."""

    __tablename__ = "staff_role"
    __table_args__ = (
        UniqueConstraint("council_id", "staff_id", "role", "service", postgresql_nulls_not_distinct=True),
        council_fk("staff_id", "staff.id", ondelete="CASCADE"),
        council_fk("service", "service.slug"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    staff_id: Mapped[UUID]
    role: Mapped[str]
    service: Mapped[str | None]


class StaffSession(CouncilTable, Base):
    """Somebody signed in: `expires_at` ends it whatever happens, and so does an hour without a request."""

    __tablename__ = "staff_session"
    __table_args__ = (
        UniqueConstraint("council_id", "digest"),
        council_fk("staff_id", "staff.id", ondelete="CASCADE"),
        Index("ix_staff_session_staff", "council_id", "staff_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    digest: Mapped[bytes]
    staff_id: Mapped[UUID]
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiToken(CouncilTable, Base):
    """What a program of the council shows. `staff_id` is whose it is, who then acts; null for a program of its own.
    `services` is null for all; `permissions` are `Permission` values."""

    __tablename__ = "api_token"
    __table_args__ = (
        UniqueConstraint("council_id", "digest"),
        council_fk("staff_id", "staff.id", ondelete="CASCADE"),
        Index("ix_api_token_staff", "council_id", "staff_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    digest: Mapped[bytes]
    staff_id: Mapped[UUID | None]
    label: Mapped[str]
    permissions: Mapped[list[Any]]
    services: Mapped[list[Any] | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Attempt(CouncilTable, Base):
    """How often something was tried in a window of time; `subject` is a keyed digest of who or from where."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_until", "council_id", "until"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[bytes] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(primary_key=True)
    tried: Mapped[int]


class IdempotencyKey(CouncilTable, Base):
    """A write that a program may send again: a digest of what was sent and, of the answer, no body."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_made_at", "council_id", "made_at"),)

    caller_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(primary_key=True)
    request: Mapped[bytes]
    made_at: Mapped[datetime]
    status: Mapped[int | None]
    location: Mapped[str | None]
    ids: Mapped[list[Any] | None]


register_personal(
    PersonalTable(
        table_of(Staff),
        "staff",
        frozenset({"email", "email_key", "name"}),
        record_class="staff-accounts",
        counts_from={"case-closed": "closed_at"},
    )
)
register_personal(
    PersonalTable(
        table_of(StaffRole), "staff", frozenset({"role"}), record_class="staff-accounts", hangs_below=table_of(Staff)
    )
)
register_personal(
    PersonalTable(
        table_of(StaffSession),
        "staff",
        frozenset({"staff_id", "made_at", "seen_at"}),
        record_class="staff-sessions",
        hangs_below=table_of(Staff),
        counts_from={"expiry": "expires_at"},
    )
)
register_personal(
    PersonalTable(
        table_of(Attempt),
        "staff",
        frozenset({"subject"}),
        record_class="sign-in-attempts",
        counts_from={"expiry": "until"},
        note="a keyed digest of an account or an address; most are gone at the next attempt after their window",
    )
)
register_personal(
    PersonalTable(
        table_of(ApiToken),
        "staff",
        frozenset({"staff_id", "permissions", "services", "made_at"}),
        record_class="api-tokens",
        hangs_below=table_of(Staff),
        counts_from={"expiry": "expires_at"},
        note="about the person whose it is; one without a person is a program's, which its label names",
    )
)
register_impersonal(
    table_of(IdempotencyKey),
    "keyed digests, statuses and ids; most are gone at the next write a day later",
    record_class="idempotency-keys",
    counts_from={"collection": "made_at"},
)
