"""A made-up council that shares with some recipients of every sort, and quick ways to ask things of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import insert, text

from muniment.accounts.permissions import Caller, command_caller
from muniment.api.clients import ClientDeclarations, Refusal
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council, Service
from muniment.api.decoding import decode_toml
from muniment.api.markers import hookimpl
from muniment.api.plugin import API_VERSION
from muniment.api.retention import RetentionDeclarations
from muniment.api.sharing import DisclosureMade, ProposedDisclosure, RecipientDeclarations
from muniment.clients.context import Context
from muniment.clients.files import NewClient, register_client
from muniment.clients.locks import lock_files
from muniment.clients.records import NewRecord, NewValue
from muniment.clients.stub import Stub
from muniment.consent import ledger
from muniment.database.session import CouncilSession, Database
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins, PluginSource, load_plugins
from muniment.policy.documents import DOCUMENT
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.store import adopt
from muniment.sharing.agreements import NewAgreement, make_agreement
from muniment.sharing.deciding import Answer, Asked, ask
from muniment.sharing.disclosing import Disclosed, Order, disclose
from muniment.web.forms import form_token
from tests.unit.sharing.kit import CLIENTS, PURPOSES, RECIPIENT

SERVICE: Final = "advice"
FIELDS: Final = ("family-name", "personal.address", "work.history")

RECIPIENTS: Final[Sequence[Mapping[str, Any]]] = (
    RECIPIENT,
    {**RECIPIENT, "id": "gazette", "title": "The Generated Gazette", "bases": []},
    {**RECIPIENT, "id": "employers", "title": "Employers", "kind": "kind-of-body", "consent": "required",
     "purposes": ["support"], "categories": ["personal", "work"]},
    {**RECIPIENT, "id": "authority", "title": "The authority", "programme": "bridge", "agreement": True},
    {**RECIPIENT, "id": "police", "title": "The police", "on_request": True, "competent_authority": True},
    {**RECIPIENT, "id": "initiative", "title": "The initiative", "bases": [],
     "match": {"statutes": ["localism"], "data_sets": ["payroll"]}},
    {**RECIPIENT, "id": "research", "title": "Research", "consent": "opt-out", "compatible": ["stories", "statistics"]},
)  # fmt: skip

SOURCES: Final = [
    {"id": "client", "title": "The client", "kind": "person"},
    {"id": "jobcentre", "title": "Jobcentre", "kind": "body"},
]
RETENTION: Final[Mapping[str, Any]] = {
    "class": [
        {"id": "case", "title": "Cases", "categories": ["personal", "work"]},
        {"id": "medical", "title": "Medical", "categories": ["health", "offences"]},
    ],
    "rule": [
        {
            "id": "case",
            "classes": ["case", "medical"],
            "clause": [{"id": "closed", "keep": "3 years", "from": {"event": "case-closed"}}],
        },
    ],
}
ALL_PURPOSES: Final[Mapping[str, Any]] = {
    **PURPOSES,
    "purpose": [*PURPOSES["purpose"], {"id": "statistics", "title": "Statistics"}],
    "condition": [
        {**PURPOSES["condition"][0], "policy_document": {"title": "Document", "in_force_from": "2020-01-01"}},
        *PURPOSES["condition"][1:],
    ],
}


UNDOCUMENTED: Final[Mapping[str, Any]] = {**ALL_PURPOSES, "condition": PURPOSES["condition"]}
"""No condition states a policy document of the council's own."""


def policy_of(
    slug: str, recipients: Sequence[Mapping[str, Any]] = RECIPIENTS, purposes: Mapping[str, Any] = ALL_PURPOSES
) -> Policy:
    """A policy of one service."""
    service = ServicePolicy(
        service=msgspec.convert({"slug": SERVICE, "title": "Advice", "folder": SERVICE}, Service),
        clients=msgspec.convert({**CLIENTS, "source": SOURCES}, ClientDeclarations),
        purposes=msgspec.convert(purposes, PurposeDeclarations),
        recipients=msgspec.convert({"recipient": list(recipients)}, RecipientDeclarations),
        retention=msgspec.convert(RETENTION, RetentionDeclarations),
    )
    council = Council(slug=slug, name=slug.title(), nation="england", own_party=slug)
    own = resources.files("muniment.defaults").joinpath("platform", "retention.toml")
    platform = decode_toml(own.read_bytes(), RetentionDeclarations, file=own.name)
    return Policy(council=council, services={SERVICE: service}, platform=platform)


