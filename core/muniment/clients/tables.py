"""What is stored about clients: people, their files, and what is recorded in them.

The client file is the lock: whoever changes anything below one locks its row first. A record keeps its file alive (the
foreign key restricts), because the stub goes with the last record under it and never before; what only describes a
file (milestones, enrolments) goes along with it.

Names, references and postcodes are stored twice, as given and as a key (`muniment.clients.normalise`), because under
row-level security an index serves only plain comparisons of plain columns.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from muniment.database.base import Base, CouncilTable, SmallInteger, council_fk
from muniment.database.ids import new_id
from muniment.database.registry import (
    Clocked,
    ClockedTable,
    PersonalTable,
    clocked_index,
    register_clocked,
    register_impersonal,
    register_personal,
    review_index,
    rule_index,
    table_of,
)

__all__ = [
    "Attachment",
    "ClientFile",
    "Enrolment",
    "Milestone",
    "Person",
    "ProgrammeFact",
    "PseudonymKey",
    "Record",
    "Register",
    "RegisterEntry",
]

Key = Text(collation="C")
"""Compared byte by byte, so that a range of it is a prefix and an index serves it under row-level security."""


class Person(CouncilTable, Base):
    """An opaque key for somebody a council holds data about. `same_as` is the person an officer joined it to."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    same_as: Mapped[UUID | None]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        return (
            council_fk("same_as", "person.id", ondelete="SET NULL (same_as)"),
            CheckConstraint("same_as <> id", name="not_itself"),
            Index("ix_person_same_as", "council_id", "same_as", postgresql_where=text("same_as is not null")),
        )


class ClientFile(CouncilTable, Base):
    """One person in one service: the identity stub, and the lock that every change takes.

    `source` is the declared source that the stub came from. `issuer` says whose `reference` it carries: the import
    format in whose files it stands, or nothing if it was given by hand. `opened_on` is the day the council began to
    hold the file. `referred_on` is the day data about the person were obtained from somebody
    else, `notice_due_on` the last day for telling them (UK GDPR Art 14(3)(a)). `generated` marks made-up people.
    `corrected` names the columns of the stub that staff have set by hand: no import changes them.
    `pseudonymous` marks a file that names nobody and holds what was pseudonymised (`PseudonymKey`).
    """

    __tablename__ = "client_file"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    service: Mapped[str]
    issuer: Mapped[str] = mapped_column(server_default="")
    reference: Mapped[str | None]
    reference_key: Mapped[str | None] = mapped_column(Key)
    given_names: Mapped[str | None]
    family_name: Mapped[str | None]
    name_key: Mapped[str] = mapped_column(Key)
    born_on: Mapped[date | None]
    postcode: Mapped[str | None]
    postcode_key: Mapped[str | None] = mapped_column(Key)
    address: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    opened_on: Mapped[date]
    source: Mapped[str]
    referred_on: Mapped[date | None]
    notice_due_on: Mapped[date | None]
    generated: Mapped[bool] = mapped_column(server_default="false")
    corrected: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    pseudonymous: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        council_fk("person_id", "person.id"),
        Index("ix_client_file_person", "council_id", "person_id"),
        Index("uq_client_file_reference", "council_id", "reference_key", "service", "issuer", unique=True),
        Index("ix_client_file_name", "council_id", "name_key", "id"),
        Index("ix_client_file_born_on", "council_id", "born_on", "id"),
        Index("ix_client_file_postcode", "council_id", "postcode_key", "id"),
        Index(
            "ix_client_file_notice_due",
            "council_id",
            "notice_due_on",
            postgresql_where=text("notice_due_on is not null"),
        ),
    )


class Record(Clocked, CouncilTable, Base):
    """A stored fact in a file. `record_class` is `service/class`; `location` says where a paper record lies.

    `values` is `{"category.field": {"v": value, "s": source, "on": day it was given, "p": [purposes]}}`. `disposal` is
    `awaiting` when a record on paper or in another system has been emptied here and waits to be destroyed there; only
    then may it have no file. `origin` is the import format that made the record and may refresh it, but for the values
    named in `corrected`, which staff have set or taken away by hand. `system` is the declared system, besides this
    deployment, that holds the record too (or alone), and `external_key` what it is known by there. `restricted_on` is
    the day from which a record is kept out of use (`muniment.clients.use`).
    """

    __tablename__ = "record"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[UUID | None]
    recorded_on: Mapped[date]
    location: Mapped[str | None]
    values: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    disposal: Mapped[str | None]
    origin: Mapped[str | None]
    corrected: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    system: Mapped[str | None]
    external_key: Mapped[str | None] = mapped_column(Key)
    restricted_on: Mapped[date | None]

    __table_args__ = (
        council_fk("file_id", "client_file.id"),
        CheckConstraint("file_id is not null or disposal is not null", name="has_file"),
        CheckConstraint("(system is null) = (external_key is null)", name="known_there"),
        Index(
            "ix_record_external_key",
            "council_id",
            "external_key",
            "system",
            postgresql_where=text("external_key is not null"),
        ),
        Index("ix_record_file", "council_id", "file_id"),
        Index(
            "uq_record_origin",
            "council_id",
            "file_id",
            "origin",
            "record_class",
            unique=True,
            postgresql_where=text("origin is not null"),
        ),
        clocked_index("record", "file_id"),
        review_index("record"),
        rule_index("record"),
    )


class Attachment(CouncilTable, Base):
    """A stored file that belongs to a record: a scanned form, a letter. `name` is the file's own.

    Whatever takes the record leaves the row without one, in the same transaction; then it is on its way out, and
    `muniment.clients.attachments.let_go` takes it, its key and its bytes.
    """

    __tablename__ = "attachment"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    record_id: Mapped[UUID | None]
    stored_id: Mapped[UUID]
    name: Mapped[str]
    added_on: Mapped[date]

    __table_args__ = (
        council_fk("record_id", "record.id", ondelete="SET NULL (record_id)"),
        council_fk("stored_id", "stored_file.id"),
        Index("ix_attachment_record", "council_id", "record_id"),
        Index("ix_attachment_stored", "council_id", "stored_id"),
    )


