"""Published notices, earlier documents, notices given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "earlier_document",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_earlier_document_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_earlier_document"),
        sa.UniqueConstraint(
            "council_id",
            "service",
            "title",
            "version",
            "dated",
            name="uq_earlier_document_council_id_service_title_version_dated",
            postgresql_nulls_not_distinct=True,
        ),
    )
    secure("earlier_document", append_only=True)

    op.create_table(
        "notice_version",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("covers", postgresql.JSONB(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("restates", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.CheckConstraint("(approved_by is null) = (ground is null)", name="ck_notice_version_approval"),
        sa.CheckConstraint("number >= 1", name="ck_notice_version_number"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_notice_version_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_notice_version"),
        sa.UniqueConstraint(
            "council_id",
            "service",
            "notice",
            "number",
            "language",
            name="uq_notice_version_council_id_service_notice_number_language",
        ),
    )
    secure("notice_version", append_only=True)

    op.create_table(
        "notice_given",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.CheckConstraint("(version_id is null) <> (document_id is null)", name="ck_notice_given_what"),
        sa.ForeignKeyConstraint(
            ["council_id", "document_id"],
            ["earlier_document.council_id", "earlier_document.id"],
            name="fk_notice_given_council_id_document_id",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_notice_given_council_id_file_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "version_id"],
            ["notice_version.council_id", "notice_version.id"],
            name="fk_notice_given_council_id_version_id",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_notice_given_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_notice_given"),
    )
    op.create_index("ix_notice_given_file", "notice_given", ["council_id", "file_id", "given_on"])
    secure("notice_given")
