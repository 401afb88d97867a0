"""Every route settles who asks, or is one of these and says why not."""

from __future__ import annotations

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from muniment.web.forms import SAFE_METHODS
from muniment.web.unit_of_work import NAMED

PUBLIC = {
    "/api/v1/openapi.json",
    "/favicon.ico",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/static/{file_name}",
    "/{council_slug}/console/sign-in",
    "/{council_slug}/privacy/{service}",
    "/{council_slug}/privacy/{service}/versions",
    "/{council_slug}/privacy/{service}/versions/{number}",
}
"""A new line here is a decision: whoever can reach the server can read what stands there."""


def handlers(app: Litestar) -> list[tuple[str, HTTPRouteHandler]]:
    return [
        (route.path_format, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.http_methods != {"OPTIONS"}
    ]


def named(handler: HTTPRouteHandler) -> frozenset[str]:
    given: frozenset[str] = handler.opt.get(NAMED, frozenset())
    return given | set(handler.parsed_fn_signature.parameters)


def test_every_route_names_the_caller_or_is_public(whole_app: Litestar) -> None:
    unasked = {path for path, handler in handlers(whole_app) if "caller" not in named(handler)}
    assert unasked == PUBLIC


def test_what_is_public_says_why(whole_app: Litestar) -> None:
    for path, handler in handlers(whole_app):
        if "caller" not in named(handler) and path != "/api/v1/openapi.json":
            assert handler.opt.get("public"), path


def test_every_unsafe_route_checks_its_form(whole_app: Litestar) -> None:
    for path, handler in handlers(whole_app):
        if not handler.http_methods <= SAFE_METHODS:
            assert named(handler) & {"caller", "credentials", "page"}, path


def test_every_handler_of_a_council_is_mounted_in_one_turn(whole_app: Litestar) -> None:
    for path, handler in handlers(whole_app):
        assert (NAMED in handler.opt) == ("{council_slug}" in path), path
