"""A made-up policy with one recipient that may receive everything, to take things away from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from muniment.api.clients import ClientDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council, Service
from muniment.api.sharing import RecipientDeclarations
from muniment.policy.model import Policy, ServicePolicy
from muniment.sharing.question import Agreed, AgreementKnown, Circumstances, Facts, Question, RequestKnown

SERVICE = "advice"

CLIENTS: dict[str, Any] = {
    "category": [
        {"id": "personal", "title": "Personal", "field": [{"id": "address", "title": "A"}, {"id": "ni", "title": "N"}]},
        {"id": "work", "title": "Work", "field": [{"id": "history", "title": "History"}]},
        {"id": "health", "title": "Health", "kind": "special", "characteristic": "health",
         "field": [{"id": "condition", "title": "Condition"}]},
        {"id": "offences", "title": "Offences", "kind": "criminal", "characteristic": "criminal-offence",
         "field": [{"id": "conviction", "title": "Conviction"}]},
    ],
}  # fmt: skip

FIELDS = ("personal.address", "personal.ni", "work.history", "health.condition", "offences.conviction", "family-name")

PURPOSES: dict[str, Any] = {
    "statute": [
        {"id": "localism", "title": "Localism Act 2011", "provisions": ["s.1"]},
        {"id": "dpa", "title": "Data Protection Act 2018"},
    ],
    "purpose": [
        {"id": "support", "title": "Support"},
        {"id": "stories", "title": "Stories", "consent": True, "consent_wording": "I agree."},
    ],
    "basis": [
        {"id": "task", "article": "6.1.e", "statutes": ["localism"], "purposes": ["support"]},
        {"id": "bare-task", "article": "6.1.e", "statutes": ["dpa"], "purposes": ["support"]},
        {"id": "interests", "article": "6.1.f", "purposes": ["support"]},
        {"id": "agreement", "article": "6.1.a", "purposes": ["support"]},
        {"id": "obligation", "article": "6.1.c", "statutes": ["localism"], "purposes": ["support"]},
    ],
    "condition": [
        {"id": "health", "article": "9.2.b", "schedule_1": "1.1", "characteristics": ["health"],
         "purposes": ["support"]},
        {"id": "health-consent", "article": "9.2.a", "characteristics": ["health"], "purposes": ["stories"]},
        {"id": "crime", "article": "10", "schedule_1": "2.10", "purposes": ["support"]},
        {"id": "crime-consent", "article": "10", "schedule_1": "3.29", "purposes": ["stories"]},
    ],
}  # fmt: skip

RECIPIENT: dict[str, Any] = {
    "id": "college",
    "title": "The college",
    "kind": "body",
    "purposes": ["support", "stories"],
    "categories": ["personal", "work", "health", "offences"],
    "identity": ["family-name", "reference"],
    "bases": ["task"],
    "consent": "not-required",
}

QUESTION = Question(service=SERVICE, recipient="college", purpose="support", fields=FIELDS)

AROUND = Circumstances(
    documented=frozenset({"health", "crime"}),
    agreements=(
        AgreementKnown(frozenset({"support", "stories"}), frozenset({"personal", "work", "health", "offences"})),
    ),
)

REQUEST = RequestKnown(shared=True, open=True, fields=frozenset(FIELDS))

GIVEN = Agreed("given", named=True, explicit=True)

FACTS = Facts(
    held=frozenset(FIELDS),
    consent=GIVEN,
    permission=GIVEN,
    enrolled=True,
    programme_notice=True,
    told=True,
    adult=True,
    requested=True,
)


def policy_of(recipient: Mapping[str, Any] = {}, purposes: Mapping[str, Any] = PURPOSES) -> Policy:
    """The policy, with changes to its recipient."""
    return Policy(
        council=Council(slug="alpha", name="Alpha", nation="england", own_party="alpha"),
        services={
            SERVICE: ServicePolicy(
                service=msgspec.convert({"slug": SERVICE, "title": "Advice", "folder": SERVICE}, Service),
                clients=msgspec.convert(CLIENTS, ClientDeclarations),
                purposes=msgspec.convert(purposes, PurposeDeclarations),
                recipients=msgspec.convert({"recipient": [{**RECIPIENT, **recipient}]}, RecipientDeclarations),
            )
        },
    )
