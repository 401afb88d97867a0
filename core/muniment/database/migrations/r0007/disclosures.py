"""The register of disclosures, exports, and who is to be told of later changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Make the tables."""
    op.create_table(
        "disclosure",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("named", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("data_set", sa.Text(), nullable=True),
        sa.Column("rests_on", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("exception", sa.Text(), nullable=True),
        sa.Column("condition_met", sa.Boolean(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_disclosure_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_disclosure"),
    )
    op.create_index("ix_disclosure_at", "disclosure", ["council_id", "at", "id"])
    op.create_index("ix_disclosure_decided", "disclosure", ["council_id", "decided_on"])
    op.create_index("ix_disclosure_recipient", "disclosure", ["council_id", "service", "recipient", "at"])
    secure("disclosure", append_only=True, goes_by_rule=True)

    op.create_table(
        "disclosure_line",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("disclosure_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_disclosure_line_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "disclosure_id"],
            ["disclosure.council_id", "disclosure.id"],
            name="fk_disclosure_line_council_id_disclosure_id",
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_disclosure_line_council_id_file_id",
            ondelete="SET NULL (file_id)",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_disclosure_line"),
    )
    op.create_index("ix_disclosure_line_disclosure", "disclosure_line", ["council_id", "disclosure_id"])
    op.create_index(
        "ix_disclosure_line_file",
        "disclosure_line",
        ["council_id", "file_id"],
        postgresql_where=sa.text("file_id is not null"),
    )
    secure("disclosure_line", append_only=True, goes_by_rule=True)

    op.create_table(
        "disclosure_refusal",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("disclosure_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("rules", sa.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_disclosure_refusal_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "disclosure_id"],
            ["disclosure.council_id", "disclosure.id"],
            name="fk_disclosure_refusal_council_id_disclosure_id",
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_disclosure_refusal_council_id_file_id",
            ondelete="SET NULL (file_id)",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_disclosure_refusal"),
    )
    op.create_index("ix_disclosure_refusal_disclosure", "disclosure_refusal", ["council_id", "disclosure_id"])
    op.create_index(
        "ix_disclosure_refusal_file",
        "disclosure_refusal",
        ["council_id", "file_id"],
        postgresql_where=sa.text("file_id is not null"),
    )
    secure("disclosure_refusal", append_only=True, goes_by_rule=True)

    op.create_table(
        "export_file",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("disclosure_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_export_file_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "disclosure_id"],
            ["disclosure.council_id", "disclosure.id"],
            name="fk_export_file_council_id_disclosure_id",
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "id"],
            ["stored_file.council_id", "stored_file.id"],
            name="fk_export_file_council_id_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_export_file"),
    )
    op.create_index("ix_export_file_disclosure", "export_file", ["council_id", "disclosure_id"])
    op.create_index("ix_export_file_made", "export_file", ["council_id", "made_on"])
    secure("export_file")

    op.create_table(
        "recipient_notification",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="to-send", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "change in ('rectified', 'erased', 'restricted', 'consent-withdrawn')",
            name="ck_recipient_notification_change",
        ),
        sa.CheckConstraint("(state = 'impossible') = (reason is not null)", name="ck_recipient_notification_reason"),
        sa.CheckConstraint(
            "state in ('to-send', 'sent', 'acknowledged', 'impossible')", name="ck_recipient_notification_state"
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_recipient_notification_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "line_id"],
            ["disclosure_line.council_id", "disclosure_line.id"],
            name="fk_recipient_notification_council_id_line_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_recipient_notification"),
    )
    op.create_index("ix_recipient_notification_line", "recipient_notification", ["council_id", "line_id"])
    op.create_index(
        "ix_recipient_notification_open",
        "recipient_notification",
        ["council_id", "since"],
        postgresql_where=sa.text("state in ('to-send', 'sent')"),
    )
    secure("recipient_notification")
