"""Filling two councils with everything that a council can have, over the API, by the import and by the sweep."""

from __future__ import annotations

from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from muniment.accounts.permissions import Permission, Role, command_caller
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import LONGEST, new_token
from muniment.audit.sealing import seal_council
from muniment.cli.demonstration.population import lives, write_csv
from muniment.clients.importing.run import Importer, Order
from muniment.councils.adopting import adopt_policy, decide_policy
from muniment.councils.directory import sync_councils
from muniment.database.ids import new_id, random_id
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.jobs.drain import Drain
from muniment.plugins.manager import Plugins
from muniment.policy.deciding import read_decisions
from muniment.policy.store import adopted
from muniment.retention.approval.tables import Proposal
from muniment.retention.clocks.current import past_period
from muniment.retention.disposal.tables import ArchiveItem, ArchivePackage
from muniment.wiring import actors
from tests.isolation.application.sharing import decisions, share
from tests.isolation.application.tenants import TOWNS, Api, Client, Tenant, Town, permission

__all__ = ["fill"]

DECISIONS = Path(__file__).parents[3] / "deploy" / "demo" / "decisions"
PROGRAMME = """
[[decision]]
path = "{town.service}.programme.{town.programme}"
ground = "Tests only."
decided_by = "information asset owner (demonstration)"
generated = true

[decision.value]
title = "Generated programme"
keep = "7 years"
generated = true
"""
LONG_AGO, LAST_YEAR = date(2015, 3, 2), date(2025, 3, 3)


def fill(client: Client, deployment: Deployment, plugins: Plugins, folder: Path) -> tuple[Tenant, ...]:
    """Adopt and fill every council; then have each with work waiting for every actor."""
    views = {view.slug: view.id for view in sync_councils(deployment.database, plugins)}
    tenants = tuple(_adopted(town, views[town.slug], deployment, plugins) for town in TOWNS)
    work = Drain(deployment, actors())
    for tenant in tenants:
        _import(tenant, deployment, plugins, folder / f"{tenant.town.slug}.csv")
        _record(Api(client, tenant))
        _publish(Api(client, tenant))
        _agree(Api(client, tenant))
        share(Api(client, tenant))
    work.run()
    for tenant in tenants:
        _dispose(Api(client, tenant), work)
        _propose(tenant, deployment)
        _pack(tenant, deployment)
        seal_council(deployment, tenant.council_id)
    for tenant in tenants:
        _leave_work(Api(client, tenant), folder / f"{tenant.town.slug}.csv")
    return tenants


def _adopted(town: Town, council_id: UUID, deployment: Deployment, plugins: Plugins) -> Tenant:
    file, now = DECISIONS / f"{town.slug}.toml", deployment.clock.now()
    with deployment.database.council(council_id) as session:
        facade = plugins.facade(town.slug)
        content = file.read_text(encoding="utf-8")
        if town.programme not in content:  # nobody can be enrolled in a programme that the policy does not name
            content += PROGRAMME.format(town=town)
        content += decisions(town)
        decide_policy(session, facade, read_decisions(content.encode(), file=file.name))
        adopt_policy(session, facade, by="information asset owner")
    with deployment.database.council(council_id) as session:
        token_id, token = new_token(session, town.slug, "tests", list(Permission), None, now + LONGEST, now)
        roles = [(role, None) for role in Role]
        staff_id = add_staff(session, "same@council.example", "Generated", "generated words for tests", roles, now)
        cookie = begin_session(session, staff_id, now)
    return Tenant(town, council_id, token, cookie, {"token_id": [str(token_id)], "staff_id": [str(staff_id)]})


def _import(tenant: Tenant, deployment: Deployment, plugins: Plugins, file: Path) -> None:
    town, today = tenant.town, deployment.clock.today()
    with deployment.database.council(tenant.council_id) as session:
        policy = adopted(session).services[town.service]
    source = next(entry for entry in policy.clients.imports if entry.id == town.import_format)
    write_csv(file, source, policy, list(lives(8, today=today, seed=town.slug)), seed=town.slug)
    caller = command_caller(tenant.council_id, "tests")
    importer = Importer(deployment.database, caller, plugins, deployment.keys, past_period)
    order = Order(service=town.service, source=town.import_format, history=True, generated=True)
    with file.open("rb") as content:
        summary = importer.run(order, iter(partial(content.read, 65536), b""))
    assert summary.new == 8
    tenant.ids["run_id"] = [str(summary.run)]