class JudgingPlugin:
    """A council's plugin that refuses what it is told to, notes what it is told, and `then` does something, once."""

    api_version = API_VERSION

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.refuses: str | None = None
        self.fails = False
        self.made: list[DisclosureMade] = []
        self.then: Callable[[], None] | None = None

    @hookimpl
    def council(self) -> Council:
        return Council(slug=self.slug, name=self.slug, nation="england", own_party=self.slug)

    @hookimpl
    def sharing_refuse(self, proposed: Sequence[ProposedDisclosure]) -> list[Refusal]:
        if self.fails:
            raise RuntimeError
        return [Refusal(one.item, "no", "Not in August.") for one in proposed if one.recipient == self.refuses]

    @hookimpl
    def disclosure_made(self, made: Sequence[DisclosureMade]) -> None:
        self.made += made
        then, self.then = self.then, None
        if then is not None:
            then()


class House:
    """One council of a test, with its policy adopted."""

    def __init__(self, database: Database, council_id: UUID, slug: str, keys: KeyRing, files: Path) -> None:
        self.database, self.id, self.slug, self.keys = database, council_id, slug, keys
        self.caller: Caller = command_caller(council_id, "test")
        self.judge = JudgingPlugin(slug)
        self.plugins: Plugins = load_plugins([PluginSource(slug, f"muniment-{slug}", "1.0", "tests", self.judge)])
        self.store = FileStore(files, keys)

    def session(self) -> Any:
        return self.database.council(self.id, self.caller.actor)

    def adopt(
        self, recipients: Sequence[Mapping[str, Any]] = RECIPIENTS, purposes: Mapping[str, Any] = ALL_PURPOSES
    ) -> None:
        with self.session() as session:
            adopt(session, policy_of(self.slug, recipients, purposes), session.clock, by="test")

    def context(self, session: CouncilSession) -> Context:
        return Context.of(session, self.plugins, self.keys)

    def register(
        self, purposes: Sequence[str] = ("support",), referred_on: date | None = None, record_class: str = "case",
        **values: str,
    ) -> UUID:  # fmt: skip
        """Register somebody; `values` are fields of `personal`, or `CATEGORY__FIELD`."""
        named = {
            name.replace("__", ".") if "__" in name else f"personal.{name}": value for name, value in values.items()
        }
        given = {name: NewValue(value, "client", tuple(purposes)) for name, value in named.items()}
        new = NewClient(
            service=SERVICE,
            source="client",
            record=NewRecord(record_class=record_class, values=given),
            stub=Stub(
                reference=f"G-{uuid4().hex[:12]}",
                family_name="Canary",
                given_names="Generated",
                born_on=date(1980, 3, 2),
            ),
            referred_on=referred_on,
            generated=True,
        )
        with self.session() as session:
            return register_client(session, self.caller, self.context(session), new)

    def agree(
        self, file_id: UUID, purpose: str, *recipients: str, kind: Any = "consent", state: Any = "given",
        at: datetime | None = None, **more: Any,
    ) -> None:  # fmt: skip
        """Write an event of the ledger."""
        proof = {"wording": "I agree.", "language": "en", "document_id": self.document(), "channel": "in-person",
                 "how": "signed"} if state == "given" else {}  # fmt: skip
        with self.session() as session:
            entry = ledger.Entry(
                kind=kind, state=state, purpose=purpose, at=at or datetime.now(UTC), policy_hash=session.policy_hash,
                recipients=recipients, named=recipients, **{**proof, **more},
            )  # fmt: skip
            file = lock_files(session, [file_id])[file_id]
            ledger.append(session, file, entry)
            ledger.send(session, [file_id], state)

    def document(self, programme: str | None = None) -> UUID:
        """A leaflet that people were given: the service's, or a programme's own."""
        facts = {"council": self.id, "programme": programme}
        self.run(
            "insert into earlier_document (council_id, id, service, title, version, programme)"
            " values (:council, gen_random_uuid(), 'advice', 'Generated leaflet', '1', :programme)"
            " on conflict do nothing", **facts,
        )  # fmt: skip
        known = "council_id = :council and programme is not distinct from :programme"
        found: UUID = self.scalar(f"select id from earlier_document where {known}", **facts)
        return found

    def give(self, file_id: UUID, on: date, programme: str | None = None) -> None:
        """Note that somebody was given the service's leaflet, or a programme's own."""
        self.run(
            "insert into notice_given (council_id, id, file_id, document_id, given_on, channel)"
            " values (:council, gen_random_uuid(), :file, :document, :on, 'post')",
            council=self.id, file=file_id, document=self.document(programme), on=on,
        )  # fmt: skip

    def settle_with(self, recipient: str) -> UUID:
        """Make an agreement that is in force."""
        new = NewAgreement(
            service=SERVICE, recipient=recipient, title="Agreement", parties=("Alpha", "The other"),
            purposes=("support",), categories=("personal",), basis="public task", power="Localism Act 2011 s.1",
            from_on=date(2026, 1, 1), review_on=date(2027, 1, 1), agreed_by="head of service",
        )  # fmt: skip
        with self.session() as session:
            return make_agreement(session, self.caller, new)

    def approve_document(self) -> UUID:
        """A policy document for the condition of health data, as if it had been prepared and approved here."""
        with self.session() as session:
            made: UUID = session.execute(
                insert(DOCUMENT).values(
                    council_id=self.id, service=SERVICE, condition="health", number=1, article="9.2.b",
                    schedule_1="1.1", title="Generated", html="", text="", json=b"{}", sha256="",
                    policy_hash=session.policy_hash, state="approved", prepared_at=session.clock.now(),
                    prepared_by="one", reviewed_at=session.clock.now(), reviewed_by="another",
                    in_force_from=date(2026, 1, 1), review_on=date(2027, 1, 1),
                ).returning(DOCUMENT.c.id)
            ).scalar_one()  # fmt: skip
        return made

    def decide(self, *files: UUID, **question: Any) -> Answer:
        with self.session() as session:
            return ask(session, self.caller, self.context(session), Asked(files=files, **asked(question)))

    def disclose(self, *files: UUID, **order: Any) -> Disclosed:
        made = Order(files=files, **asked({"format": "json", **order}))
        with self.session() as session:
            return disclose(session, self.caller, self.context(session), self.store, made)

    def against(self, *files: UUID, **question: Any) -> set[str]:
        """What speaks against, in all groups."""
        answer = self.decide(*files, **question)
        return {reason.rule for group in answer.groups for reason in group.reasons if not reason.speaks_for}

    def limit(self, file_id: UUID, kind: str = "restriction", state: str = "standing", purposes: str = "{}") -> None:
        """Write a restriction or an objection as it stands."""
        ground = "18.1.a" if kind == "restriction" else "21.1"
        self.run(
            "insert into client_limit (council_id, id, file_id, kind, ground, purposes, state, placed_at)"
            " values (:council, gen_random_uuid(), :file, :kind, :ground, cast(:purposes as text[]), :state,"
            " '2026-11-20 11:00Z')",
            council=self.id, file=file_id, kind=kind, ground=ground, purposes=purposes, state=state,
        )  # fmt: skip

    def run(self, sql: str, **parameters: Any) -> None:
        with self.session() as session:
            session.execute(text(sql), parameters)

    def all(self, sql: str, **parameters: Any) -> list[Any]:
        with self.session() as session:
            return list(session.execute(text(sql), parameters))

    def scalar(self, sql: str, **parameters: Any) -> Any:
        with self.session() as session:
            return session.scalar(text(sql), parameters)


def asked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """A question to the college about what everybody has, with changes."""
    return {"service": SERVICE, "recipient": "college", "purpose": "support", "fields": FIELDS, **changes}


API: Final = "/api/v1/councils/alpha"
CONSOLE: Final = "/alpha/console"


def page(http: Any, cookie: str, path: str, form: dict[str, Any] | None = None) -> Any:
    """A page of the console, or the answer to a form that was sent from it."""
    http.cookies.set("muniment-alpha", cookie)
    if form is None:
        return http.get(f"{CONSOLE}{path}")
    return http.post(f"{CONSOLE}{path}", data={"form_token": form_token(cookie), **form})
