"""The OpenAPI document, with what every address has in common: how it is refused, and what must be shown to it.

Litestar describes what each handler takes and returns. That errors are problem documents holds for all, so it is
written once, here, over the finished document.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Router
from litestar.enums import HttpMethod
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from muniment.web.errors import PROBLEM_JSON, Problem

__all__ = ["openapi_config"]

DOCUMENT = "/api/v1/openapi.json"

REFUSALS = {
    "400": "The request is malformed or not valid",
    "401": "No valid token was shown",
    "403": "The token's permissions do not allow this",
    "404": "There is nothing at this address in this council",
    "405": "This address does not take this method",
    "409": "The state of the thing does not allow this, or somebody else is changing it",
    "413": "The body is too large",
    "422": "What was sent is well formed and cannot be accepted",
    "429": "The token's calls are used up for now",
    "503": "Not ready; try again shortly",
}


class _WithProblems(JsonRenderPlugin):
    """The document as JSON, at `/api/v1/openapi.json`."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return super().render(request, _with_problems(openapi_schema))

    def receive_router(self, router: Router) -> None:
        """Keep this one address of those that Litestar adds: its own pages for 'not found' are no problem documents."""
        router.routes = [route for route in router.routes if route.path == DOCUMENT]


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    schemas = {**document.get("components", {}).get("schemas", {}), **components}
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refusals = {status: {"description": why, "content": problem} for status, why in REFUSALS.items()}
    paths = {}
    for path, item in document["paths"].items():
        of_council = path.startswith("/api/")
        paths[path] = {
            method: {
                **operation,
                "responses": {**operation["responses"], **(refusals if of_council else {})},
                **({} if of_council else {"security": []}),
            }
            for method, operation in item.items()
        }
    return {**document, "components": {**document.get("components", {}), "schemas": schemas}, "paths": paths}


def openapi_config(version: str) -> OpenAPIConfig:
    """What Litestar is told about the document; `version` is the distribution's."""
    return OpenAPIConfig(
        title="Muniment",
        version=version,
        description="Everything is one council's. Errors are problem details (RFC 9457).",
        path="/api/v1",
        render_plugins=[_WithProblems(path="/openapi.json")],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer", bearer_format="muniment_…")}
        ),
        security=[{"token": []}],
        operation_id_creator=lambda handler, method, _parts: (
            f"{HttpMethod(method).value.lower()}_{handler.handler_name}"
        ),
    )
