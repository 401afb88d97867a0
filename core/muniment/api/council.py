"""Who a council is: identity, parties, contacts, services, and which plugins it uses (`council.toml`)."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from muniment.api.declaration import Declaration
from muniment.api.markers import hookspec
from muniment.api.text import Id, Label, Language, Slug, Text

__all__ = [
    "Branding",
    "Contact",
    "ControllerRole",
    "Council",
    "CouncilSpec",
    "Document",
    "Party",
    "PartyRole",
    "Service",
]


class Contact(Declaration, frozen=True):
    """A way to reach a role. Never a named person: people leave, roles stay.

    `person_named` says that the source names a person where the role stands here.
    """

    role: Text
    name: Text | None = None
    address: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    url: Text | None = None
    form: Text | None = None
    person_named: bool = False


class Party(Declaration, frozen=True):
    """An organisation that appears as controller, processor or body named in a declaration.

    `registration` is its number in the regulator's register of fee payers; absent when the source gives none.
    """

    id: Id
    name: Text
    registration: str = ""
    dpo: Contact | None = None
    contact: Contact | None = None
    own_notice: Text | None = None


PartyRole = Literal["controller", "joint-controller", "processor", "sub-processor", "accountable-body", "lead-body"]


class ControllerRole(Declaration, frozen=True):
    """What a party is, and for what: by area, funding stream or set of data (`scope`, in words)."""

    party: Id
    role: PartyRole
    scope: Text | None = None
    categories: tuple[Id, ...] = ()
    programme: Slug | None = None


class Document(Declaration, frozen=True):
    """A document of the council, or of another body, as it was published.

    `version`, `dated` (the day it names itself), `updated`, `reviewed` and `next_review` are separate facts; absent
    ones were not stated.
    """

    id: Id
    title: Text
    version: str = ""
    dated: date | None = None
    updated: date | None = None
    reviewed: date | None = None
    next_review: date | None = None
    url: Text | None = None
    whose: Id | None = None


class Service(Declaration, frozen=True):
    """A part of the council with its own purposes. `folder` holds its declarations, beside `council.toml`."""

    slug: Slug
    title: Text
    folder: str
    summary: Text | None = None
    controllers: tuple[ControllerRole, ...] = msgspec.field(name="controller", default=())


class Branding(Declaration, frozen=True):
    """How pages look: data, never templates. Colours are checked for contrast when pages are rendered."""

    colour: str = ""
    typeface: str = ""


class Council(Declaration, frozen=True):
    """One council: `council.toml`."""

    slug: Slug
    name: Text
    nation: Literal["england", "wales", "scotland", "northern-ireland"]
    own_party: Id
    """Which of `parties` the council itself is."""
    languages: tuple[Language, ...] = ("en",)
    uses: tuple[Label, ...] = ()
    """Distribution names of the other plugins it uses: words, connectors, programmes. Only those are asked."""
    parties: tuple[Party, ...] = msgspec.field(name="party", default=())
    services: tuple[Service, ...] = msgspec.field(name="service", default=())
    documents: tuple[Document, ...] = msgspec.field(name="document", default=())
    """Documents that hold for all services, such as a corporate privacy notice."""
    branding: Branding = Branding()


class CouncilSpec:
    """Hooks that say who a council is."""

    @hookspec(firstresult=True)
    def council(self) -> Council | None:
        """Declare the council, if this plugin is a council's.

        When: once, at start-up, and at each `policy check`. Order: irrelevant, each plugin is asked alone.
        Results: exactly one council a plugin; two plugins for one slug stop start-up.
        Errors: a declaration that does not load is reported for this council alone; any other exception stops start-up.
        Since: 1.0.
        """