class Milestone(CouncilTable, Base):
    """A dated event of a file that a retention clause counts from. `own_act`: the client did it.

    Events are facts of their own: a later one of the same kind stands beside the earlier one. `whose` event it is:
    the client's, or a `child`'s, a `parent`'s or an `other` person's whose birth or death a rule counts from.
    """

    __tablename__ = "milestone"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[UUID]
    kind: Mapped[str]
    whose: Mapped[str] = mapped_column(server_default="client")
    happened_on: Mapped[date]
    own_act: Mapped[bool]
    source: Mapped[str]
    noted_on: Mapped[date]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="CASCADE"),
        UniqueConstraint("council_id", "file_id", "kind", "whose", "happened_on", name="uq_milestone_event"),
        CheckConstraint("whose in ('client', 'child', 'parent', 'other')", name="whose"),
    )


class Enrolment(CouncilTable, Base):
    """A client's time in an externally funded programme, `ended_on` inclusive; null while it lasts."""

    __tablename__ = "enrolment"

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    programme: Mapped[str] = mapped_column(primary_key=True)
    started_on: Mapped[date] = mapped_column(primary_key=True)
    ended_on: Mapped[date | None]

    __table_args__ = (
        council_fk("file_id", "client_file.id", ondelete="CASCADE"),
        CheckConstraint("ended_on >= started_on", name="in_order"),
        Index("ix_enrolment_programme", "council_id", "programme", "file_id"),
    )


class PseudonymKey(CouncilTable, Base):
    """The key that leads from a file without a name back to the file that its records came from.

    It is all that does. Who may follow it: `muniment.clients.pseudonyms`. It goes with either file, or when the period
    of its own class has run; then nobody can.
    """

    __tablename__ = "pseudonym_key"

    pseudonym_id: Mapped[UUID] = mapped_column(primary_key=True)
    file_id: Mapped[UUID]
    made_on: Mapped[date]

    __table_args__ = (
        council_fk("pseudonym_id", "client_file.id", ondelete="CASCADE"),
        council_fk("file_id", "client_file.id", ondelete="CASCADE"),
        Index("ix_pseudonym_key_file", "council_id", "file_id"),
    )


class ProgrammeFact(CouncilTable, Base):
    """What happened to a programme as a whole, and when it took effect. `kind` is `ended`."""

    __tablename__ = "programme_fact"

    programme: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    happened_on: Mapped[date]

    __table_args__ = (CheckConstraint("kind = 'ended'", name="kind"),)


class Register(Clocked, CouncilTable, Base):
    """A record about several people, such as who attended a course. It goes as one, and is its own lock."""

    __tablename__ = "register"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str]
    title: Mapped[str]
    held_on: Mapped[date]
    location: Mapped[str | None]
    disposal: Mapped[str | None]

    __table_args__ = (
        Index("ix_register_held_on", "council_id", "held_on", "id"),
        clocked_index("register", "id"),
        review_index("register"),
        rule_index("register"),
    )


class RegisterEntry(CouncilTable, Base):
    """One line of a register. It points to a client file where there is one, and else has a name."""

    __tablename__ = "register_entry"

    register_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    file_id: Mapped[UUID | None]
    name: Mapped[str | None]
    attended: Mapped[bool]

    __table_args__ = (
        council_fk("register_id", "register.id", ondelete="CASCADE"),
        council_fk("file_id", "client_file.id", ondelete="SET NULL (file_id)"),
        Index("ix_register_entry_file", "council_id", "file_id"),
    )


def _client(model: type[Base], *personal: str, below: type[Base] | None = None, note: str = "") -> None:
    register_personal(
        PersonalTable(
            table=table_of(model),
            whose="client",
            personal=frozenset(personal),
            hangs_below=None if below is None else table_of(below),
            note=note,
        )
    )


_client(Person, "id", "same_as", note="an opaque key; goes with the person's last file")
_client(
    ClientFile,
    "person_id", "reference", "reference_key", "given_names", "family_name", "name_key", "born_on", "postcode",
    "postcode_key", "address", "email", "phone", "opened_on", "referred_on", "notice_due_on",
    below=Person,
    note="the identity stub; goes with the last record under it",
)  # fmt: skip
_client(Record, "values", "location", "recorded_on", "external_key", "restricted_on", below=ClientFile)
_client(Attachment, "name", "added_on", below=Record, note="goes with its record, its bytes through a tombstone")
_client(Milestone, "kind", "whose", "happened_on", "own_act", "noted_on", below=ClientFile)
_client(Enrolment, "programme", "started_on", "ended_on", below=ClientFile)
_client(Register, "title", "held_on", "location", note="goes as one, with its entries")
_client(RegisterEntry, "file_id", "name", "attended", below=Register)
register_personal(
    PersonalTable(
        table=table_of(PseudonymKey),
        whose="client",
        personal=frozenset({"pseudonym_id", "file_id", "made_on"}),
        record_class="pseudonym-keys",
        hangs_below=table_of(ClientFile),
        counts_from={"collection": "made_on"},
        note="which file a pseudonymised record came from; goes with either, or by its own rule",
    )
)
register_impersonal(table_of(ProgrammeFact), "facts about programmes")

register_clocked(ClockedTable(table_of(Record), lock=table_of(ClientFile), lock_column="file_id"))
register_clocked(ClockedTable(table_of(Register), lock=table_of(Register), lock_column="id"))
