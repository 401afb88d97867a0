"""Every address below a council, from the application itself, and what a council has for each part of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from litestar.routes import HTTPRoute

from muniment.web.surface import API, PAGES
from tests.isolation.application.tenants import House, Tenant

KEYS = frozenset({
    "token_id", "file_id", "record_id", "milestone_id", "register_id", "person_id", "run_id", "extension_id", "hold_id",
    "certificate_id", "proposal_id", "attachment_id", "case_id", "evidence_id", "event_id", "limit_id",
    "disclosure_id", "agreement_id", "stop_id", "request_id", "notification_id", "match_id", "package_id",
    "policy_document_id",
})  # fmt: skip
"""Parts of addresses that are keys: another council's are unknown."""

NAMES = frozenset({"service", "class_id", "source", "path", "purpose"})
"""Parts that are names of the council's own policy: another council's are unknown, or refused as undeclared."""

SHARED = frozenset({"programme", "number"})
"""Parts that say nothing of whose they are: versions count from 1 everywhere, and a programme may serve several
councils. What is stored under them is still each council's own."""

MEANT = {("/sweeps/{run_id}", "run_id"): "sweep_id"}
"""What a part means on an address where it does not mean what it means elsewhere."""


@dataclass(frozen=True)
class Route:
    """One way of asking, below a council."""

    method: str
    path: str
    parts: tuple[str, ...]
    is_page: bool
    is_public: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def filled(self, values: dict[str, str]) -> str:
        path = self.path
        for part in self.parts:
            path = path.replace(f"{{{part}}}", values[part])
        return path


def routes(house: House) -> Iterator[Route]:
    """Every route of a council, from the application itself."""
    for route in house.client.app.routes:
        if not isinstance(route, HTTPRoute) or "council_slug" not in route.path_parameters:
            continue
        prefix = API if route.path.startswith(API) else PAGES
        path = route.path.removeprefix(prefix)
        for parameter in route.path_parameters.values():
            path = path.replace(f"{{{parameter.full}}}", f"{{{parameter.name}}}")
        parts = tuple(name for name in route.path_parameters if name != "council_slug")
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                yield Route(method, path, parts, prefix == PAGES, "public" in handler.opt)


def own(tenant: Tenant, route: Route) -> dict[str, str]:
    """What the council has for each part of an address; a part is missing where it has nothing of the kind."""
    have = tenant.names | {name: keys[-1] for name, keys in tenant.ids.items()}
    meant = {part: MEANT.get((route.path, part), part) for part in route.parts}
    return {part: have[name] for part, name in meant.items() if name in have}
