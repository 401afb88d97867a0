"""Two councils on one deployment, each with everything that a council can have.

Both are real: the installed plugins with the demonstration's decisions. What they hold was made over the API, by the
import and by the sweep, so that it is what a deployment would hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any
from uuid import UUID

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import Engine, text

from muniment.database.base import council_tables
from muniment.jobs.actors import Deployment
from muniment.schema import metadata

__all__ = ["TOWNS", "Api", "Client", "House", "Tenant", "Town", "digests", "permission"]

Client = TestClient[Litestar]


@dataclass(frozen=True)
class Town:
    """What a council's plugin calls the things that are made here. `register` is a class, where it has one."""

    slug: str
    service: str
    source: str
    purpose: str
    value: str
    digital: str
    paper: str
    register: str | None
    import_format: str
    decision: str
    programme: str
    condition: str
    family_name: str


TOWNS = (
    Town(
        slug="milton-keynes", service="employment-support", source="the-person", purpose="employment-support",
        value="contact-details.address", digital="service-user-digital", paper="service-user-paper",
        register="course-registers", import_format="case-management",
        decision="employment-support.rule.service-user-paper.clause.three-years.from",
        programme="generated-programme-north", condition="support-with-health", family_name="Ousebury",
    ),
    Town(
        slug="sefton", service="sefton-at-work", source="client", purpose="support", value="personal.address",
        digital="client-record", paper="client-record-paper", register=None, import_format="aptem-export",
        decision="sefton-at-work.rule.client-record.clause.financial-support.from",
        programme="demonstration-programme", condition="substantial-public-interest", family_name="Alttham",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Tenant:
    """A council, somebody who may do everything there, and the keys of what it holds."""

    town: Town
    council_id: UUID
    token: str
    cookie: str
    ids: dict[str, list[str]] = field(default_factory=dict)
    """Keys by the name that addresses call them by."""

    @property
    def names(self) -> dict[str, str]:
        """What addresses call by a name of the council's own rather than a key."""
        town = self.town
        return {
            "service": town.service, "class_id": town.digital, "source": town.import_format, "path": town.decision,
            "programme": town.programme, "number": "1", "purpose": town.purpose,
        }  # fmt: skip

    @property
    def authorised(self) -> dict[str, str]:
        """The header of a token with every permission."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def marks(self) -> frozenset[str]:
        """What only this council has: every key, a client's name, its services and programmes."""
        keys = {key for keys in self.ids.values() for key in keys}
        return frozenset({*keys, self.town.family_name, self.town.service, self.town.programme})


@dataclass(frozen=True)
class House:
    """The deployment, asked over HTTP, and its councils."""

    deployment: Deployment
    client: Client
    superuser: Engine
    tenants: tuple[Tenant, ...]

    @property
    def pairs(self) -> list[tuple[Tenant, Tenant]]:
        """Each council with each other one: whose token asks, and whose things are asked for."""
        return list(permutations(self.tenants, 2))


@dataclass(frozen=True)
class Api:
    """The API of a council as the holder of its token sees it; every call must succeed."""

    client: Client
    tenant: Tenant

    def ask(self, method: str, path: str, body: object = None) -> Any:
        address = f"/api/v1/councils/{self.tenant.town.slug}{path}"
        answer = self.client.request(method, address, json=body, headers=self.tenant.authorised)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def keep(self, name: str, method: str, path: str, body: object = None) -> str:
        """Make something and note its key under the name that addresses call it by."""
        key: str = self.ask(method, path, body)["id"]
        self.tenant.ids.setdefault(name, []).append(key)
        return key


def permission(tenant: Tenant) -> dict[str, Any]:
    """A permission that a client of the council could give, with something handed in."""
    scan = {"name": "generated.png", "media_type": "image/png", "content": "Z2VuZXJhdGVk"}
    return {"purpose": tenant.town.purpose, "answer": "given", "language": "en", "wording": "I agree (generated).",
            "document": tenant.ids["document_id"][0], "channel": "in-person", "how": "signed", "files": [scan],
            "recipients": []}  # fmt: skip


def digests(superuser: Engine, council_id: UUID) -> Mapping[str, str | None]:
    """A digest of all rows of a council, table by table, past row-level security; but for the counts of calls made."""
    with superuser.connect() as connection:
        return {
            table.name: connection.scalar(
                text(
                    f"select md5(string_agg(t::text, chr(10) order by t::text)) from {table.name} t"
                    " where council_id = :council_id"
                ),
                {"council_id": council_id},
            )
            for table in council_tables(metadata)
            if table.name != "attempt"
        }
