"""The clients' part of the API and of the console, asked over HTTP."""

from __future__ import annotations

from itertools import product
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission, Role
from muniment.clients.importing.actors import IMPORT, import_uploads
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.settings import Settings
from muniment.web.forms import form_token
from tests.integration.clients.asking import API, sign_in, token
from tests.integration.clients.kit import OTHER, SERVICE, House, csv_of, nothing_past, row

NEW: dict[str, Any] = {
    "service": SERVICE,
    "source": "jobcentre",
    "referred_on": "2026-11-01",
    "generated": True,
    "stub": {"family_name": "Canary", "given_names": "Specimen", "reference": "X 1", "postcode": "zz1 1aa"},
    "record": {
        "record_class": "case",
        "values": {"personal.ni": {"value": "qq123456c", "source": "client", "purposes": ["support"]}},
    },
}


def test_register_read_and_find(house: House, http: TestClient[Litestar]) -> None:
    headers = token(house)
    made = http.post(f"{API}/clients", json=NEW, headers=headers)
    assert made.status_code == 201, made.text
    read = http.get(made.headers["location"], headers=headers).json()
    assert read["notice_due_on"] == "2026-12-01"
    assert read["postcode"] == "ZZ1 1AA"
    value = {"v": "QQ123456C", "s": "client", "on": "2026-11-20", "p": ["support"]}
    assert read["records"][0]["values"] == {"personal.ni": value}
    for asked in ({"reference": "x1"}, {"family_name": "can"}, {"postcode": "ZZ11AA", "family_name": "canary"}):
        found = http.post(f"{API}/clients/search", json=asked, headers=headers).json()
        assert [entry["id"] for entry in found["items"]] == [read["id"]]


