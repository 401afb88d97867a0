"""What is held about people: categories and fields, where it comes from, in which systems, and how it is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from muniment.api.declaration import Declaration
from muniment.api.law import Characteristic, DataKind
from muniment.api.markers import hookspec
from muniment.api.text import Id, Label, Slug, Text

__all__ = [
    "About",
    "Category",
    "Choice",
    "ClientDeclarations",
    "ClientSpec",
    "Cohort",
    "CollectionLimit",
    "Column",
    "Field",
    "FieldType",
    "ImportDeclarations",
    "ImportSource",
    "Medium",
    "ProposedValues",
    "Refusal",
    "RegisteredClient",
    "Source",
    "System",
]

FieldType = Literal[
    "text",
    "long-text",
    "date",
    "integer",
    "boolean",
    "choice",
    "email",
    "phone",
    "postcode",
    "ni-number",
    "money",
]
Medium = Literal["digital", "paper", "other-system"]
Whose = Literal["client", "child", "parent", "other"]
"""Whose birth, death or other event a day is."""

About = Literal["client", "family", "dependant", "referee", "carer", "employer", "worker", "public", "other"]


class Cohort(Declaration, frozen=True):
    """A group of people that some facts apply to alone: employers, residents of an area, learners of one kind.

    `field` (with `equals`, or any value of it) and `in_programme` say how it is known who belongs to it; either will
    do. Without them it is not known of anybody, and no clause about the cohort can be computed.
    """

    id: Id
    title: Text
    field: Label | None = None
    equals: tuple[str, ...] = ()
    in_programme: Slug | None = None


class Choice(Declaration, frozen=True):
    """One value a choice field takes. `not_stated` marks *prefer not to say*, which is not the same as unknown."""

    id: Id
    title: Text
    not_stated: bool = False


class Field(Declaration, frozen=True):
    """A part of a category. `kind` and `characteristic` override the category's."""

    id: Id
    title: Text
    type: FieldType = "text"
    kind: DataKind | None = None
    characteristic: Characteristic | None = None
    choices: tuple[Choice, ...] = msgspec.field(name="choice", default=())
    about: About | None = None


class Category(Declaration, frozen=True):
    """A kind of personal data.

    `kind` is absent where the source does not say. `condition` tells when it is collected at all (where relevant,
    optional, if the funder asks); `obligatory` and `consequence` are Art 13(2)(e); `open_list` marks a category that
    the source introduces with words such as *including* or *like*.
    """

    id: Id
    title: Text
    kind: DataKind | None = "ordinary"
    characteristic: Characteristic | None = None
    about: About = "client"
    cohorts: tuple[Id, ...] = ()
    condition: Text | None = None
    obligatory: bool | None = None
    consequence: Text | None = None
    open_list: bool = False
    fields: tuple[Field, ...] = msgspec.field(name="field", default=())


class Source(Declaration, frozen=True):
    """Where data come from (Art 14(2)(f)). `gives` are category ids; empty when the source does not say which."""

    id: Id
    title: Text
    kind: Literal["person", "body", "public-source"]
    gives: tuple[Id, ...] = ()
    how: Text | None = None
    publicly_accessible: bool | None = None
    own_notice: Text | None = None
    open_list: bool = False


class System(Declaration, frozen=True):
    """Where data are held: this deployment, another system, or paper. `operator` is a party (a processor, mostly).

    `connector` is the distribution of the plugin that erases in it (`erase_in_system`); without one a person does.
    """

    id: Id
    title: Text
    medium: Medium
    operator: Id | None = None
    location: Text | None = None
    connector: Label | None = None


class CollectionLimit(Declaration, frozen=True):
    """A limit on collecting, which has the shape of a retention clause: only to age 25, only while enrolled."""

    id: Id
    title: Text
    categories: tuple[Id, ...] = ()
    cohorts: tuple[Id, ...] = ()


