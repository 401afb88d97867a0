"""Who asks is settled before what they sent is judged: every route that takes a body, walked with bad ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from muniment.accounts.permissions import Permission
from muniment.accounts.tokens import LONGEST, new_token
from muniment.web.forms import form_token
from muniment.web.unit_of_work import PERMISSION
from tests.isolation.application.addresses import Route, own, routes
from tests.isolation.application.tenants import House, Tenant

BAD: list[dict[str, Any]] = [{"content": b"{"}, {"content": b""}, {"json": {"invented": 1}}, {"json": [1]}]
OWN_ACCOUNT = {"POST /console/password"}
"""Needs no permission: whoever is signed in may."""


def taking_a_body(house: House) -> Iterator[tuple[Route, HTTPRouteHandler]]:
    handlers = {
        (route.path, method): handler
        for route in house.client.app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
    }
    for (path, method), handler in handlers.items():
        if "data" in handler.parsed_fn_signature.parameters and "public" not in handler.opt:
            yield next(route for route in routes(house) if route.method == method and _is(route, path)), handler


def _is(route: Route, path: str) -> bool:
    return path.endswith(route.path) or _without_kinds(path).endswith(route.path)


def _without_kinds(path: str) -> str:
    for kind in (":uuid", ":str"):
        path = path.replace(kind, "")
    return path


def statuses(house: House, tenant: Tenant, route: Route, headers: dict[str, str]) -> set[int]:
    """What bad bodies are answered with at an address of a council."""
    address = f"/api/v1/councils/{tenant.town.slug}{route.filled(own(tenant, route))}"
    house.client.cookies.clear()
    return {house.client.request(route.method, address, headers=headers, **bad).status_code for bad in BAD}


def of_the_api(house: House, tenant: Tenant) -> Iterator[Route]:
    for route, _ in taking_a_body(house):
        if not route.is_page and set(route.parts) <= own(tenant, route).keys():
            yield route


def test_every_route_that_takes_a_body_says_which_permission_it_needs(house: House) -> None:
    found = list(taking_a_body(house))
    assert len(found) > 25
    silent = {route.name for route, handler in found if PERMISSION not in handler.opt}
    assert silent - OWN_ACCOUNT == set(), "give the handler `opt=needs(Permission...)`"


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("", 401),
        ("Bearer junk", 401),
        ("Bearer muniment_{slug}_unknown", 401),
        ("Bearer muniment_elsewhere_unknown", 404),
    ],
)
def test_nobody_known_learns_nothing_of_what_they_sent(house: House, authorization: str, expected: int) -> None:
    tenant = house.tenants[0]
    headers = {"Authorization": authorization.format(slug=tenant.town.slug)} if authorization else {}
    wrong = {
        route.name: found
        for route in of_the_api(house, tenant)
        if (found := statuses(house, tenant, route, headers)) != {expected}
    }
    assert wrong == {}


def test_another_councils_token_meets_nothing_whatever_it_sends(house: House) -> None:
    tenant, other = house.tenants
    wrong = {
        route.name: found
        for route in of_the_api(house, tenant)
        if (found := statuses(house, tenant, route, other.authorised)) != {404}
    }
    assert wrong == {}


def test_without_the_permission_a_bad_body_is_forbidden_and_with_it_bad(house: House) -> None:
    tenant, clock = house.tenants[0], house.deployment.clock
    with house.deployment.database.council(tenant.council_id) as session:
        _, token = new_token(
            session, tenant.town.slug, "bad bodies", [Permission.READ_AUDIT], None, clock.now() + LONGEST, clock.now()
        )
    poor = {"Authorization": f"Bearer {token}"}
    wrong = {}
    for route in of_the_api(house, tenant):
        found = statuses(house, tenant, route, poor), statuses(house, tenant, route, tenant.authorised)
        if found[0] != {403} or not found[1] <= {400, 422}:
            wrong[route.name] = found
    assert wrong == {}


def test_a_bad_form_of_somebody_no_longer_signed_in_leads_to_the_sign_in_page(house: House) -> None:
    tenant = house.tenants[0]
    for route, _ in taking_a_body(house):
        if not route.is_page or not set(route.parts) <= own(tenant, route).keys():
            continue
        house.client.cookies.clear()
        house.client.cookies.set(f"muniment-{tenant.town.slug}", "ended")
        address = f"/{tenant.town.slug}{route.filled(own(tenant, route))}"
        with_file = {"attachment": ("a.txt", b"", "text/plain")} if address.endswith("/attachments") else None
        answer = house.client.post(address, data={"form_token": form_token("ended")}, files=with_file)
        assert answer.status_code == 303, route.name
        assert answer.headers["location"].endswith("/console/sign-in"), route.name


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data"]
)
def test_a_form_that_is_none_of_its_kind_is_refused(house: House, kind: str) -> None:
    """Where Litestar read it to its end and kept nothing there is no token left to look for."""
    tenant = house.tenants[0]
    wrong = {}
    for route, _ in taking_a_body(house):
        if route.is_page and set(route.parts) <= own(tenant, route).keys():
            house.client.cookies.clear()
            address = f"/{tenant.town.slug}{route.filled(own(tenant, route))}"
            answer = house.client.post(address, content=b"a=b", headers={"Content-Type": kind})
            if answer.status_code not in (400, 403):
                wrong[route.name] = answer.status_code
    assert wrong == {}
