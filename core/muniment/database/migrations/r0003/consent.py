"""The consent ledger: subjects, events that are only ever added, and what was handed in with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Make the tables of the ledger."""
    op.create_table(
        "consent_subject",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_consent_subject_council_id_file_id",
            ondelete="SET NULL (file_id)",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_consent_subject_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_consent_subject"),
        sa.UniqueConstraint("council_id", "file_id", name="uq_consent_subject_council_id_file_id"),
    )
    op.create_index(
        "ix_consent_subject_ended",
        "consent_subject",
        ["council_id", "ended_on"],
        postgresql_where=sa.text("ended_on is not null"),
    )
    op.create_index(
        "ix_consent_subject_loose",
        "consent_subject",
        ["council_id"],
        postgresql_where=sa.text("file_id is null and ended_on is null"),
    )
    secure("consent_subject")

    op.create_table(
        "consent_event",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_kind", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("categories", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("recipients", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("named", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("wording_sha256", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("version_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.Column("explicit", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.Column("about", sa.Uuid(), nullable=True),
        sa.Column("evidence", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint("(state in ('expired', 'superseded')) = (about is not null)", name="ck_consent_event_about"),
        sa.CheckConstraint(
            "authority in ('parental-responsibility', 'lasting-power-of-attorney', 'deputy', 'appointee',"
            " 'litigation-friend', 'written-authority')",
            name="ck_consent_event_authority",
        ),
        sa.CheckConstraint(
            "channel in ('in-person', 'post', 'email', 'text-message', 'telephone', 'online-form')",
            name="ck_consent_event_channel",
        ),
        sa.CheckConstraint(
            "how in ('signed', 'ticked', 'written', 'spoken', 'signed-language')", name="ck_consent_event_how"
        ),
        sa.CheckConstraint("kind in ('consent', 'permission')", name="ck_consent_event_kind"),
        sa.CheckConstraint(
            "state in ('requested', 'given', 'refused', 'reconfirmed', 'withdrawn', 'expired', 'superseded')",
            name="ck_consent_event_state",
        ),
        sa.CheckConstraint(
            "state not in ('given', 'reconfirmed') or (wording is not null and channel is not null"
            " and how is not null and (version_id is null) <> (document_id is null))",
            name="ck_consent_event_proof",
        ),
        sa.CheckConstraint(
            "(wording is null) = (wording_sha256 is null) and (wording is null) = (language is null)",
            name="ck_consent_event_wording",
        ),
        sa.CheckConstraint("cardinality(recipients) = cardinality(named)", name="ck_consent_event_named"),
        sa.ForeignKeyConstraint(
            ["council_id", "document_id"],
            ["earlier_document.council_id", "earlier_document.id"],
            name="fk_consent_event_council_id_document_id",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "subject_id"],
            ["consent_subject.council_id", "consent_subject.id"],
            name="fk_consent_event_council_id_subject_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "version_id"],
            ["notice_version.council_id", "notice_version.id"],
            name="fk_consent_event_council_id_version_id",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_consent_event_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_consent_event"),
        sa.UniqueConstraint("council_id", "subject_id", "number", name="uq_consent_event_council_id_subject_id_number"),
    )
    op.create_index(
        "ix_consent_event_about",
        "consent_event",
        ["council_id", "about"],
        postgresql_where=sa.text("about is not null"),
    )
    op.create_index(
        "ix_consent_event_expires",
        "consent_event",
        ["council_id", "expires_on"],
        postgresql_where=sa.text("expires_on is not null"),
    )
    secure("consent_event", append_only=True)

    op.create_table(
        "consent_evidence",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("stored_id", sa.Uuid(), nullable=True),
        sa.Column("proves", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("proves in ('consent', 'authority')", name="ck_consent_evidence_proves"),
        sa.ForeignKeyConstraint(
            ["council_id", "event_id"],
            ["consent_event.council_id", "consent_event.id"],
            name="fk_consent_evidence_council_id_event_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_consent_evidence_council_id_file_id",
            ondelete="SET NULL (file_id)",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "stored_id"],
            ["stored_file.council_id", "stored_file.id"],
            name="fk_consent_evidence_council_id_stored_id",
            ondelete="SET NULL (stored_id)",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_consent_evidence_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_consent_evidence"),
    )
    op.create_index("ix_consent_evidence_event", "consent_evidence", ["council_id", "event_id"])
    op.create_index("ix_consent_evidence_file", "consent_evidence", ["council_id", "file_id"])
    op.create_index("ix_consent_evidence_stored", "consent_evidence", ["council_id", "stored_id"])
    secure("consent_evidence")
