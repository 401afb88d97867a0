"""What hangs below a row of its council points to the council no more: that row does (docs/decisions/0022)."""

from __future__ import annotations

from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

HANGING_BELOW = (
    "archive_item",
    "attachment",
    "awaiting",
    "certificate",
    "client_file",
    "client_limit",
    "confirmation",
    "consent_event",
    "consent_evidence",
    "delivery",
    "disclosure_line",
    "disclosure_refusal",
    "enrolment",
    "export_file",
    "extension",
    "import_reject",
    "milestone",
    "notice_given",
    "pseudonym_key",
    "recipient_notification",
    "register_entry",
    "staff_role",
    "staff_session",
)


def upgrade() -> None:
    for table in HANGING_BELOW:
        op.drop_constraint(f"fk_{table}_council_id", table, type_="foreignkey")


def downgrade() -> None:
    refuse_downgrade()