def test_a_repeated_registration_makes_one_file(house: House, http: TestClient[Litestar]) -> None:
    headers = {**token(house), "Idempotency-Key": "one"}
    answers = [http.post(f"{API}/clients", json=NEW, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert house.scalar("select count(*) from client_file") == 1


def test_recording_in_a_file(house: House, http: TestClient[Litestar]) -> None:
    headers = token(house)
    file = f"{API}/clients/{house.register()}"
    paper = {"record_class": "letters", "medium": "paper", "location": "Room 3, shelf 7"}
    assert http.post(f"{file}/records", json=paper, headers=headers).status_code == 201
    milestone = {"kind": "last-contact", "happened_on": "2026-11-02", "source": "client", "own_act": True}
    noted = http.post(f"{file}/milestones", json=milestone, headers=headers)
    assert noted.status_code == 201
    assert http.post(f"{file}/milestones", json=milestone, headers=headers).status_code == 409
    enrolled = {"programme": "skills", "started_on": "2026-01-01"}
    assert http.put(f"{file}/enrolments", json=enrolled, headers=headers).status_code == 204
    ended = {**enrolled, "ended_on": "2026-03-01"}
    assert http.put(f"{file}/enrolments", json=ended, headers=headers).status_code == 204
    read = http.get(file, headers=headers).json()
    record = next(entry for entry in read["records"] if entry["record_class"] == "advice/case")
    changes = {"values": {"personal.note": {"value": "hello", "source": "client", "purposes": ["support"]}}}
    values = f"{file}/records/{record['id']}/values"
    assert http.patch(values, json=changes, headers=headers).status_code == 204
    assert http.patch(values, json={"values": {"personal.note": None}}, headers=headers).status_code == 204
    assert http.delete(f"{file}/milestones/{noted.json()['id']}", headers=headers).status_code == 204
    read = http.get(file, headers=headers).json()
    assert read["enrolments"] == [{"programme": "skills", "started_on": "2026-01-01", "ended_on": "2026-03-01"}]
    assert read["milestones"] == []
    assert {entry["location"] for entry in read["records"]} == {None, "Room 3, shelf 7"}


def test_a_register_of_several_people(house: House, http: TestClient[Litestar]) -> None:
    headers = token(house)
    file_id = house.register()
    entries = [{"attended": True, "file_id": str(file_id)}, {"attended": False, "name": "Canary Guest"}]
    new = {"service": SERVICE, "record_class": "attendance", "title": "Course", "held_on": "2026-10-01",
           "entries": entries}  # fmt: skip
    made = http.post(f"{API}/registers", json=new, headers=headers)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    assert len(http.get(place, headers=headers).json()["entries"]) == 2
    assert http.put(f"{place}/entries", json={"entries": entries[:1]}, headers=headers).status_code == 204
    assert len(http.get(place, headers=headers).json()["entries"]) == 1
    stranger = {**new, "entries": [{"attended": True, "file_id": str(house.register(service=OTHER))}]}
    assert http.post(f"{API}/registers", json=stranger, headers=headers).status_code == 404


@pytest.mark.parametrize("programme", ["zork", ".."])
def test_a_programme_that_no_policy_names_is_refused(house: House, http: TestClient[Litestar], programme: str) -> None:
    headers = token(house)
    file = f"{API}/clients/{house.register()}"
    sent = {"programme": programme, "started_on": "2026-01-01"}
    enrolled = http.put(f"{file}/enrolments", json=sent, headers=headers)
    assert enrolled.status_code in (400, 422)
    place = f"{API}/programmes/{programme.replace('.', '%2e')}/end"
    ended = http.put(place, json={"happened_on": "2026-03-31"}, headers=headers)
    assert ended.status_code in (404, 422)
    if programme == "zork":
        sentence = "The adopted policy names no such programme; it names: skills."
        assert (enrolled.json()["code"], enrolled.json()["detail"]) == ("undeclared-programme", sentence)
        assert ended.json()["detail"] == sentence
    assert house.scalar("select count(*) from programme_fact") + house.scalar("select count(*) from enrolment") == 0


EARLY, LATE = "0001-01-01", "9999-12-31"


NO_DAYS = {EARLY: "date-too-early", "1899-12-31": "date-too-early", LATE: "date-in-future"}
DAYS = ("born_on", "opened_on", "referred_on", "recorded_on", "on")


def test_days_that_cannot_be_are_refused_by_code(
    house: House, http: TestClient[Litestar], subtests: pytest.Subtests
) -> None:
    headers = token(house)
    for where, (day, code) in product(DAYS, NO_DAYS.items()):
        with subtests.test(where=where, day=day):
            new = msgspec.json.decode(msgspec.json.encode(NEW))
            values = new["record"]["values"]
            places = {"born_on": new["stub"], "recorded_on": new["record"], "on": next(iter(values.values()))}
            places.get(where, new)[where] = day
            answer = http.post(f"{API}/clients", json=new, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
            assert house.scalar("select count(*) from client_file") == 0


NO_FACTS = [
    ("milestones", {"kind": "last-contact", "happened_on": EARLY, "source": "client"}, "date-too-early"),
    ("milestones", {"kind": "last-contact", "happened_on": LATE, "source": "client"}, "date-in-future"),
    ("milestones", {"kind": "expiry", "happened_on": LATE, "source": "client"}, "date-too-late"),
    ("enrolments", {"programme": "skills", "started_on": EARLY}, "date-too-early"),
    ("enrolments", {"programme": "skills", "started_on": LATE}, "date-in-future"),
    ("enrolments", {"programme": "skills", "started_on": "2026-01-01", "ended_on": LATE}, "date-too-late"),
    ("programme", {"happened_on": LATE}, "date-too-late"),
    ("programme", {"happened_on": EARLY}, "date-too-early"),
]


def test_facts_of_days_that_cannot_be_are_refused_by_code(
    house: House, http: TestClient[Litestar], subtests: pytest.Subtests
) -> None:
    headers, file_id = token(house), house.register()
    for place, sent, code in NO_FACTS:
        with subtests.test(place=place, sent=sent):
            at = f"{API}/programmes/skills/end" if place == "programme" else f"{API}/clients/{file_id}/{place}"
            ask = http.post if place == "milestones" else http.put
            answer = ask(at, json=sent, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


def test_the_end_of_a_programme_and_joining_people(house: House, http: TestClient[Litestar]) -> None:
    headers = token(house)
    assert (
        http.put(f"{API}/programmes/skills/end", json={"happened_on": "2027-03-31"}, headers=headers).status_code == 204
    )
    assert house.all("select programme, happened_on::text from programme_fact") == [("skills", "2027-03-31")]
    people = [http.get(f"{API}/clients/{house.register()}", headers=headers).json()["person_id"] for _ in range(2)]
    join = http.post(f"{API}/persons/{people[0]}/join", json={"other": people[1]}, headers=headers)
    assert join.status_code == 204, join.text
    assert http.post(f"{API}/persons/{people[1]}/join", json={"other": people[0]}, headers=headers).status_code == 409
    assert http.post(f"{API}/persons/{people[1]}/part", headers=headers).status_code == 204
    assert http.post(f"{API}/persons/{people[1]}/part", headers=headers).status_code == 409


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"service": "gardening"}, 404, "not-found"),
    ({"source": "nobody"}, 422, "undeclared-source"),
    ({"opened_on": "2027-01-01"}, 422, "date-in-future"),
    ({"stub": {"given_names": "  "}}, 422, "no-name"),
    ({"stub": {"family_name": "A\u0000"}}, 422, "control-character"),
    ({"stub": {"family_name": "Canary", "postcode": "canary"}}, 422, "not-a-postcode"),
    ({"record": {"record_class": "shoes"}}, 422, "unknown-class"),
    ({"record": {"record_class": "case", "medium": "paper"}}, 422, "medium"),
    ({"record": {"record_class": "letters", "medium": "paper"}}, 422, "no-location"),
    ({"record": {"record_class": "attendance"}}, 422, "register"),
    ({"person_id": str(uuid4())}, 404, "not-found"),
    ({"surprise": 1}, 400, "malformed"),
]


def test_bad_input_is_one_clear_problem(house: House, http: TestClient[Litestar], subtests: pytest.Subtests) -> None:
    headers = token(house)
    for change, status, code in BAD:
        with subtests.test(change=change):
            answer = http.post(f"{API}/clients", json={**NEW, **change}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) in {(status, code), (400, "invalid")}, answer.text
            assert "canary" not in answer.text.lower().replace("canary-", "")
            assert house.scalar("select count(*) from client_file") == 0


VALUES: list[tuple[str, dict[str, Any], str]] = [
    ("personal.shoe", {}, "undeclared-field"),
    ("feet.shoe", {}, "undeclared-category"),
    ("health.condition", {}, "not-in-class"),
    ("belief.religion", {}, "no-condition"),
    ("personal.note", {"source": "rumour"}, "undeclared-source"),
    ("personal.note", {"purposes": []}, "undeclared-purpose"),
    ("personal.note", {"purposes": ["marketing"]}, "undeclared-purpose"),
    ("personal.ni", {"value": "canary"}, "not-an-ni-number"),
    ("personal.note", {"value": "forbidden"}, "forbidden-word"),
    ("personal.note", {"on": "2027-01-01"}, "date-in-future"),
]


def test_values_outside_the_policy_are_refused(
    house: House, http: TestClient[Litestar], subtests: pytest.Subtests
) -> None:
    headers = token(house)
    for name, change, code in VALUES:
        with subtests.test(name=name, change=change):
            value = {"value": "canary", "source": "client", "purposes": ["support"], **change}
            body = {**NEW, "record": {"record_class": "case", "values": {name: value}}}
            answer = http.post(f"{API}/clients", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
            assert "canary" not in answer.text
            assert house.scalar("select count(*) from client_file") == 0


def test_who_may_what(house: House, http: TestClient[Litestar]) -> None:
    file_id = house.register()
    elsewhere = token(house, Permission.READ_CLIENTS, services=[OTHER])
    assert http.get(f"{API}/clients/{file_id}", headers=elsewhere).status_code == 404
    assert http.post(f"{API}/clients/search", json={"family_name": "can"}, headers=elsewhere).json()["items"] == []
    reader = token(house, Permission.READ_CLIENTS, services=[SERVICE])
    assert http.get(f"{API}/clients/{file_id}", headers=reader).status_code == 200
    stub = {"family_name": "Other"}
    assert http.put(f"{API}/clients/{file_id}/stub", json=stub, headers=reader).status_code == 403
    assert http.get(f"{API}/clients/{file_id}").status_code == 401


def test_an_upload_is_imported_by_a_worker(
    house: House, http: TestClient[Litestar], settings: Settings, keys: KeyRing
) -> None:
    headers = token(house)
    rung: list[str] = []
    house.database.doorbell = lambda name, _arguments: rung.append(name)
    content = csv_of([row(1), row(2, NI="bad")])
    sent = http.post(
        f"{API}/imports/{SERVICE}/export", content=content, headers={**headers, "Content-Type": "text/csv"}
    )
    assert sent.status_code == 202, sent.text
    assert rung == [IMPORT]
    assert http.get(sent.headers["location"], headers=headers).json()["state"] == "waiting"
    deployment = Deployment(settings, house.database, house.database.clock, keys, house.plugins)
    import_uploads(nothing_past).run(deployment, house.id)
    run = http.get(sent.headers["location"], headers=headers).json()
    assert (run["state"], run["new"], run["rejected"]) == ("done", 1, 1)
    assert run["rejects"] == [{"line": 3, "column": "NI", "code": "not-an-ni-number"}]
    assert house.scalar("select count(*) from stored_file") == 0
    assert [entry["id"] for entry in http.get(f"{API}/imports", headers=headers).json()["items"]] == [run["id"]]
    for bad, status in ((f"{API}/imports/{SERVICE}/nothing", 422), (f"{API}/imports/gardening/export", 404)):
        assert http.post(bad, content=content, headers=headers).status_code == status
    assert http.post(f"{API}/imports/{SERVICE}/export", content=b"", headers=headers).status_code == 422
    assert http.post(f"{API}/imports/{SERVICE}/export", content=content).status_code == 401


def test_the_console_finds_a_client_and_shows_the_file(house: House, http: TestClient[Litestar]) -> None:
    file_id = house.register(reference="R-77")
    field = {"form_token": form_token(sign_in(house, http, Role.ADVISER))}
    assert "Find a client" in http.get("/alpha/console").text
    found = http.post("/alpha/console/clients", data={**field, "reference": "r77"})
    assert found.status_code == 200, found.text
    assert f"/alpha/console/clients/{file_id}" in found.text
    page = http.get(f"/alpha/console/clients/{file_id}")
    assert page.status_code == 200, page.text
    assert "Specimen Canary" in page.text
    assert http.post("/alpha/console/clients", data={**field, "born_on": "yesterday"}).status_code == 422
    assert http.post("/alpha/console/clients", data=field).status_code == 422
