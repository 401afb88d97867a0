"""Who may receive data, why, and on what terms (`recipients.toml`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from muniment.api.clients import Refusal
from muniment.api.declaration import Declaration
from muniment.api.markers import hookspec
from muniment.api.text import Id, Label, Slug, Text

__all__ = [
    "Body",
    "DataMatch",
    "DisclosureMade",
    "IdentityPart",
    "ProposedDisclosure",
    "Publication",
    "Recipient",
    "RecipientDeclarations",
    "SharingSpec",
    "Transfer",
]

ConsentNeeded = Literal["required", "not-required", "opt-out", "not-stated"]
IdentityPart = Literal[
    "reference", "given-names", "family-name", "born-on", "postcode", "address", "email", "phone",
]  # fmt: skip
"""A part of the identity stub of a client file: by what a recipient knows whom data are about."""


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
    set is declared or decided. `minors`: its specification asks for people under 18 too; without it none are given.
    """

    statutes: tuple[Id, ...] = ()
    data_sets: tuple[Text, ...] = ()
    aim: Text | None = None
    minors: bool = False


class Transfer(Declaration, frozen=True):
    """A transfer abroad (Arts 44A-49A): where to and on what safeguard."""

    country: Text
    safeguard: Text | None = None


class Recipient(Declaration, frozen=True):
    """A recipient or a kind of recipient (Art 13(1)(e)).

    `kind` says whether the source names a body or a kind of body; an unnamed one receives nothing until decided.
    `purposes`, `categories`, `bases` are empty where the source does not say: then it receives nothing. `opt_out` and
    `condition` are in words. What narrows or widens that further is mostly for the council to decide:

    `fields` (`category.field`) are the only ones of `categories` it may receive; empty: all of them. `identity` are
    the parts of the identity stub it may receive. `compatible` are purposes that values may be held for besides those
    they are given for, where the council has judged the two compatible (UK GDPR Arts 5(1)(b), 8A); values held on
    consent alone are never given so (Art 8A(4)). `agreement`: only under a data sharing agreement in force; processors
    and joint controllers always need one (Arts 26, 28(3)). `on_request`: only in answer to a request that was decided,
    and never more than that. `competent_authority`: it is one under DPA 2018 s.30, such as a police force.
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
    fields: tuple[Label, ...] = ()
    identity: tuple[IdentityPart, ...] = ()
    compatible: tuple[Id, ...] = ()
    agreement: bool = False
    on_request: bool = False
    competent_authority: bool = False


class RecipientDeclarations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`recipients.toml`: who may receive what one service holds."""

    recipients: tuple[Recipient, ...] = msgspec.field(name="recipient", default=())
    open_list: bool = False
    """The source says that the list is not complete."""


class ProposedDisclosure(msgspec.Struct, frozen=True):
    """What is about to be given for one kind of client, as a judge sees it: one item of a batch.

    Clients about whom the gate knows the same are one item: `clients` says how many. `fields` are `category.field` or
    parts of the identity stub, without values; `body` the body named, empty where the recipient is itself one.
    """

    item: int
    service: str
    recipient: str
    body: str
    purpose: str
    fields: tuple[str, ...]
    clients: int


class DisclosureMade(msgspec.Struct, frozen=True):
    """Told to observers: so many clients' data went to a recipient. `disclosure` is its key in the register."""

    council: str
    service: str
    recipient: str
    body: str
    purpose: str
    clients: int
    disclosure: str


class SharingSpec:
    """Hooks about sharing."""

    @hookspec
    def sharing_recipients(self, service: str) -> RecipientDeclarations | None:
        """Declare who may receive data of a service.

        When: at start-up and at each `policy check`. Order: core's defaults, then what the council uses, then the
        council. Results: all lists joined; an id declared twice is an error. Errors: a declaration that does not load
        is reported for this council alone. Since: 1.0.
        """

    @hookspec
    def sharing_refuse(self, proposed: Sequence[ProposedDisclosure]) -> Sequence[Refusal] | None:
        """Judge disclosures that every other rule of the gate allows: pure, no input or output.

        When: in deciding, before anything leaves; also when somebody only asks. Order: irrelevant. Results: any refusal
        refuses the item, and is shown with its reason. Errors: an exception or more than one second refuses the whole
        batch, and is shown. Since: 1.2.
        """

    @hookspec
    def disclosure_made(self, made: Sequence[DisclosureMade]) -> None:
        """Observe disclosures.

        When: after commit, at most once. Order: irrelevant. Results: none. Errors: an exception or more than one second
        is logged with plugin and hook, and stops nobody. Since: 1.2.
        """
