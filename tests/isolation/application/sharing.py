"""What a council of the isolation tests shares: decided recipients, and a little of everything about sharing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.isolation.application.tenants import Api, Tenant, Town

__all__ = ["PARTNERS", "agreement", "asked", "decisions", "match", "request", "share"]

PARTNERS = {"milton-keynes": "fire-and-rescue", "sefton": "adult-and-community-learning"}
MATCHERS = {"milton-keynes": "national-fraud-initiative", "sefton": "liverpool-city-region"}

DECIDED = """
[[decision]]
path = "{path}"
value = {value}
ground = "Tests only."
decided_by = "information asset owner (demonstration)"
generated = true
"""


def decisions(town: Town) -> str:
    """Decisions about a recipient that the council declares: why and on what basis it receives what."""
    partner, category = f"recipient.{PARTNERS[town.slug]}", town.value.partition(".")[0]
    decided = {
        "statute.generated": '{ title = "Generated Act 2020" }',
        "basis.generated": f'{{ article = "6.1.e", statutes = ["generated"], purposes = ["{town.purpose}"] }}',
        f"{partner}.purposes": f'["{town.purpose}"]',
        f"{partner}.categories": f'["{category}"]',
        f"{partner}.bases": '["generated"]',
    }
    if town.slug == "sefton":
        decided[f"recipient.{MATCHERS[town.slug]}.match"] = '{ aim = "tests" }'
    return "".join(DECIDED.format(path=f"{town.service}.{path}", value=value) for path, value in decided.items())


def asked(tenant: Tenant) -> dict[str, Any]:
    """May the partner be given the address of the client who stays?"""
    town = tenant.town
    return {"service": town.service, "recipient": PARTNERS[town.slug], "purpose": town.purpose, "fields": [town.value],
            "files": [tenant.ids["file_id"][0]]}  # fmt: skip


def agreement(tenant: Tenant) -> dict[str, Any]:
    """An agreement with the partner."""
    town = tenant.town
    return {"service": town.service, "recipient": PARTNERS[town.slug], "title": "Generated agreement",
            "parties": ["A", "B"],
            "purposes": [town.purpose], "categories": [town.value.partition(".")[0]], "basis": "public task",
            "power": "Generated Act 2020", "from_on": "2026-01-01", "review_on": "2027-01-01",
            "agreed_by": "head of service"}  # fmt: skip


def request(tenant: Tenant) -> dict[str, Any]:
    """A request of the partner's about the client who stays."""
    town = tenant.town
    return {"service": town.service, "file": tenant.ids["file_id"][0], "recipient": PARTNERS[town.slug],
            "requester": "A manager, generated", "received_on": "2026-11-19", "fields": [town.value],
            "purpose": town.purpose, "reason": "generated", "necessity": "generated", "power": "Generated Act 2020",
            "lawful_basis": "public task", "impact_assessment": "not needed", "keeping": "a month",
            "security": "generated"}  # fmt: skip


def match(tenant: Tenant) -> dict[str, Any]:
    """A result of a matching exercise."""
    return {"service": tenant.town.service, "recipient": MATCHERS[tenant.town.slug], "data_set": "payroll",
            "reference": "G-1",
            "received_on": "2026-11-19", "finding": "generated"}  # fmt: skip


def share(api: Api) -> None:
    """A disclosure with its export and a correction of what was given, an agreement, a stop, a request, a match."""
    tenant, town = api.tenant, api.tenant.town
    api.keep("agreement_id", "POST", "/sharing/agreements", agreement(tenant))
    address = f"/api/v1/councils/{town.slug}/sharing/agreements/{tenant.ids['agreement_id'][0]}/document"
    stored = api.client.put(address, content=b"generated", headers=tenant.authorised | {"Content-Type": "text/plain"})
    assert stored.status_code == 204, stored.text
    api.ask("POST", f"/clients/{tenant.ids['file_id'][0]}/permissions", {
        "purpose": town.purpose, "answer": "given", "language": "en", "wording": "I agree (generated).",
        "document": tenant.ids["document_id"][0], "channel": "in-person", "how": "signed",
        "recipients": [{"recipient": PARTNERS[town.slug]}],
    })  # fmt: skip
    made = api.ask("POST", "/disclosures", asked(tenant) | {"format": "json"})
    assert made["given"] == 1, made
    tenant.ids["disclosure_id"] = [made["id"]]
    value = {"value": "3 Sample Street", "source": town.source, "purposes": [town.purpose]}
    record = f"/clients/{tenant.ids['file_id'][0]}/records/{tenant.ids['record_id'][0]}/values"
    api.ask("PATCH", record, {"values": {town.value: value}})
    [waiting] = api.ask("GET", "/sharing/notifications")["items"]
    tenant.ids["notification_id"] = [waiting["id"]]
    api.keep("request_id", "POST", "/sharing/requests", request(tenant))
    api.keep("match_id", "POST", "/sharing/matches", match(tenant))
    stop = {"service": town.service, "recipient": PARTNERS[town.slug], "reason": "generated"}
    api.keep("stop_id", "POST", "/sharing/stops", stop)
