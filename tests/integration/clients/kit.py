"""A made-up council whose one service declares a little of everything, and quick ways to ask things of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.accounts.permissions import Caller, command_caller
from muniment.api.clients import ClientDeclarations, ProposedValues, Refusal
from muniment.api.consent import PurposeDeclarations
from muniment.api.council import Council, Service
from muniment.api.markers import hookimpl
from muniment.api.plugin import API_VERSION
from muniment.api.retention import RetentionDeclarations
from muniment.clients.context import Context
from muniment.clients.files import NewClient, register_client
from muniment.clients.importing.chunk import PastPeriod
from muniment.clients.importing.run import Importer, Order, Summary
from muniment.clients.records import NewRecord, NewValue
from muniment.clients.stub import Stub
from muniment.database.session import CouncilSession, Database
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins, PluginSource, load_plugins
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.store import adopt

SERVICE: Final = "advice"
OTHER: Final = "housing"

CLIENTS: Final[Mapping[str, Any]] = {
    "category": [
        {
            "id": "personal",
            "title": "Personal",
            "field": [
                {"id": "ni", "title": "NI number", "type": "ni-number"},
                {"id": "note", "title": "Note", "type": "long-text"},
                {"id": "paid", "title": "Paid", "type": "money"},
                {"id": "work", "title": "Work", "type": "choice", "choice": [
                    {"id": "in-work", "title": "In work"}, {"id": "out", "title": "Out of work"},
                ]},
            ],
        },
        {
            "id": "health",
            "title": "Health",
            "kind": "special",
            "characteristic": "health",
            "field": [{"id": "condition", "title": "Condition"}],
        },
        {
            "id": "belief",
            "title": "Belief",
            "kind": "special",
            "characteristic": "religious-or-philosophical-beliefs",
            "field": [{"id": "religion", "title": "Religion"}],
        },
    ],
    "source": [
        {"id": "client", "title": "The client", "kind": "person"},
        {"id": "jobcentre", "title": "Jobcentre", "kind": "body"},
    ],
    "import": [
        {
            "id": "export",
            "title": "Export",
            "source": "client",
            "purposes": ["support"],
            "column": [
                {"name": "Ref", "to": "reference", "required": True},
                {"name": "First", "to": "given-names"},
                {"name": "Last", "to": "family-name", "required": True},
                {"name": "Born", "to": "born-on", "date_format": "%d/%m/%Y"},
                {"name": "Postcode", "to": "postcode", "refresh": True},
                {"name": "Opened", "to": "opened-on"},
                {"name": "Contact", "to": "milestone:last-contact", "own_act": True, "refresh": True},
                {"name": "Closed", "to": "milestone:case-closed"},
                {"name": "Child born", "to": "milestone:birth", "whose": "child", "refresh": True},
                {"name": "Runs out", "to": "milestone:expiry"},
                {"name": "Course", "to": "enrolment:skills", "refresh": True},
                {"name": "NI", "to": "field:personal.ni", "record_class": "case"},
                {"name": "Work", "to": "field:personal.work", "record_class": "case", "refresh": True,
                 "values": {"in-work": "Employed"}},
                {"name": "Condition", "to": "field:health.condition"},
                {"name": "Religion", "to": "field:belief.religion", "record_class": "case"},
                {"name": "Adviser", "to": "ignore"},
            ],
        },
        {
            "id": "referral",
            "title": "Referrals",
            "source": "jobcentre",
            "purposes": ["support"],
            "referral": True,
            "column": [
                {"name": "Case", "to": "reference", "required": True},
                {"name": "Name", "to": "family-name", "required": True},
                {"name": "Sent", "to": "opened-on"},
                {"name": "Note", "to": "field:personal.note", "record_class": "case"},
            ],
        },
    ],
}  # fmt: skip

PURPOSES: Final[Mapping[str, Any]] = {
    "purpose": [{"id": "support", "title": "Support"}, {"id": "statistics", "title": "Statistics"}],
    "condition": [
        {
            "id": "health",
            "article": "9.2.b",
            "schedule_1": "1.1",
            "characteristics": ["health"],
            "purposes": ["support"],
            "policy_document": {"title": "Policy document", "in_force_from": "2020-01-01"},
        },
    ],
}

RETENTION: Final[Mapping[str, Any]] = {
    "class": [
        {"id": "case", "title": "Cases", "categories": ["personal", "belief"]},
        {"id": "medical", "title": "Medical", "categories": ["health"]},
        {"id": "letters", "title": "Letters", "categories": ["personal"], "media": ["paper"]},
        {"id": "attendance", "title": "Attendance", "shape": "register"},
    ],
    "rule": [
        {
            "id": "case",
            "classes": ["case", "medical"],
            "clause": [{"id": "closed", "keep": "3 years", "from": {"event": "case-closed"}}],
        },
    ],
}

HEADER: Final = (
    "Ref", "First", "Last", "Born", "Postcode", "Opened", "Contact", "Closed", "Course", "NI", "Work", "Condition",
)  # fmt: skip
ROW: Final = {
    "Ref": "C-1", "First": "Canary Ann", "Last": "O'Specimen", "Born": "02/03/1980", "Postcode": "zz1 1aa",
    "Opened": "2026-01-05", "Contact": "2026-02-06", "Closed": "", "Course": "2026-03-01", "NI": "QQ 12 34 56 C",
    "Work": "Employed", "Condition": "canary-condition",
}  # fmt: skip


def policy_of(
    slug: str,
    *,
    clients: Mapping[str, Any] = CLIENTS,
    purposes: Mapping[str, Any] = PURPOSES,
    retention: Mapping[str, Any] = RETENTION,
) -> Policy:
    """A policy of two services with the same declarations."""
    services = {
        service: ServicePolicy(
            service=msgspec.convert({"slug": service, "title": service.title(), "folder": service}, Service),
            clients=msgspec.convert(clients, ClientDeclarations),
            purposes=msgspec.convert(purposes, PurposeDeclarations),
            retention=msgspec.convert(retention, RetentionDeclarations),
        )
        for service in (SERVICE, OTHER)
    }
    return Policy(council=Council(slug=slug, name=slug, nation="england", own_party=slug), services=services)


class JudgingPlugin:
    """A council's plugin that declares nothing and refuses one word."""

    api_version = API_VERSION

    def __init__(self, slug: str) -> None:
        self.slug = slug

    @hookimpl
    def council(self) -> Council:
        return Council(slug=self.slug, name=self.slug, nation="england", own_party=self.slug)

    @hookimpl
    def client_validate(self, proposed: Sequence[ProposedValues]) -> list[Refusal]:
        return [
            Refusal(entry.item, "forbidden-word", "This word is not recorded.")
            for entry in proposed
            if entry.values.get("personal.note") == "forbidden"
        ]