class Column(Declaration, frozen=True):
    """One column of an import file and where it goes.

    `to` is one of: `reference`, `given-names`, `family-name`, `born-on`, `postcode`, `address`, `email`, `phone` (the
    stub); `field:CATEGORY.FIELD`; `milestone:KIND` (a date the source states; `own_act` where the column records an act
    of the person, the only kind of last contact that counts; `whose` day it is, if not the client's);
    `enrolment:PROGRAMME` (a start date); `opened-on`; `system-key` (the key that the format's `system` knows the record
    by, so that it can be erased there); `ignore`. A column of the file that no entry names is refused: ignoring is
    declared.

    `refresh` lets a later file change the value; otherwise a known reference with another value is rejected.
    """

    name: Label
    to: Label
    required: bool = False
    refresh: bool = False
    own_act: bool = False
    whose: Whose = "client"
    record_class: Id | None = None
    values: dict[str, str] = msgspec.field(default_factory=dict)
    """What the file writes for each choice id, where it is not the id itself."""
    date_format: Label = "%Y-%m-%d"


class ImportSource(Declaration, frozen=True):
    """A CSV file that another body or system gives: who (`source`, a declared source), and what each column means.

    `purposes` are those every value is then held for. `referral` starts the Art 14 clock: the notice is due within one
    month of obtaining, or with the first communication or disclosure if that is earlier.
    """

    id: Id
    title: Text
    source: Id
    purposes: tuple[Id, ...]
    system: Id | None = None
    referral: bool = False
    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: Literal["utf-8", "cp1252"] = "utf-8"
    columns: tuple[Column, ...] = msgspec.field(name="column", default=())


class ClientDeclarations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`categories.toml`: what one service holds about people."""

    cohorts: tuple[Cohort, ...] = msgspec.field(name="cohort", default=())
    categories: tuple[Category, ...] = msgspec.field(name="category", default=())
    sources: tuple[Source, ...] = msgspec.field(name="source", default=())
    systems: tuple[System, ...] = msgspec.field(name="system", default=())
    limits: tuple[CollectionLimit, ...] = msgspec.field(name="limit", default=())
    imports: tuple[ImportSource, ...] = msgspec.field(name="import", default=())


class ImportDeclarations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`imports.toml`: the files one service takes in. Facts of the deployment, so apart from the notice's."""

    imports: tuple[ImportSource, ...] = msgspec.field(name="import", default=())


class ProposedValues(msgspec.Struct, frozen=True):
    """Values somebody wants to store, as a judge sees them: one item of a batch. Keys are `category.field`."""

    item: int
    service: str
    record_class: str
    values: Mapping[str, object]


class Refusal(msgspec.Struct, frozen=True):
    """A judge's no to one item of the batch. `code` is stable, `reason` one sentence without personal data."""

    item: int
    code: str
    reason: str


class RegisteredClient(msgspec.Struct, frozen=True):
    """Told to observers: a client file came into being."""

    council: str
    service: str
    file_id: str


class ClientSpec:
    """Hooks about what is held."""

    @hookspec
    def client_categories(self, service: str) -> ClientDeclarations | None:
        """Declare categories, sources, systems, cohorts and import formats of a service.

        When: at start-up and at each `policy check`. Order: core's defaults, then the words, programmes and connectors
        the council uses, then the council. Results: all lists joined; an id declared twice is an error.
        Errors: a declaration that does not load is reported for this council alone. Since: 1.0.
        """

    @hookspec
    def client_validate(self, proposed: Sequence[ProposedValues]) -> Sequence[Refusal] | None:
        """Judge values before they are stored: pure, no input or output.

        When: after the adopted policy has accepted them. Order: irrelevant. Results: any refusal refuses the item.
        Errors: an exception or more than one second refuses the whole batch, and is shown. Since: 1.0.
        """

    @hookspec
    def client_registered(self, clients: Sequence[RegisteredClient]) -> None:
        """Observe new client files.

        When: after commit, at most once; what must not be lost belongs in an actor. Order: irrelevant. Results: none.
        Errors: an exception or more than one second is logged with plugin and hook, and stops nobody. Since: 1.0.
        """
