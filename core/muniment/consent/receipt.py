"""The receipt of an act, in the form of ISO/IEC TS 27560:2023: what a program keeps of a consent or a permission.

Its names are the standard's; the context gives them their meaning in the Data Privacy Vocabulary. It is made from the
event and from the policy under which that was written down, so the same event gives the same receipt for good. It says
nothing that these do not: where the policy is silent, so it says. The record's key finds the proof again when the
client file has gone, for whoever shows the receipt.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from muniment.api.consent import Purpose
from muniment.api.council import Contact, Party
from muniment.api.text import say
from muniment.consent.acts import CONSENT, LIVE, Kind
from muniment.consent.grounds import CONSENT_ARTICLE, ground_of, purpose_of
from muniment.consent.history import EventView
from muniment.notices.shown import Shown
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.special import Slot

__all__ = ["NOT_STATED", "Receipt", "reached", "receipt_of"]

SCHEMA: Final = "ISO/IEC TS 27560:2023"
NOT_STATED: Final = "not stated"

CONTEXT: Final = {
    "dpv": "https://w3id.org/dpv#",
    "dct": "http://purl.org/dc/terms/",
    "consent_record": "dpv:ConsentRecord",
    "record_id": "dct:identifier",
    "pii_principal_id": "dpv:hasDataSubject",
    "purpose": "dpv:hasPurpose",
    "lawful_basis": "dpv:hasLegalBasis",
    "language": "dct:language",
    "privacy_notice": "dpv:hasNotice",
    "pii_information": "dpv:hasPersonalData",
    "pii_controllers": "dpv:hasDataController",
    "recipient_third_parties": "dpv:hasRecipientThirdParty",
    "jurisdiction": "dpv:hasJurisdiction",
    "event_state": "dpv:hasConsentStatus",
}

REGIONS: Final = {"england": "GB-ENG", "wales": "GB-WLS", "scotland": "GB-SCT", "northern-ireland": "GB-NIR"}
"""ISO 3166-2."""

STATES: Final = {"superseded": "invalidated"}
"""What the standard calls a state that the ledger calls otherwise."""


class Header(msgspec.Struct, frozen=True):
    """Which record it is: `record_id` is the event's key, `pii_principal_id` a random one that stands for the person in
    the ledger."""

    schema_version: str
    record_id: UUID
    pii_principal_id: UUID


class Notice(msgspec.Struct, frozen=True):
    """The notice that was shown: a frozen version with its hash and address, or an earlier document."""

    title: str
    version: str
    sha256: str | None
    address: str | None
    dated: date | None


class PersonalData(msgspec.Struct, frozen=True):
    """A category of personal data."""

    pii_type: str
    special_pii_category: bool


class Processing(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed to. `wording` is what the person was shown or told, word for word, and `wording_sha256` its hash
    in hexadecimal. `recipient_third_parties` are named one by one."""

    privacy_notice: Notice | None
    language: str | None
    wording: str | None
    wording_sha256: str | None
    purpose: str
    purpose_id: str
    lawful_basis: tuple[str, ...]
    pii_information: tuple[PersonalData, ...]
    pii_controllers: tuple[str, ...]
    collection_method: str | None
    storage_locations: tuple[str, ...]
    retention_period: tuple[str, ...]
    service: str
    jurisdiction: str
    recipient_third_parties: tuple[str, ...]
    withdrawal_method: str


class PartyTold(msgspec.Struct, frozen=True):
    """An organisation: the controller, or somebody who receives. What the policy does not give is `not stated`."""

    party_id: str
    party_name: str
    party_address: str
    party_contact: str
    party_type: Literal["controller", "recipient"]


