"""Of what lies on paper and in another system the paper may be destroyed first: an outcome of its own."""

from __future__ import annotations

from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("ck_confirmation_outcome", "confirmation", type_="check")
    op.create_check_constraint(
        "ck_confirmation_outcome",
        "confirmation",
        "outcome in ('destroyed', 'lost', 'not-found', 'still-needed', 'paper-destroyed')",
    )


def downgrade() -> None:
    refuse_downgrade()