def plugins_of(slug: str) -> Plugins:
    """The plugins of a process in which a council's own plugin judges."""
    source = PluginSource(slug, f"muniment-{slug}", "1.0", "tests", JudgingPlugin(slug))
    return load_plugins([source])


def nothing_past(_session: CouncilSession, _file_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Stands for a council in which nothing is beyond its period."""
    return frozenset()


class House:
    """One council of a test, with its policy adopted."""

    def __init__(self, database: Database, council_id: UUID, slug: str, keys: KeyRing) -> None:
        self.database, self.id, self.slug, self.keys = database, council_id, slug, keys
        self.caller: Caller = command_caller(council_id, "test")
        self.plugins = plugins_of(slug)

    def session(self) -> Any:
        return self.database.council(self.id, self.caller.actor)

    def adopt(self, **declared: Mapping[str, Any]) -> None:
        with self.session() as session:
            adopt(session, policy_of(self.slug, **declared), session.clock, by="test")

    def context(self, session: CouncilSession) -> Context:
        return Context.of(session, self.plugins, self.keys)

    def register(self, **changes: Any) -> UUID:
        """Register somebody; `changes` go to the stub, but for those that `NewClient` has."""
        of_client = {name: changes.pop(name) for name in tuple(changes) if name in NewClient.__struct_fields__}
        stub = Stub(**{"family_name": "Canary", "given_names": "Specimen", **changes})
        new = NewClient(
            **{"service": SERVICE, "source": "client", "record": case(), "stub": stub, "generated": True, **of_client}
        )
        with self.session() as session:
            return register_client(session, self.caller, self.context(session), new)

    def importer(self, past_period: PastPeriod = nothing_past) -> Importer:
        return Importer(self.database, self.caller, self.plugins, self.keys, past_period)

    def take_in(
        self,
        rows: Iterable[Mapping[str, str]] | bytes,
        source: str = "export",
        *,
        past_period: PastPeriod = nothing_past,
        **order: Any,
    ) -> Summary:
        content = rows if isinstance(rows, bytes) else csv_of(rows)
        made = Order(service=SERVICE, source=source, generated=True, **order)
        return self.importer(past_period).run(made, blocks(content))

    def all(self, sql: str, **parameters: Any) -> list[Any]:
        with self.session() as session:
            return list(session.execute(text(sql), parameters))

    def scalar(self, sql: str, **parameters: Any) -> Any:
        with self.session() as session:
            return session.scalar(text(sql), parameters)

    def state(self) -> list[list[Any]]:
        """Everything about clients, but for what only says that an import was run."""
        tables = ("person", "client_file", "record", "milestone", "enrolment", "register", "register_entry",
                  "import_memory")  # fmt: skip
        return [sorted(map(repr, self.all(f"select * from {table}"))) for table in tables]


def case(**values: str | int | bool) -> NewRecord:
    """A record of the class `case`; keys are fields of `personal`."""
    return NewRecord(
        record_class="case",
        values={f"personal.{name}": NewValue(value, "client", ("support",)) for name, value in values.items()},
    )


def row(number: int, **changes: str) -> dict[str, str]:
    """A row of the export that is like no other."""
    return {**ROW, "Ref": f"C-{number}", "Last": f"Specimen{number}", **changes}


def csv_of(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Rows as a CSV file, with the columns of the first."""
    entries = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(entries[0]))
    writer.writeheader()
    writer.writerows(entries)
    return out.getvalue().encode()


def blocks(content: bytes, size: int = 4096) -> Iterator[bytes]:
    """Content as a stream."""
    return (content[start : start + size] for start in range(0, len(content), size))


LONG_AGO = date(2015, 1, 1)
