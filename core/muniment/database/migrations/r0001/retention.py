"""Arming, holds, sweeps and the evidence of disposal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "arming",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("rule_hash", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("armed_kind", sa.Text(), nullable=False),
        sa.Column("armed_by", sa.Uuid(), nullable=True),
        sa.Column("preview", postgresql.JSONB(), nullable=False),
        sa.Column("newly_due", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_arming_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_arming"),
    )
    op.create_index(
        "uq_arming_in_force",
        "arming",
        ["council_id", "record_class"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    secure("arming")

    op.create_table(
        "disposal",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_disposal_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_disposal"),
    )
    op.create_index("ix_disposal_run", "disposal", ["council_id", "run_id"])
    secure("disposal")

    op.create_table(
        "hold",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("authoriser", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "case when scope in ('file', 'person', 'record') then target_id is not null and target is null"
            " when scope in ('class', 'programme') then target is not null and target_id is null else false end",
            name="ck_hold_scope",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_hold_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_hold"),
    )
    op.create_index(
        "ix_hold_target", "hold", ["council_id", "scope", "target"], postgresql_where=sa.text("released_at is null")
    )
    op.create_index(
        "ix_hold_target_id", "hold", ["council_id", "target_id"], postgresql_where=sa.text("released_at is null")
    )
    secure("hold")

    op.create_table(
        "parked",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("lock_id", sa.Uuid(), nullable=False),
        sa.Column("kept_in", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("classes", sa.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_parked_council_id"),
        sa.PrimaryKeyConstraint("council_id", "lock_id", name="pk_parked"),
    )
    secure("parked")

    op.create_table(
        "sweep_run",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("today", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chunks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("files", sa.Integer(), server_default="0", nullable=False),
        sa.Column("disposed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("awaited", sa.Integer(), server_default="0", nullable=False),
        sa.Column("kept", sa.Integer(), server_default="0", nullable=False),
        sa.Column("parked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("kept_by", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_sweep_run_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_sweep_run"),
    )
    op.create_index("ix_sweep_run_asked_at", "sweep_run", ["council_id", "asked_at", "id"])
    secure("sweep_run")

    op.create_table(
        "certificate",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("disposal_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_hash", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("disposed", sa.Integer(), nullable=False),
        sa.Column("awaited", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("due_from", sa.Date(), nullable=False),
        sa.Column("due_until", sa.Date(), nullable=False),
        sa.Column("arming_id", sa.Uuid(), nullable=False),
        sa.Column("armed_kind", sa.Text(), nullable=False),
        sa.Column("armed_by", sa.Uuid(), nullable=True),
        sa.Column("holds", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "disposal_id"],
            ["disposal.council_id", "disposal.id"],
            name="fk_certificate_council_id_disposal_id",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_certificate_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_certificate"),
    )
    op.create_index("ix_certificate_issued_at", "certificate", ["council_id", "issued_at", "id"])
    op.create_index("ix_certificate_run", "certificate", ["council_id", "run_id", "issued_at", "id"])
    secure("certificate", append_only=True)

    op.create_table(
        "awaiting",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("kept_in", sa.Text(), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "certificate_id"],
            ["certificate.council_id", "certificate.id"],
            name="fk_awaiting_council_id_certificate_id",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_awaiting_council_id"),
        sa.PrimaryKeyConstraint("council_id", "record_id", name="pk_awaiting"),
    )
    op.create_index("ix_awaiting_certificate", "awaiting", ["council_id", "certificate_id"])
    secure("awaiting")

    op.create_table(
        "confirmation",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("destroyed_on", sa.Date(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_kind", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["council_id", "certificate_id"],
            ["certificate.council_id", "certificate.id"],
            name="fk_confirmation_council_id_certificate_id",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_confirmation_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_confirmation"),
    )
    op.create_index("ix_confirmation_certificate", "confirmation", ["council_id", "certificate_id"])
    secure("confirmation", append_only=True)
