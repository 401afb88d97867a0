"""No route shows or changes anything of another council, whoever asks: every route there is, walked.

A route whose address has a part that is not known here, or that writes and has no body here, fails the test: so a new
route is covered before it is merged. Both councils are asked for the other's things.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from muniment.web.forms import form_token
from muniment.web.surface import API, PAGES
from tests.isolation.application.sharing import PARTNERS, agreement, asked, match, request
from tests.isolation.application.tenants import House, Tenant, digests, permission

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

SUPPOSED = """
[[rule]]
id = "supposed"
classes = ["{}"]
[[rule.clause]]
id = "all"
keep = "1 year"
from = {{ event = "collection" }}
"""
"""A rule that nobody has declared, of one class."""

UNKNOWN, REFUSED = 404, 422


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


def bodies(tenant: Tenant) -> dict[str, Any]:
    """A body that the council itself could send, for every route that takes one."""
    town, ids = tenant.town, {name: keys[-1] for name, keys in tenant.ids.items()}
    value = {"value": "2 Sample Street", "source": town.source, "purposes": [town.purpose]}
    record = {"record_class": town.digital, "values": {town.value: value}}
    stub = {"family_name": "Generated"}
    arming = {"record_class": f"{town.service}/{town.digital}", "rule_hash": "0" * 64}
    return {
        "PUT /policy/decisions/{path}": {"value": {"event": "case-closed"}, "ground": "a test"},
        "POST /policy/decisions/{path}/withdrawal": {"ground": "a test"},
        "POST /policy/adoption": None,
        "POST /clients": {"service": town.service, "source": town.source, "stub": stub, "record": record},
        "POST /clients/search": {"family_name": town.family_name},
        "PUT /clients/{file_id}/stub": stub,
        "POST /clients/{file_id}/records": record,
        "PATCH /clients/{file_id}/records/{record_id}/values": {"values": {town.value: value}},
        "POST /clients/{file_id}/records/{record_id}/attachments": "generated",
        "POST /clients/{file_id}/records/{record_id}/reinstatement": None,
        "POST /clients/{file_id}/milestones": {
            "kind": "case-closed", "happened_on": "2026-01-31", "source": town.source,
        },
        "PUT /clients/{file_id}/enrolments": {"programme": town.programme, "started_on": "2026-01-31"},
        "POST /clients/{file_id}/notices": {"version": ids["version_id"], "on": "2026-11-20", "channel": "post"},
        "POST /clients/{file_id}/consents": permission(tenant),
        "POST /clients/{file_id}/permissions": permission(tenant),
        "POST /clients/{file_id}/consents/{purpose}/withdraw": {"channel": "post"},
        "POST /clients/{file_id}/permissions/{purpose}/withdraw": {"channel": "post"},
        **{
            f"POST /console/clients/{{file_id}}/{plural}{act}": {"purpose": town.purpose, "channel": "post"}
            for plural in ("consents", "permissions")
            for act in ("", "/withdraw")
        },
        "PUT /programmes/{programme}/end": {"happened_on": "2026-10-31"},
        "POST /registers": {
            "service": town.service, "record_class": town.register, "title": "Generated", "held_on": "2026-01-31",
        },
        "PUT /registers/{register_id}/entries": {"entries": [{"attended": True, "name": "Generated"}]},
        "POST /persons/{person_id}/join": {"other": ids["person_id"]},
        "POST /persons/{person_id}/part": None,
        "POST /imports/{service}/{source}": "reference\n",
        "POST /notices/publications": {"ground": "a test"},
        "POST /notices/documents": {"service": town.service, "title": "Generated"},
        "POST /retention/armings": arming,
        "POST /retention/forecast/what-if": {"service": town.service, "rules": SUPPOSED.format(town.digital)},
        "POST /retention/unfounded/removals": {"records": [ids["record_id"]]},
        "POST /retention/disarmings": {"record_class": arming["record_class"]},
        "POST /holds": {
            "scope": "file", "target": ids["file_id"], "ground": "a claim", "authoriser": "solicitor",
            "review_on": "2027-01-31",
        },
        "POST /holds/preview": {"service": town.service},
        "POST /hold-cases": {
            "scope": "file", "targets": [ids["file_id"]], "ground": "a claim", "authoriser": "solicitor",
            "review_on": "2027-01-31",
        },
        "POST /hold-cases/{case_id}/release": {"reason": "settled"},
        "POST /holds/{hold_id}/release": {"reason": "settled"},
        "POST /clients/{file_id}/extensions": {
            "until": "2030-03-31", "reason": "a generated appeal", "authoriser": "manager",
        },
        "POST /extensions/{extension_id}/withdraw": {"reason": "settled"},
        "POST /clients/{file_id}/limits": {"ground": "18.1.a"},
        "POST /policy-documents": {"service": town.service, "condition": town.condition},
        "POST /policy-documents/{policy_document_id}/approval": {"review_on": "2027-01-31"},
        "POST /policy-documents/{policy_document_id}/rejection": {"reason": "unclear"},
        "POST /policy-documents/{policy_document_id}/withdrawal": {"reason": "no longer needed"},
        "POST /limits/{limit_id}/decision": {"outcome": "upheld", "told_on": "2026-11-20"},
        "POST /limits/{limit_id}/lift": {"told_on": "2026-11-20", "reason": "settled"},
        "POST /disclosures/decide": asked(tenant),
        "POST /disclosures": asked(tenant) | {"format": "json"},
        "POST /disclosures/search": {"client": ids["file_id"]},
        "POST /disclosures/{disclosure_id}/export": None,
        "POST /sharing/agreements": agreement(tenant),
        "POST /sharing/agreements/{agreement_id}/review": {"review_on": "2028-01-31"},
        "POST /sharing/agreements/{agreement_id}/end": {"because": "settled"},
        "PUT /sharing/agreements/{agreement_id}/document": "generated",
        "POST /sharing/stops": {"service": town.service, "recipient": PARTNERS[town.slug], "reason": "generated"},
        "POST /sharing/stops/{stop_id}/end": None,
        "POST /sharing/requests": request(tenant),
        "POST /sharing/requests/{request_id}/decision": {"share": False, "reasons": "not necessary"},
        "POST /sharing/notifications/{notification_id}/outcome": {"outcome": "sent"},
        "POST /sharing/matches": match(tenant),
        "POST /sharing/matches/{match_id}/close": {"outcome": "no-issue"},
        "POST /records/{record_id}/reviews": None,
        "POST /proposals": {"records": [ids["record_id"]]},
        "POST /proposals/decisions": {"proposals": [ids["proposal_id"]], "decision": {"outcome": "approve"}},
        "POST /proposals/{proposal_id}/decision": {"outcome": "approve"},
        "POST /sweeps": None,
        "POST /retention/fulfilments": {"records": [ids["record_id"]], "done_on": "2026-11-20"},
        "POST /destructions/repeats": {"records": [ids["awaiting"]]},
        "POST /console/destructions/repeats": {"record": ids["awaiting"]},
        "POST /destructions": {"records": [ids["awaiting"]], "destroyed_on": "2026-11-20", "method": "shredded"},
        "POST /console/destructions": {"record": ids["awaiting"], "destroyed_on": "20/11/2026", "method": "shredded"},
        "POST /destructions/searches": {"records": [ids["awaiting"]], "searched_on": "2026-11-20"},
        "POST /destructions/losses": {"records": [ids["awaiting"]], "reason": "flooded"},
        "POST /destructions/holds": {
            "records": [ids["awaiting"]], "ground": "a claim", "authoriser": "a role", "review_on": "2027-01-31",
        },
        "POST /retention/packages/{package_id}/receipt": {"reference": "ACC 1", "received_on": "2026-11-20"},
        "POST /retention/packages/{package_id}/refusal": {"reason": "not wanted"},
        "POST /console/archive/{package_id}": {"outcome": "refuse", "words": "not wanted"},
        "POST /console/review": {"outcome": "approve", "proposal": ids["proposal_id"]},
        "POST /console/clients/{file_id}/sharing": {
            "recipient": PARTNERS[town.slug], "purpose": town.purpose, "field": town.value,
        },
        "POST /console/clients/{file_id}/requests": {
            **{name: value for name, value in request(tenant).items() if name not in ("service", "file", "fields")},
            "field": town.value, "received_on": "19/11/2026",
        },
        "POST /console/disclosures": {"client": ids["file_id"]},
        "POST /console/stops": {"whom": f"{town.service}/{PARTNERS[town.slug]}", "reason": "a breach of theirs"},
        "POST /console/stops/{stop_id}": {},
        "POST /console/disclosures/{disclosure_id}/export": {},
        "POST /console/agreements": {"service": town.service, "recipient": PARTNERS[town.slug]},
        "POST /console/agreements/{agreement_id}": {"review_on": "31/01/2028"},
        "POST /console/requests/{request_id}": {"reasons": "not necessary"},
        "POST /console/notifications/{notification_id}": {"outcome": "sent"},
        "POST /console/sign-out": {},
        "POST /console/password": {"current": "generated words for tests", "new": "other generated words"},
        "POST /console/clients": {"family_name": town.family_name},
        "POST /console/clients/{file_id}/attachments": {
            "record": ids["record_id"], "attachment": ("a.txt", b"generated", "text/plain"),
        },
        "POST /console/policy": {"plan": "-".join(["0" * 16] * 4)},
        "POST /console/retention": arming,
        "POST /console/retention/forecast": {"service": town.service, "rules": SUPPOSED.format(town.digital)},
        "POST /console/clients/{file_id}/extensions": {
            "until": "31/03/2030", "reason": "a generated appeal", "authoriser": "manager",
        },
        "POST /console/extensions/{extension_id}": {"reason": "settled"},
        "POST /console/clients/{file_id}/records/{record_id}/reinstatement": {},
        "POST /console/clients/{file_id}/notices": {
            "shown": ids["version_id"], "on": "20/11/2026", "channel": "post",
        },
        "POST /console/clients/{file_id}/limits": {"ground": "18.1.a", "purpose": ""},
        "POST /console/policy-documents": {"service": town.service, "condition": town.condition},
        "POST /console/policy-documents/{policy_document_id}": {"outcome": "reject", "reason": "unclear"},
        "POST /console/limits/{limit_id}": {"outcome": "upheld", "told_on": "20/11/2026", "reason": ""},
    }  # fmt: skip


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


def own(tenant: Tenant, route: Route) -> dict[str, str]:
    """What the council has for each part of an address; a part is missing where it has nothing of the kind."""
    have = tenant.names | {name: keys[-1] for name, keys in tenant.ids.items()}
    meant = {part: MEANT.get((route.path, part), part) for part in route.parts}
    return {part: have[name] for part, name in meant.items() if name in have}


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


def naming(other: Tenant, asker: Tenant) -> Iterator[tuple[str, str, Any]]:
    """Bodies of one council that name something of another's."""
    theirs, mine = ({name: keys[-1] for name, keys in tenant.ids.items()} for tenant in (other, asker))
    usual, entry = bodies(asker), [{"attended": True, "file_id": theirs["file_id"]}]
    yield "POST", "/clients", usual["POST /clients"] | {"person_id": theirs["person_id"]}
    yield "POST", "/clients", usual["POST /clients"] | {"service": other.town.service}
    yield "POST", f"/persons/{mine['person_id']}/join", {"other": theirs["person_id"]}
    if asker.town.register is not None:
        yield "POST", "/registers", usual["POST /registers"] | {"entries": entry}
        yield "PUT", f"/registers/{mine['register_id']}/entries", {"entries": entry}
    for name, key in (("version", "version_id"), ("document", "document_id")):
        given = {name: theirs[key], "on": "2026-11-20", "channel": "post"}
        yield "POST", f"/clients/{mine['file_id']}/notices", given
    agreed = permission(asker)
    for changes in ({"document": theirs["document_id"]}, {"purpose": other.town.purpose},
                    {"document": None, "version": theirs["version_id"]}):  # fmt: skip
        yield "POST", f"/clients/{mine['file_id']}/permissions", agreed | changes
    for scope, target in (
        ("file", theirs["file_id"]), ("person", theirs["person_id"]), ("record", theirs["record_id"]),
        ("class", f"{other.town.service}/{other.town.digital}"),
    ):  # fmt: skip
        yield "POST", "/holds", usual["POST /holds"] | {"scope": scope, "target": target}
    yield "POST", "/holds/preview", {"service": other.town.service}
    query = {"scope": "query", "target": "", "query": {"service": other.town.service}}
    yield "POST", "/holds", usual["POST /holds"] | query
    record_class = {"record_class": f"{other.town.service}/{other.town.digital}"}
    yield "POST", "/retention/armings", usual["POST /retention/armings"] | record_class
    yield "POST", "/retention/disarmings", record_class
    supposed = {"service": other.town.service, "rules": SUPPOSED.format(other.town.digital)}
    yield "POST", "/retention/forecast/what-if", supposed
    for path in ("", "/searches", "/losses", "/holds"):
        told = usual[f"POST /destructions{path}"]
        yield "POST", f"/destructions{path}", told | {"records": [theirs["awaiting"]]}
    yield "POST", "/disclosures", usual["POST /disclosures"] | {"files": [theirs["file_id"]]}
    yield "POST", "/disclosures", usual["POST /disclosures"] | {"request": theirs["request_id"]}
    yield "POST", "/disclosures/decide", usual["POST /disclosures/decide"] | {"files": [theirs["file_id"]]}
    yield "POST", "/disclosures/search", {"client": theirs["file_id"]}
    yield "POST", "/sharing/requests", usual["POST /sharing/requests"] | {"file": theirs["file_id"]}
    for path in ("/sharing/agreements", "/sharing/stops", "/sharing/matches", "/sharing/requests"):
        yield "POST", path, usual[f"POST {path}"] | {"service": other.town.service}
    yield "POST", "/notices/publications", {"service": other.town.service, "ground": "a test"}
    for_theirs = {"service": other.town.service, "condition": other.town.condition}
    yield "POST", "/policy-documents", for_theirs
    yield "POST", "/notices/documents", {"service": other.town.service, "title": "Generated"}


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
