"""Appropriate policy documents in versions, each for one condition (DPA 2018 Sch 1 Part 4)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]

STATES = "state in ('prepared', 'approved', 'rejected', 'withdrawn')"
DATED = "state <> 'approved' or (in_force_from is not null and review_on is not null)"
CHECKS = {
    "state": STATES,
    "reviewed": "(state = 'prepared') = (reviewed_at is null)",
    "by_another": "reviewed_by <> prepared_by",
    "dated": DATED,
    "in_order": "in_force_until >= in_force_from",
}
TEXTS = ("service", "condition", "article", "schedule_1", "title", "html", "text", "sha256", "policy_hash", "state")


def change() -> None:
    """Make the table."""
    op.create_table(
        "policy_document",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXTS),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prepared_by", sa.Text(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("in_force_from", sa.Date(), nullable=True),
        sa.Column("in_force_until", sa.Date(), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("relied_until", sa.Date(), nullable=True),
        *(sa.CheckConstraint(check, name=f"ck_policy_document_{name}") for name, check in CHECKS.items()),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_policy_document_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_policy_document"),
        sa.UniqueConstraint(
            "council_id", "service", "condition", "number",
            name="uq_policy_document_council_id_service_condition_number",
        ),
    )  # fmt: skip
    secure("policy_document")