class Event(msgspec.Struct, frozen=True):
    """What happened. `event_type` is `explicit` or `expressed`; `validity_duration` the last day it counts, or until it
    is withdrawn. `entity_id` is the person's, or says on what authority somebody acted for them."""

    event_time: datetime
    validity_duration: str
    entity_id: str
    event_type: Literal["explicit", "expressed"]
    event_state: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt as JSON-LD. `kind` says whether it is of a consent or of a permission, which rests on another basis."""

    context: dict[str, str] = msgspec.field(name="@context")
    type: Literal["dpv:ConsentReceipt", "permission-receipt"] = msgspec.field(name="@type")
    schema_version: str
    receipt_id: UUID
    kind: Kind
    council: str
    policy: str
    consent_record: Header
    pii_processing: Processing
    party_identification: tuple[PartyTold, ...]
    events: tuple[Event, ...]


def receipt_of(
    policy: Policy, service: str, subject_id: UUID, event: EventView, shown: Shown | None, how_to_withdraw: str
) -> Receipt:
    """The receipt of an event under the policy that it cites. Pure."""
    declared, language = policy.service(service), event.language or policy.council.languages[0]
    purpose = purpose_of(declared, event.purpose)
    controllers = tuple(_controllers(policy, declared))
    return Receipt(
        context=dict(CONTEXT),
        type="dpv:ConsentReceipt" if event.kind == CONSENT else "permission-receipt",
        schema_version=SCHEMA,
        receipt_id=event.id,
        kind=event.kind,
        council=policy.council.slug,
        policy=event.policy_hash,
        consent_record=Header(SCHEMA, event.id, subject_id),
        pii_processing=Processing(
            privacy_notice=None if shown is None else _notice(policy, shown),
            language=event.language,
            wording=event.wording,
            wording_sha256=event.wording_sha256,
            purpose=event.purpose if purpose is None else say(purpose.title, language),
            purpose_id=event.purpose,
            lawful_basis=_bases(declared, event, language),
            pii_information=tuple(_data(declared, event, language)),
            pii_controllers=tuple(party.id for party in controllers),
            collection_method=event.channel,
            storage_locations=tuple(_places(declared, language)) or (NOT_STATED,),
            retention_period=tuple(dict.fromkeys(_periods(declared, purpose, language))) or (NOT_STATED,),
            service=say(declared.service.title, language),
            jurisdiction=REGIONS[policy.council.nation],
            recipient_third_parties=event.named,
            withdrawal_method=how_to_withdraw,
        ),
        party_identification=(
            *(_party(party, language) for party in controllers),
            *(
                PartyTold(key, name, NOT_STATED, NOT_STATED, "recipient")
                for key, name in zip(event.recipients, event.named, strict=True)
            ),
        ),
        events=(
            Event(
                event_time=event.at,
                validity_duration=_validity(event),
                entity_id=event.authority or str(subject_id),
                event_type="explicit" if event.explicit else "expressed",
                event_state=STATES.get(event.state, event.state),
            ),
        ),
    )  # fmt: skip


def _controllers(policy: Policy, declared: ServicePolicy) -> Iterator[Party]:
    """The council, and whoever else the service says is a controller."""
    named = {role.party for role in declared.service.controllers if role.role in ("controller", "joint-controller")}
    for party in policy.council.parties:
        if party.id == policy.council.own_party or party.id in named:
            yield party


def _notice(policy: Policy, shown: Shown) -> Notice:
    address = None if shown.address is None else f"/{policy.council.slug}{shown.address}"
    return Notice(shown.title, shown.version, shown.sha256, address, shown.dated)


def _bases(declared: ServicePolicy, event: EventView, language: str) -> tuple[str, ...]:
    if event.kind == CONSENT:
        return (CONSENT_ARTICLE, *(("9.2.a",) if event.explicit else ()))
    return ground_of(declared, event.purpose).words(language) or (NOT_STATED,)


def _data(declared: ServicePolicy, event: EventView, language: str) -> Iterator[PersonalData]:
    known = {category.id: category for category in declared.clients.categories}
    for name in event.categories:
        category = known.get(name)
        if category is None:
            yield PersonalData(name, False)
        else:
            special = any(Slot(category, field).kind == "special" for field in category.fields)
            yield PersonalData(say(category.title, language), special or category.kind == "special")
    if not event.categories:
        yield PersonalData(NOT_STATED, False)


def _places(declared: ServicePolicy, language: str) -> Iterator[str]:
    for system in declared.clients.systems:
        place = say(system.location, language)
        yield f"{say(system.title, language)}{f', {place}' if place else ''}"


def _periods(declared: ServicePolicy, purpose: Purpose | None, language: str) -> Iterator[str]:
    """How long the records are kept that store what the purpose uses, as the schedule writes it."""
    used = frozenset(purpose.categories) if purpose is not None else frozenset[str]()
    titles = {
        entry.id: say(entry.title, language)
        for entry in declared.retention.classes
        if used.intersection(entry.categories)
    }
    for rule in declared.retention.rules:
        for clause in rule.clauses:
            for name in clause.classes or rule.classes:
                if name in titles and clause.keep is not None:
                    yield f"{titles[name]}: {clause.keep}"


def _party(party: Party, language: str) -> PartyTold:
    contact = party.contact or party.dpo
    address = "" if contact is None else say(contact.address, language)
    ways = "; ".join(reached(contact, language))
    return PartyTold(party.id, say(party.name, language), address or NOT_STATED, ways or NOT_STATED, "controller")


def reached(contact: Contact | None, language: str) -> tuple[str, ...]:
    """How somebody is reached, other than by post."""
    if contact is None:
        return ()
    ways = (contact.email, contact.phone, contact.url, contact.form)
    return tuple(say(way, language) for way in ways if way is not None)


def _validity(event: EventView) -> str:
    if event.state not in LIVE:
        return "none"
    return f"until {event.expires_on.isoformat()}" if event.expires_on else "until withdrawn"
