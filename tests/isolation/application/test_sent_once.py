"""Every form of the console is taken once: all that people can send from a page, walked and sent twice.

A new page that takes a form is either taken once, or stands here with why it is harmless when it is sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from muniment.web.forms import form_token
from muniment.web.surface import ONCE_SENT, PAGES
from muniment.web.unit_of_work import NAMED
from tests.isolation.application.addresses import Route, own, routes
from tests.isolation.application.bodies import bodies
from tests.isolation.application.conftest import filled
from tests.isolation.application.sharing import PARTNERS, agreement
from tests.isolation.application.tenants import House, Tenant, digests
from tests.server import TestServer

HARMLESS = {
    "POST /console/sign-in": "begins another session, which ends by itself",
    "POST /console/clients": "looks for people and changes nothing",
    "POST /console/disclosures": "looks into the register and changes nothing",
    "POST /console/retention/forecast": "works out what would be and changes nothing",
    "POST /console/disclosures/{disclosure_id}/export": "hands out a file once, and says so the second time",
    "POST /console/clients/{file_id}/consents/withdraw": "what is withdrawn is not withdrawn again",
    "POST /console/clients/{file_id}/permissions/withdraw": "what is withdrawn is not withdrawn again",
}

DONE = frozenset({
    "POST /console/agreements", "POST /console/agreements/{agreement_id}", "POST /console/archive/{package_id}",
    "POST /console/clients/{file_id}/attachments", "POST /console/clients/{file_id}/extensions",
    "POST /console/clients/{file_id}/limits", "POST /console/clients/{file_id}/notices",
    "POST /console/clients/{file_id}/permissions", "POST /console/clients/{file_id}/requests",
    "POST /console/clients/{file_id}/sharing", "POST /console/destructions", "POST /console/extensions/{extension_id}",
    "POST /console/limits/{limit_id}", "POST /console/notifications/{notification_id}", "POST /console/password",
    "POST /console/policy-documents/{policy_document_id}", "POST /console/requests/{request_id}",
    "POST /console/stops", "POST /console/stops/{stop_id}",
})  # fmt: skip
"""What the walk gets done. The others find nothing to do here, for what the councils hold or what was done before; they
are taken through the same place."""

LAST = "POST /console/password"
"""Ends the session by which the walk asks. Signing out does the same, and is left out."""


def sent_from_pages(house: House) -> Iterator[tuple[Route, HTTPRouteHandler]]:
    """Every form that a page takes, with its handler."""
    handlers = {
        (route.path, method): handler
        for route in house.client.app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(PAGES)
        for handler in route.route_handlers
        for method in handler.http_methods
    }
    for route in routes(house):
        if route.is_page and route.method == "POST":
            full = [handler for (path, method), handler in handlers.items()
                    if method == "POST" and re.sub(":[a-z]+}", "}", path).endswith("}" + route.path)]  # fmt: skip
            yield route, full[0]


def test_what_is_not_taken_once_is_harmless_when_it_is_sent_twice(house: House) -> None:
    known = {route.name: ONCE_SENT in handler.opt[NAMED] for route, handler in sent_from_pages(house)}
    assert {name for name, once in known.items() if not once} == HARMLESS.keys(), (
        "let the handler answer 303 where it changes something, or say why it is harmless when it is sent twice"
    )
    assert sum(known.values()) > 25


def test_every_form_on_every_page_carries_the_token_of_its_page(house: House) -> None:
    tenant, seen = house.tenants[0], 0
    house.client.cookies.set(f"muniment-{tenant.town.slug}", tenant.cookie)
    for route in routes(house):
        if not route.is_page or route.method != "GET" or not set(route.parts) <= own(tenant, route).keys():
            continue
        answer = house.client.get(f"/{tenant.town.slug}{route.filled(own(tenant, route))}")
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for form in re.findall(r'<form method="post".*?</form>', answer.text, re.DOTALL):
            seen += 1
            assert re.search(r'<input type="hidden" name="form_token" value="[^".]{20,}\.[0-9a-f]{64}">', form), route
    assert seen > 40


@pytest.fixture
def another(server: TestServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two councils of the test's own."""
    with filled(server, template, tmp_path_factory.mktemp("twice")) as house:
        yield house


def forms(tenant: Tenant) -> dict[str, Any]:
    """What is sent to each page: as elsewhere, and whole where that would be refused."""
    town, ids = tenant.town, {name: keys[-1] for name, keys in tenant.ids.items()}
    agreed = {name: "; ".join(value) if isinstance(value, list) else value for name, value in agreement(tenant).items()}
    answer = {
        "purpose": town.purpose, "answer": "given", "language": "en", "wording": "I agree (generated).",
        "shown": ids["document_id"], "channel": "in-person", "how": "signed", "on": "20/11/2026",
    }  # fmt: skip
    whole = {
        "POST /console/agreements": {**agreed, "from_on": "01/01/2026", "review_on": "01/01/2027"},
        "POST /console/clients/{file_id}/consents": answer,
        "POST /console/clients/{file_id}/permissions": answer,
        "POST /console/clients/{file_id}/sharing": {
            "act": "disclose", "recipient": PARTNERS[town.slug], "purpose": town.purpose, "field": town.value,
        },
    }  # fmt: skip
    return bodies(tenant) | whole


def test_whatever_is_sent_twice_is_done_once(another: House) -> None:
    done, wrong = set(), []
    for tenant in another.tenants:
        sent = forms(tenant)
        walked = sorted(sent_from_pages(another), key=lambda entry: (entry[0].name == LAST, entry[0].name))
        for route, handler in walked:
            if route.path == "/console/sign-out" or ONCE_SENT not in handler.opt[NAMED]:
                continue
            if not set(route.parts) <= own(tenant, route).keys():
                continue
            before = digests(another.superuser, tenant.council_id)
            (first, second), after = send_twice(another, tenant, route, sent[route.name])
            if first.status_code != 303:
                continue
            if {table for table, rows in after[0].items() if rows != before[table]} - {"idempotency_key"}:
                done.add(route.name)
            if (second.status_code, second.headers.get("location")) != (303, first.headers["location"]):
                wrong.append(f"{route.name} answered {second.status_code} the second time")
            wrong += [
                f"{route.name} wrote {table} twice" for table, rows in after[0].items() if rows != after[1][table]
            ]
    assert wrong == []
    assert done == DONE, sorted(done)


def send_twice(house: House, tenant: Tenant, route: Route, body: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """The same form twice: both answers, and what the council holds after each."""
    answers, after = [], []
    files = {name: value for name, value in body.items() if isinstance(value, tuple)}
    fields = {name: value for name, value in body.items() if name not in files}
    form = {"form_token": form_token(tenant.cookie), **fields}
    for _ in range(2):
        house.client.cookies.clear()
        house.client.cookies.set(f"muniment-{tenant.town.slug}", tenant.cookie)
        address = f"/{tenant.town.slug}{route.filled(own(tenant, route))}"
        answers.append(house.client.post(address, data=form, files=files or None))
        after.append(digests(house.superuser, tenant.council_id))
    return answers, after
