"""What a privacy notice says beyond the other declarations, and which document it restates (`notice.toml`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from muniment.api.council import Contact, Document
from muniment.api.declaration import Declaration
from muniment.api.law import Right
from muniment.api.markers import hookspec
from muniment.api.text import Id, Slug, Text

__all__ = [
    "AutomatedDecisions",
    "DeclaredRight",
    "EqualityData",
    "Layer",
    "Notice",
    "NoticeDeclarations",
    "NoticeSpec",
    "Obligation",
    "PublishedNotice",
    "Section",
    "Statement",
    "TemplateFolder",
    "Transfers",
]

Section = Literal[
    "who-we-are", "about-this-notice", "what-we-hold", "where-from", "why", "basis", "special", "equality", "sharing",
    "transfers", "retention", "storage", "rights", "automated-decisions", "obligation", "complaints", "contact",
]  # fmt: skip


class Layer(Declaration, frozen=True):
    """Another notice this one builds on: a corporate one, a funder's, or another body's for part of the facts."""

    id: Id
    title: Text
    kind: Literal["corporate", "programme", "other-body"]
    url: Text | None = None
    whose: Text | None = None
    when: Text | None = None


class Statement(Declaration, frozen=True):
    """A promise that no other declaration holds (staff are trained; only what is needed is used). `text` is ours."""

    id: Id
    section: Section
    text: Text
    cohorts: tuple[Id, ...] = ()


class DeclaredRight(Declaration, frozen=True):
    """A right the source lists. `stated_as` paraphrases how it is explained there, also where the law differs."""

    right: Right
    stated_as: Text | None = None


class AutomatedDecisions(Declaration, frozen=True):
    """Solely automated decisions (Arts 22A-22D). `use` absent: the source does not say."""

    use: Literal["none", "some", "not-applicable"] | None = None
    examples: tuple[Text, ...] = ()
    safeguards: Text | None = None
    opt_out: Text | None = None


class Transfers(Declaration, frozen=True):
    """Transfers outside the United Kingdom. `use` absent: the source does not say."""

    use: Literal["none", "some"] | None = None
    countries: tuple[Text, ...] = ()
    safeguard: Text | None = None


class Obligation(Declaration, frozen=True):
    """Whether people must provide data, and what follows if they don't (Art 13(2)(e))."""

    kind: Literal["voluntary", "statutory", "contractual", "mixed"] | None = None
    why: Text | None = None
    consequence: Text | None = None


class EqualityData(Declaration, frozen=True):
    """Equality monitoring as the source describes it."""

    duty: Text | None = None
    uses: tuple[Text, ...] = ()
    anonymised: Literal["always", "mostly", "never"] | None = None


class Notice(Declaration, frozen=True):
    """One notice of a service. `restates` is the document it comes from; `given_before` are others people may hold."""

    id: Id
    title: Text
    services: tuple[Slug, ...] = ()
    """The services it covers; empty for the one whose folder it stands in."""
    programme: Slug | None = None
    """Whose own notice it is: it is for those who take part in this programme, and holds besides that of the service.
    What goes to a recipient for the programme's sake waits until they were given it."""
    restates: Document | None = None
    given_before: tuple[Document, ...] = ()
    audience: Text | None = None
    intro: Text | None = None
    layers: tuple[Layer, ...] = msgspec.field(name="layer", default=())
    contacts: tuple[Contact, ...] = msgspec.field(name="contact", default=())
    dpo: Contact | None = None
    regulator: Contact | None = None
    rights: tuple[DeclaredRight, ...] = msgspec.field(name="right", default=())
    rights_to: Text | None = None
    rights_limits: Text | None = None
    withdrawal: Text | None = None
    complaints: Text | None = None
    regulator_complaints: Text | None = None
    obligation: Obligation = Obligation()
    automated: AutomatedDecisions = AutomatedDecisions()
    transfers: Transfers = Transfers()
    equality: EqualityData | None = None
    statements: tuple[Statement, ...] = msgspec.field(name="statement", default=())


class NoticeDeclarations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`notice.toml`: the notices of one service."""

    notices: tuple[Notice, ...] = msgspec.field(name="notice", default=())


class TemplateFolder(msgspec.Struct, frozen=True):
    """Templates a plugin brings: the package and the folder in it. Mounted under the plugin's own prefix."""

    package: str
    folder: str = "templates"


class PublishedNotice(msgspec.Struct, frozen=True):
    """Told to observers: a version of a notice was published."""

    council: str
    notice: str
    number: int
    language: str
    sha256: str


class NoticeSpec:
    """Hooks about notices and their words."""

    @hookspec
    def privacy_notices(self, service: str) -> NoticeDeclarations | None:
        """Declare the notices of a service.

        When: at start-up and at each `policy check`. Order: what the council uses, then the council. Results: all lists
        joined; an id declared twice is an error. Errors: a declaration that does not load is reported for this council
        alone. Since: 1.0.
        """

    @hookspec
    def notice_templates(self) -> TemplateFolder | None:
        """Say where this plugin keeps templates.

        When: at start-up. Order: irrelevant. Results: kept per plugin; a template of the council's own plugin comes
        before the words plugin's. Rendered in a sandbox. Errors: stop start-up, naming the plugin. Since: 1.0.
        """

    @hookspec
    def notice_published(self, published: Sequence[PublishedNotice]) -> None:
        """Observe publications.

        When: after commit, at most once. Order: irrelevant. Results: none. Errors: an exception or more
        than one second is logged with plugin and hook, and stops nobody. Since: 1.0.
        """
