"""A made-up council with purposes that rest on consent and one that does not, and quick ways to ask things of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.accounts.permissions import Caller, command_caller
from muniment.api.clients import ClientDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council, Party, Service
from muniment.api.notices import Notice, NoticeDeclarations, Statement
from muniment.api.retention import RetentionDeclarations
from muniment.api.sharing import RecipientDeclarations
from muniment.clients.context import Context
from muniment.clients.files import NewClient, register_client
from muniment.clients.locks import LockedFile, lock_files
from muniment.clients.records import NewRecord, NewValue
from muniment.clients.stub import Stub
from muniment.consent import ledger, standing
from muniment.database.session import CouncilSession, Database
from muniment.defaults.law import law_in_force
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.notices.document import NoticeRef
from muniment.notices.given import NewEarlier, register_earlier
from muniment.notices.versions import Approval, Draft, publish
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.store import adopt
from tests.integration.clients.kit import plugins_of
from tests.unit.notices.made import words

TODAY: Final = date(2026, 11, 20)
SERVICE: Final = "advice"

CLIENTS: Final[Mapping[str, Any]] = {
    "category": [
        {
            "id": "personal",
            "title": "Personal details",
            "field": [{"id": "note", "title": "Note"}, {"id": "story", "title": "Their story"}],
        },
        {
            "id": "health",
            "title": "Health",
            "kind": "special",
            "characteristic": "health",
            "field": [{"id": "condition", "title": "Condition"}],
        },
    ],
    "source": [{"id": "client", "title": "The client", "kind": "person"}],
}

PURPOSES: Final[Mapping[str, Any]] = {
    "purpose": [
        {"id": "support", "title": "Support"},
        {
            "id": "stories",
            "title": {"en": "Telling your story", "cy": "Adrodd eich stori"},
            "categories": ["personal"],
            "consent": True,
            "consent_wording": {
                "en": "I agree that the council tells my story.",
                "cy": "Rwy'n cytuno i'r cyngor adrodd fy stori.",
            },
            "expires": "12 months",
            "recipients": ["newspaper"],
        },
        {
            "id": "vacancies",
            "title": "Putting you forward",
            "categories": ["personal"],
            "consent": True,
            "consent_wording": "I agree that my details are given to the employers named here.",
            "recipients": ["employers"],
        },
        {"id": "silent", "title": "Without words", "consent": True},
    ],
    "basis": [{"id": "task", "article": "6.1.e", "purposes": ["support"]}],
}

RECIPIENTS: Final[Mapping[str, Any]] = {
    "recipient": [
        {"id": "newspaper", "title": "The Generated Gazette", "kind": "body"},
        {"id": "radio", "title": "Generated Radio", "kind": "body"},
        {
            "id": "employers",
            "title": "Employers",
            "kind": "kind-of-body",
            "consent": "required",
            "body": [{"id": "works", "name": "Generated Works Ltd"}],
            "open_list": True,
        },
        {"id": "college", "title": "The Generated College", "kind": "body", "consent": "required",
         "purposes": ["support"]},
    ],
}  # fmt: skip

RETENTION: Final[Mapping[str, Any]] = {
    "class": [
        {"id": "case", "title": "Cases", "categories": ["personal", "health"]},
        {"id": "portrait", "title": "Portraits", "categories": ["personal"]},
    ],
    "rule": [
        {
            "id": "case",
            "classes": ["case"],
            "clause": [{"id": "closed", "keep": "3 years", "from": {"event": "case-closed"}}],
        },
        {
            "id": "portrait",
            "classes": ["portrait"],
            "clause": [{"id": "withdrawn", "keep": "1 month", "from": {"event": "consent-withdrawn"},
                        "action": "destroy"}],
        },
    ],
}  # fmt: skip

APPROVAL: Final = Approval("information asset owner", "Tests only.")


def policy_of(
    slug: str,
    *,
    purposes: Mapping[str, Any] = PURPOSES,
    recipients: Mapping[str, Any] = RECIPIENTS,
    retention: Mapping[str, Any] = RETENTION,
) -> Policy:
    """A policy of one service."""
    service = ServicePolicy(
        service=msgspec.convert({"slug": SERVICE, "title": "Advice", "folder": SERVICE}, Service),
        clients=msgspec.convert(CLIENTS, ClientDeclarations),
        purposes=msgspec.convert(purposes, PurposeDeclarations),
        recipients=msgspec.convert(recipients, RecipientDeclarations),
        retention=msgspec.convert(retention, RetentionDeclarations),
        notices=NoticeDeclarations(
            notices=(
                Notice(id="privacy", title="Generated notice",
                       statements=(Statement(id="made", section="why", text="Generated."),)),
            )
        ),
    )  # fmt: skip
    council = Council(
        slug=slug, name=f"Generated Council {slug}", nation="wales", own_party="own", languages=("en", "cy"),
        parties=(Party(id="own", name=f"Generated Council {slug}"),),
    )  # fmt: skip
    return Policy(council=council, services={SERVICE: service})


class House:
    """One council of a test."""

    def __init__(self, database: Database, council_id: UUID, slug: str, keys: KeyRing, files: Path) -> None:
        self.database, self.id, self.slug, self.keys = database, council_id, slug, keys
        self.caller: Caller = command_caller(council_id, "test")
        self.plugins = plugins_of(slug)
        self.store = FileStore(files, keys)
        self.policy = policy_of(slug)
        self.version: UUID
        self.document: UUID

    def session(self) -> Any:
        return self.database.council(self.id, self.caller.actor)

    def adopt(self, **declared: Mapping[str, Any]) -> None:
        self.policy = policy_of(self.slug, **declared)
        with self.session() as session:
            adopt(session, self.policy, session.clock, by="test")

    def publish(self) -> None:
        """Publish the notice, and register a leaflet of before."""
        with self.session() as session:
            law = law_in_force(session.clock.today())
            draft = Draft(self.policy, NoticeRef(SERVICE, "privacy"), words(), law)
            published = publish(session, self.caller, draft, self.plugins.facade(self.slug), APPROVAL)
            self.version = next(each.id for each in published.versions if each.language == "en")
            leaflet = NewEarlier(service=SERVICE, title="Generated leaflet", version="4")
            self.document = register_earlier(session, self.caller, leaflet)

    def context(self, session: CouncilSession) -> Context:
        return Context.of(session, self.plugins, self.keys)

    def register(
        self, values: Mapping[str, tuple[str, ...]] | None = None, record_class: str = "case",
        born_on: date | None = None,
    ) -> UUID:  # fmt: skip
        """Register somebody with one record; `values` are the purposes that each field is held for."""
        given = {name: NewValue("generated", "client", held) for name, held in (values or {}).items()}
        record = NewRecord(record_class=record_class, values=given)
        stub = Stub(family_name="Canary", given_names="Generated", born_on=born_on)
        new = NewClient(service=SERVICE, source="client", record=record, stub=stub, generated=True)
        with self.session() as session:
            return register_client(session, self.caller, self.context(session), new)

    def append(self, file_id: UUID, *entries: ledger.Entry) -> list[UUID]:
        """Add events as they are."""
        with self.session() as session:
            file: LockedFile = lock_files(session, [file_id])[file_id]
            return [ledger.append(session, file, entry) for entry in entries]

    def standing(self, file_id: UUID, purpose: str, kind: Any = "consent") -> standing.Standing | None:
        with self.session() as session:
            return standing.standing(session, [file_id], SERVICE, purpose, kind).get(file_id)

    def all(self, sql: str, **parameters: Any) -> list[Any]:
        with self.session() as session:
            return list(session.execute(text(sql), parameters))

    def scalar(self, sql: str, **parameters: Any) -> Any:
        with self.session() as session:
            return session.scalar(text(sql), parameters)
