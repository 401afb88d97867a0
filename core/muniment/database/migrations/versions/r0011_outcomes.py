"""What became of things on a destruction list: searched for and not found, lost, still needed; else destroyed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (
        ("searched_on", sa.Date()),
        ("searched_kind", sa.Text()),
        ("searched_role", sa.Text()),
        ("searched_by", sa.Uuid()),
    ):
        op.add_column("awaiting", sa.Column(name, kind, nullable=True))
    op.create_check_constraint(
        "ck_awaiting_searched",
        "awaiting",
        "num_nulls(searched_on, searched_kind, searched_role) in (0, 3)"
        " and (searched_by is null or searched_on is not null)",
    )
    op.add_column("confirmation", sa.Column("outcome", sa.Text(), server_default="destroyed", nullable=False))
    op.create_check_constraint(
        "ck_confirmation_outcome", "confirmation", "outcome in ('destroyed', 'lost', 'not-found', 'still-needed')"
    )


def downgrade() -> None:
    refuse_downgrade()