def _record(api: Api) -> None:
    """A client whose digital record is long due and whose paper is too, and one who stays."""
    town = api.tenant.town
    for first_day, kept in ((LONG_AGO, False), (LAST_YEAR, True)):
        body = {"service": town.service, "source": town.source, "opened_on": first_day.isoformat(), "generated": True,
                "stub": {"given_names": "Generated", "family_name": town.family_name, "postcode": "ZZ1 1AA"},
                "record": _digital(town, first_day)}  # fmt: skip
        file_id = api.keep("file_id" if kept else "gone", "POST", "/clients", body)
        paper = {"record_class": town.paper, "medium": "paper", "location": "Shelf 1",
                 "recorded_on": first_day.isoformat()}  # fmt: skip
        api.keep("paper", "POST", f"/clients/{file_id}/records", paper)
        for kind in ("case-closed", "last-contact"):
            milestone = {"kind": kind, "happened_on": first_day.isoformat(), "source": town.source, "own_act": True}
            api.keep("milestone_id" if kept else "gone", "POST", f"/clients/{file_id}/milestones", milestone)
    enrolment = {"programme": town.programme, "started_on": LAST_YEAR.isoformat()}
    [kept_file] = api.tenant.ids["file_id"]
    api.ask("PUT", f"/clients/{kept_file}/enrolments", enrolment)
    view = api.ask("GET", f"/clients/{kept_file}")
    api.tenant.ids["record_id"] = [view["records"][0]["id"]]
    api.tenant.ids["person_id"] = [view["person_id"]]
    address = f"/api/v1/councils/{town.slug}/clients/{kept_file}/records/{view['records'][0]['id']}/attachments"
    headers = api.tenant.authorised | {"Content-Type": "text/plain"}
    stored = api.client.post(address, content=b"generated", headers=headers)
    assert stored.status_code == 201, stored.text
    api.tenant.ids["attachment_id"] = [stored.json()["id"]]
    if town.register is not None:
        entries = [{"attended": True, "file_id": kept_file}]
        register = {"service": town.service, "record_class": town.register, "title": "Generated course",
                    "held_on": LAST_YEAR.isoformat(), "entries": entries}  # fmt: skip
        api.keep("register_id", "POST", "/registers", register)
    hold = {"scope": "file", "target": kept_file, "ground": "a generated claim", "authoriser": "solicitor",
            "review_on": "2027-01-31"}  # fmt: skip
    api.keep("hold_id", "POST", "/holds", hold)
    case = {**hold, "targets": [kept_file]}
    del case["target"]
    api.tenant.ids["case_id"] = [api.ask("POST", "/hold-cases", case)["case_id"]]
    extension = {"until": "2040-01-31", "reason": "a generated appeal", "authoriser": "manager"}
    api.keep("extension_id", "POST", f"/clients/{kept_file}/extensions", extension)
    _restrict(api)


def _restrict(api: Api) -> None:
    """A client of whose file no use may be made."""
    town = api.tenant.town
    body = {"service": town.service, "source": town.source, "opened_on": LAST_YEAR.isoformat(), "generated": True,
            "stub": {"family_name": "Generated"}, "record": _digital(town, LAST_YEAR)}  # fmt: skip
    file_id = api.keep("restricted", "POST", "/clients", body)
    api.keep("limit_id", "POST", f"/clients/{file_id}/limits", {"ground": "21.1"})


def _digital(town: Town, day: date) -> dict[str, Any]:
    value = {"value": "1 Sample Street", "source": town.source, "purposes": [town.purpose]}
    return {"record_class": town.digital, "recorded_on": day.isoformat(), "values": {town.value: value}}


def _publish(api: Api) -> None:
    town, ids = api.tenant.town, api.tenant.ids
    published = [version for each in api.ask("POST", "/notices/publications", {"ground": "a test"})
                 for version in each["versions"]]  # fmt: skip
    ids["version_id"] = [version["id"] for version in published if version["programme"] is None]
    document = {"service": town.service, "title": f"Generated leaflet of {town.slug}"}
    api.keep("document_id", "POST", "/notices/documents", document)
    prepared = {"service": town.service, "condition": town.condition}
    api.keep("policy_document_id", "POST", "/policy-documents", prepared)
    given = {"version": ids["version_id"][0], "on": "2026-11-20", "channel": "post"}
    api.keep("given", "POST", f"/clients/{ids['file_id'][0]}/notices", given)


