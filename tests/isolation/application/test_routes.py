"""No route shows or changes anything of another council, whoever asks: every route there is, walked.

A route whose address has a part that is not known here, or that writes and has no body here, fails the test: so a new
route is covered before it is merged. Both councils are asked for the other's things.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from muniment.web.forms import form_token
from tests.isolation.application.addresses import KEYS, NAMES, SHARED, Route, own, routes
from tests.isolation.application.bodies import bodies, naming
from tests.isolation.application.tenants import House, Tenant, digests

UNKNOWN, REFUSED = 404, 422


def ask(house: House, asker: Tenant, at: Tenant, route: Route, values: dict[str, str], body: Any) -> Any:
    """Ask at a council's address as the most powerful of another, or of the same: by token, or signed in."""
    prefix = f"/{at.town.slug}" if route.is_page else f"/api/v1/councils/{at.town.slug}"
    address = prefix + route.filled(values)
    house.client.cookies.clear()
    if not route.is_page:
        sent = {"content": body} if isinstance(body, str) else {"json": body}
        return house.client.request(route.method, address, headers=asker.authorised, **sent)
    house.client.cookies.set(f"muniment-{at.town.slug}", asker.cookie)
    form = {"form_token": form_token(asker.cookie), **(body or {})} if route.method == "POST" else {}
    files = {name: value for name, value in form.items() if isinstance(value, tuple)}
    form = {name: value for name, value in form.items() if name not in files}
    return house.client.request(route.method, address, data=form or None, files=files or None)


@pytest.fixture
def untouched(house: House) -> Iterator[None]:
    """Nothing that is asked here changes a row of any council: all of it is refused."""
    before = [digests(house.superuser, tenant.council_id) for tenant in house.tenants]
    yield
    assert [digests(house.superuser, tenant.council_id) for tenant in house.tenants] == before


def test_every_part_of_an_address_and_every_body_is_known(house: House) -> None:
    known = list(routes(house))
    parts = {part for route in known for part in route.parts}
    assert parts - KEYS - NAMES - SHARED == set(), "say here what the new part of an address is"
    without = {route.name for route in known if route.method not in {"GET", "DELETE"} and not route.is_public}
    assert without - bodies(house.tenants[0]).keys() == set(), "give the new route a body here"
    have = {part for tenant in house.tenants for route in known for part in own(tenant, route)}
    assert parts - have == set(), "have `fill` make one"
    assert len(known) > 50


@pytest.mark.usefixtures("untouched")
def test_at_another_councils_address_everything_is_unknown(house: House) -> None:
    wrong = []
    for asker, other in house.pairs:
        for route in routes(house):
            values = own(other, route)
            if route.is_public or not set(route.parts) <= values.keys():
                continue
            answer = ask(house, asker, other, route, values, bodies(other).get(route.name))
            to_sign_in = route.is_page and answer.status_code == 303 and answer.headers["location"].endswith("/sign-in")
            if answer.status_code != UNKNOWN and not to_sign_in:
                wrong.append(f"{asker.town.slug}: {route.name} answered {answer.status_code}")
    assert wrong == []


@pytest.mark.usefixtures("untouched")
def test_another_councils_keys_and_names_are_unknown_at_ones_own_address(house: House) -> None:
    wrong, tried = [], set()
    for asker, other in house.pairs:
        for route in routes(house):
            foreign = [part for part in route.parts if part not in SHARED]
            for choice in product((asker, other), repeat=len(foreign)):
                values = {part: own(asker, route).get(part, "") for part in route.parts}
                values |= {part: own(whose, route).get(part, "") for part, whose in zip(foreign, choice, strict=True)}
                if other not in choice or not all(values.values()):
                    continue
                tried.add(route.name)
                answer = ask(house, asker, asker, route, values, bodies(asker).get(route.name))
                theirs = {part for part, whose in zip(foreign, choice, strict=True) if whose is other}
                if answer.status_code not in ({UNKNOWN} if theirs & KEYS else {UNKNOWN, REFUSED}):
                    wrong.append(f"{asker.town.slug}: {route.name} with {theirs} answered {answer.status_code}")
                if any(
                    mark in answer.text for mark in other.marks if not any(mark in said for said in values.values())
                ):
                    wrong.append(f"{asker.town.slug}: {route.name} told something of {other.town.slug}")
    assert wrong == []
    assert tried == {route.name for route in routes(house) if set(route.parts) - SHARED}


@pytest.mark.usefixtures("untouched")
def test_a_body_cannot_name_what_is_another_councils(house: House) -> None:
    wrong = []
    for asker, other in house.pairs:
        for method, path, body in naming(other, asker):
            address = f"/api/v1/councils/{asker.town.slug}{path}"
            answer = house.client.request(method, address, json=body, headers=asker.authorised)
            if answer.status_code not in {UNKNOWN, REFUSED}:
                wrong.append(f"{asker.town.slug}: {method} {path} with {body} answered {answer.status_code}")
    assert wrong == []


def test_nothing_of_another_council_is_in_any_answer(house: House) -> None:
    wrong = []
    for asker, other in house.pairs:
        for route in routes(house):
            values = own(asker, route)
            if route.method != "GET" or not set(route.parts) <= values.keys():
                continue
            answer = ask(house, asker, asker, route, values, None)
            if answer.status_code != 200:
                wrong.append(f"{asker.town.slug}: {route.name} answered {answer.status_code}")
            wrong += [f"{asker.town.slug}: {route.name} shows {mark}" for mark in other.marks if mark in answer.text]
    assert wrong == []


def test_searching_finds_nobody_of_another_council(house: House) -> None:
    for asker, other in house.pairs:
        address = f"/api/v1/councils/{asker.town.slug}/clients/search"
        for name, found in ((other.town.family_name, 0), (asker.town.family_name, 1)):
            answer = house.client.post(address, json={"family_name": name}, headers=asker.authorised)
            assert len(answer.json()["items"]) == found


def test_what_a_question_is_narrowed_to_may_be_another_councils_and_finds_nothing(house: House) -> None:
    for asker, other in house.pairs:
        for run_id in other.ids["run_id"]:
            address = f"/api/v1/councils/{asker.town.slug}/certificates?run={run_id}"
            assert house.client.get(address, headers=asker.authorised).json()["items"] == []
