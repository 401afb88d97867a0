"""What is sent to each address that takes something: what a council could send itself, and what names another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.isolation.application.sharing import PARTNERS, agreement, asked, match, request
from tests.isolation.application.tenants import Tenant, permission

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
        "POST /sharing/requests/{request_id}/decision": {
            "share": False, "decided_by": "officer", "reasons": "not necessary",
        },
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
        "POST /console/requests/{request_id}": {"decided_by": "officer", "reasons": "not necessary"},
        "POST /console/notifications/{notification_id}": {"outcome": "sent"},
        "POST /console/sign-out": {},
        "POST /console/tokens/{token_id}": {},
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
