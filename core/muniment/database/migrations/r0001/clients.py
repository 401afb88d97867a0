"""Persons, client files, records, registers, milestones, enrolments, facts about programmes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from muniment.database.migrations.steps import secure

__all__ = ["create"]


def create() -> None:
    """Create the tables of the first schema."""
    op.create_table(
        "person",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("same_as", sa.Uuid(), nullable=True),
        sa.CheckConstraint("same_as <> id", name="ck_person_not_itself"),
        sa.ForeignKeyConstraint(
            ["council_id", "same_as"],
            ["person.council_id", "person.id"],
            name="fk_person_council_id_same_as",
            ondelete="SET NULL (same_as)",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_person_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_person"),
    )
    op.create_index(
        "ix_person_same_as", "person", ["council_id", "same_as"], postgresql_where=sa.text("same_as is not null")
    )
    secure("person")

    op.create_table(
        "programme_fact",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.CheckConstraint("kind = 'ended'", name="ck_programme_fact_kind"),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_programme_fact_council_id"),
        sa.PrimaryKeyConstraint("council_id", "programme", "kind", name="pk_programme_fact"),
    )
    secure("programme_fact")

    op.create_table(
        "register",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("disposal", sa.Text(), nullable=True),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("stage", sa.SmallInteger(), nullable=True),
        sa.Column("rule_hash", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_register_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_register"),
    )
    op.create_index(
        "ix_register_due", "register", ["council_id", "due_on", "id"], postgresql_where="due_on is not null"
    )
    op.create_index("ix_register_held_on", "register", ["council_id", "held_on", "id"])
    secure("register")

    op.create_table(
        "client_file",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_key", sa.Text(collation="C"), nullable=True),
        sa.Column("given_names", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=True),
        sa.Column("name_key", sa.Text(collation="C"), nullable=False),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("postcode_key", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("referred_on", sa.Date(), nullable=True),
        sa.Column("notice_due_on", sa.Date(), nullable=True),
        sa.Column("generated", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "person_id"], ["person.council_id", "person.id"], name="fk_client_file_council_id_person_id"
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_client_file_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_client_file"),
    )
    op.create_index("ix_client_file_born_on", "client_file", ["council_id", "born_on", "id"])
    op.create_index("ix_client_file_name", "client_file", ["council_id", "name_key", "id"])
    op.create_index("ix_client_file_person", "client_file", ["council_id", "person_id"])
    op.create_index("ix_client_file_postcode", "client_file", ["council_id", "postcode_key", "id"])
    op.create_index(
        "uq_client_file_reference", "client_file", ["council_id", "reference_key", "service", "issuer"], unique=True
    )
    secure("client_file")

    op.create_table(
        "enrolment",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("ended_on >= started_on", name="ck_enrolment_in_order"),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_enrolment_council_id_file_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_enrolment_council_id"),
        sa.PrimaryKeyConstraint("council_id", "file_id", "programme", "started_on", name="pk_enrolment"),
    )
    op.create_index("ix_enrolment_programme", "enrolment", ["council_id", "programme", "file_id"])
    secure("enrolment")

    op.create_table(
        "milestone",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("own_act", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("noted_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_milestone_council_id_file_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_milestone_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_milestone"),
        sa.UniqueConstraint("council_id", "file_id", "kind", "happened_on", name="uq_milestone_event"),
    )
    secure("milestone")

    op.create_table(
        "record",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("values", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("disposal", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("record_class", sa.Text(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("stage", sa.SmallInteger(), nullable=True),
        sa.Column("rule_hash", sa.Text(), nullable=True),
        sa.CheckConstraint("file_id is not null or disposal is not null", name="ck_record_has_file"),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"], ["client_file.council_id", "client_file.id"], name="fk_record_council_id_file_id"
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_record_council_id"),
        sa.PrimaryKeyConstraint("council_id", "id", name="pk_record"),
    )
    op.create_index(
        "ix_record_due", "record", ["council_id", "due_on", "file_id"], postgresql_where="due_on is not null"
    )
    op.create_index("ix_record_file", "record", ["council_id", "file_id"])
    op.create_index(
        "uq_record_origin",
        "record",
        ["council_id", "file_id", "origin", "record_class"],
        unique=True,
        postgresql_where=sa.text("origin is not null"),
    )
    secure("record")

    op.create_table(
        "register_entry",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("register_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("attended", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id", "file_id"],
            ["client_file.council_id", "client_file.id"],
            name="fk_register_entry_council_id_file_id",
            ondelete="SET NULL (file_id)",
        ),
        sa.ForeignKeyConstraint(
            ["council_id", "register_id"],
            ["register.council_id", "register.id"],
            name="fk_register_entry_council_id_register_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["council_id"], ["council.id"], name="fk_register_entry_council_id"),
        sa.PrimaryKeyConstraint("council_id", "register_id", "position", name="pk_register_entry"),
    )
    op.create_index("ix_register_entry_file", "register_entry", ["council_id", "file_id"])
    secure("register_entry")
