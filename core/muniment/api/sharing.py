"""Who may receive data, why, and on what terms (`recipients.toml`)."""

from __future__ import annotations

from typing import Literal

import msgspec

from muniment.api.declaration import Declaration
from muniment.api.markers import hookspec
from muniment.api.text import Id, Slug, Text

__all__ = [
    "Body",
    "DataMatch",
    "Publication",
    "Recipient",
    "RecipientDeclarations",
    "SharingSpec",
    "Transfer",
]

ConsentNeeded = Literal["required", "not-required", "opt-out", "not-stated"]


class Body(Declaration, frozen=True):
    """A body that the source names under a kind of recipient, often as an example."""

    id: Id
    name: Text
    party: Id | None = None


class Publication(Declaration, frozen=True):
    """Publication as a kind of sharing: what is published and which fields are taken out first."""

    where: Text
    fields: tuple[str, ...] = ()
    redacted: tuple[str, ...] = ()


class DataMatch(Declaration, frozen=True):
    """A statutory data match: what must be given, to whom, under which enactment.

    `data_sets` are those the source names; empty where it names none. No client data leave for a match unless a data
    set is declared or decided.
    """

    statutes: tuple[Id, ...] = ()
    data_sets: tuple[Text, ...] = ()
    aim: Text | None = None


class Transfer(Declaration, frozen=True):
    """A transfer abroad (Arts 44A-49A): where to and on what safeguard."""

    country: Text
    safeguard: Text | None = None


class Recipient(Declaration, frozen=True):
    """A recipient or a kind of recipient (Art 13(1)(e)).

    `kind` says whether the source names a body or a kind of body; an unnamed one receives nothing until decided.
    `purposes`, `categories`, `bases` are empty where the source does not say. `opt_out` and `condition` are in words.
    """

    id: Id
    title: Text
    kind: Literal["body", "kind-of-body", "the-person", "the-public"]
    role: Literal["recipient", "processor", "sub-processor", "controller", "joint-controller"] = "recipient"
    bodies: tuple[Body, ...] = msgspec.field(name="body", default=())
    party: Id | None = None
    why: Text | None = None
    purposes: tuple[Id, ...] = ()
    categories: tuple[Id, ...] = ()
    bases: tuple[Id, ...] = ()
    consent: ConsentNeeded = "not-stated"
    opt_out: Text | None = None
    condition: Text | None = None
    programme: Slug | None = None
    own_notice: Text | None = None
    own_retention: Text | None = None
    cohorts: tuple[Id, ...] = ()
    publication: Publication | None = None
    match: DataMatch | None = None
    transfer: Transfer | None = None
    open_list: bool = False


class RecipientDeclarations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`recipients.toml`: who may receive what one service holds."""

    recipients: tuple[Recipient, ...] = msgspec.field(name="recipient", default=())
    open_list: bool = False
    """The source says that the list is not complete."""


class SharingSpec:
    """Hooks about sharing."""

    @hookspec
    def sharing_recipients(self, service: str) -> RecipientDeclarations | None:
        """Declare who may receive data of a service.

        When: at start-up and at each `policy check`. Order: core's defaults, then what the council uses, then the
        council. Results: all lists joined; an id declared twice is an error. Errors: a declaration that does not load
        is reported for this council alone. Since: 1.0.
        """