def _agree(api: Api) -> None:
    """A permission in the ledger."""
    ids = api.tenant.ids
    place = f"/clients/{ids['file_id'][0]}/permissions"
    api.keep("event_id", "POST", place, permission(api.tenant))
    [event] = api.ask("GET", place)["events"]
    ids["evidence_id"] = [event["files"][0]["id"]]


def _dispose(api: Api, work: Drain) -> None:
    """Arm what can be armed and sweep, so that there are a run, certificates, and paper that awaits destruction."""
    town, ids = api.tenant.town, api.tenant.ids
    for class_id in (town.digital, town.paper):
        seen = api.ask("GET", f"/retention/previews/{town.service}/{class_id}")
        arming = {"record_class": f"{town.service}/{class_id}", "rule_hash": seen["rule_hash"]}
        api.keep("arming_id", "POST", "/retention/armings", arming)
    ids["sweep_id"] = [api.ask("POST", "/sweeps")["id"]]
    work.run()
    ids["certificate_id"] = [entry["id"] for entry in api.ask("GET", "/certificates")["items"]]
    ids["awaiting"] = [entry["id"] for entry in api.ask("GET", "/destructions")["items"]]
    assert ids["certificate_id"]
    assert ids["awaiting"]


def _propose(tenant: Tenant, deployment: Deployment) -> None:
    """A line in the review queue, written by hand: no rule of these councils asks for a review."""
    [record_id], proposal_id = tenant.ids["record_id"], new_id()
    with deployment.database.council(tenant.council_id) as session:
        session.execute(
            insert(Proposal).values(
                council_id=tenant.council_id, id=proposal_id, record_id=UUID(record_id), kept_in="record",
                record_class=f"{tenant.town.service}/{tenant.town.digital}", due_on=LONG_AGO, fingerprint="",
                state="open", proposed_at=deployment.clock.now(), proposed_kind="system", proposed_role="",
            )
        )  # fmt: skip
    tenant.ids["proposal_id"] = [str(proposal_id)]


def _pack(tenant: Tenant, deployment: Deployment) -> None:
    """A package for an archive, written by hand: no rule of these councils sends anything there."""
    [record_id], package_id = tenant.ids["record_id"], random_id()
    common, content = {"council_id": tenant.council_id}, f"generated for {tenant.town.slug}".encode()
    store = FileStore(deployment.settings.files_dir, deployment.keys)
    with deployment.database.council(tenant.council_id) as session:
        stored_id = store.store(session, content, "application/zip")
        package = {"id": package_id, "record_class": f"{tenant.town.service}/{tenant.town.digital}", "records": 1,
                   "archive": "county", "sha256": sha256(content).digest(), "stored_id": stored_id}  # fmt: skip
        session.execute(insert(ArchivePackage).values(**common, **package, offered_at=deployment.clock.now()))
        item = {"record_id": UUID(record_id), "package_id": package_id, "fingerprint": ""}
        session.execute(insert(ArchiveItem).values(**common, **item))
    tenant.ids["package_id"] = [str(package_id)]


def _leave_work(api: Api, file: Path) -> None:
    """Something new that is due and a run that waits, an upload that waits, events that are not sealed yet."""
    town = api.tenant.town
    body = {"service": town.service, "source": town.source, "opened_on": LONG_AGO.isoformat(), "generated": True,
            "stub": {"family_name": "Generated"}, "record": _digital(town, LONG_AGO)}  # fmt: skip
    file_id = api.keep("due", "POST", "/clients", body)
    for kind in ("case-closed", "last-contact"):
        milestone = {"kind": kind, "happened_on": LONG_AGO.isoformat(), "source": town.source, "own_act": True}
        api.ask("POST", f"/clients/{file_id}/milestones", milestone)
    api.tenant.ids["sweep_id"].append(api.ask("POST", "/sweeps")["id"])
    address = f"/api/v1/councils/{town.slug}/imports/{town.service}/{town.import_format}?history=true"
    content = file.read_bytes().replace(b"GEN-", b"NEW-")
    uploaded = api.client.post(address, content=content, headers=api.tenant.authorised)
    assert uploaded.status_code == 202, uploaded.text
    api.tenant.ids["run_id"].append(uploaded.json()["id"])
