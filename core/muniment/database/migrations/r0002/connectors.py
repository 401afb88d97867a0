"""Records are known by a key in other systems, and what those are asked to erase is kept until they have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.database.migrations.steps import secure

__all__ = ["change"]


def change() -> None:
    """Add system and key to records; make the outbox of erasures and the table of systems asked."""
    op.add_column("record", sa.Column("system", sa.Text(), nullable=True))
    op.add_column("record", sa.Column("external_key", sa.Text(collation="C"), nullable=True))
    op.create_check_constraint("ck_record_known_there", "record", "(system is null) = (external_key is null)")
    op.create_index(
        "ix_record_external_key",
        "record",
        ["council_id", "external_key", "system"],
        postgresql_where=sa.text("external_key is not null"),
    )

    op.create_table(
        "delivery",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('waiting', 'refused')", name="ck_delivery_state"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_delivery_council_id"),
        sa.ForeignKeyConstraint(
            ["council_id", "record_id"],
            ["record.council_id", "record.id"],
            name="fk_delivery_council_id_record_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("council_id", "record_id", name="pk_delivery"),
    )
    op.create_index(
        "ix_delivery_due", "delivery", ["council_id", "due_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    secure("delivery")

    op.create_table(
        "connected_system",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_connected_system_council_id"),
        sa.PrimaryKeyConstraint("council_id", "system", name="pk_connected_system"),
    )
    secure("connected_system")
