"""Agreements, stops, one-off requests, and results of data matching."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Make the tables."""
    op.create_table(
        "sharing_agreement",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("parties", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("purposes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("agreed_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.Column("stored_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_sharing_agreement_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "stored_id"],
            ["stored_file.council_id", "stored_file.id"],
            name="fk_sharing_agreement_council_id_stored_id",
            ondelete="SET NULL (stored_id)",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_sharing_agreement"),
    )
    op.create_index("ix_sharing_agreement_recipient", "sharing_agreement", ["council_id", "service", "recipient"])
    op.create_index("ix_sharing_agreement_stored", "sharing_agreement", ["council_id", "stored_id"])
    secure("sharing_agreement")

    op.create_table(
        "sharing_stop",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_sharing_stop_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_sharing_stop"),
    )
    op.create_index(
        "ix_sharing_stop_standing",
        "sharing_stop",
        ["council_id", "service", "recipient"],
        postgresql_where=sa.text("ended_on is null"),
    )
    secure("sharing_stop")

    op.create_table(
        "sharing_request",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("necessity", sa.Text(), nullable=False),
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("signed_off_by", sa.Text(), nullable=False),
        sa.Column("controllers", sa.Text(), nullable=False),
        sa.Column("lawful_basis", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("impact_assessment", sa.Text(), nullable=False),
        sa.Column("officer_view", sa.Text(), nullable=False),
        sa.Column("keeping", sa.Text(), nullable=False),
        sa.Column("security", sa.Text(), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("decided_fields", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("person_told", sa.Boolean(), nullable=True),
        sa.Column("telling_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("controllers in ('separate', 'joint')", name="ck_sharing_request_controllers"),
        sa.CheckConstraint("(state = 'received') = (decided_at is null)", name="ck_sharing_request_decided"),
        sa.CheckConstraint("kind in ('one-off', 'crime', 'legal-proceedings')", name="ck_sharing_request_kind"),
        sa.CheckConstraint("state in ('received', 'share', 'refuse')", name="ck_sharing_request_state"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_sharing_request_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_sharing_request_council_id_file_id",
            ondelete="SET NULL (file_id)",
        ),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_sharing_request"),
    )
    op.create_index("ix_sharing_request_file", "sharing_request", ["council_id", "file_id"])
    op.create_index("ix_sharing_request_received", "sharing_request", ["council_id", "received_on", "id"])
    secure("sharing_request")

    op.create_table(
        "match_result",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("data_set", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="open", nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("(outcome = 'open') = (closed_on is null)", name="ck_match_result_closed"),
        sa.CheckConstraint("outcome in ('open', 'no-issue', 'error', 'fraud')", name="ck_match_result_outcome"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_match_result_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_match_result"),
    )
    op.create_index("ix_match_result_received", "match_result", ["council_id", "received_on", "id"])
    secure("match_result")
