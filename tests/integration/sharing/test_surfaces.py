"""Sharing as its users meet it: over the API, on the console's pages, on the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result
from litestar import Litestar
from litestar.testing import TestClient
from structlog.testing import capture_logs

from muniment.clients.limiting import NewLimit, place_limit
from muniment.sharing.agreements import make_agreement
from tests.integration.sharing.kit import API, CONSOLE, FIELDS, SERVICE, House, page
from tests.integration.sharing.test_arrangements import new_agreement

Client = TestClient[Litestar]
Share = Callable[..., Result]


def question(file: UUID, **changes: Any) -> dict[str, Any]:
    return {"service": SERVICE, "recipient": "college", "purpose": "support", "fields": list(FIELDS),
            "files": [str(file)], **changes}  # fmt: skip


def test_a_program_asks_discloses_searches_and_fetches(house: House, http: Client, headers: dict[str, str]) -> None:
    file = house.register(address="1 Sample Street")
    asked = http.post(f"{API}/disclosures/decide", json=question(file), headers=headers)
    assert asked.status_code == 200, asked.text
    [group] = asked.json()["groups"]
    assert group["allowed"]
    assert {"rule", "speaks_for", "sentence", "provision"} == set(group["reasons"][0])
    keyed = {**headers, "Idempotency-Key": "sharing-one"}
    made = http.post(f"{API}/disclosures", json=question(file, format="json"), headers=keyed)
    assert made.status_code == 201, made.text
    again = http.post(f"{API}/disclosures", json=question(file, format="json"), headers=keyed)
    assert again.json()["ids"] == [made.json()["id"]]
    place = f"{API}/disclosures/{made.json()['id']}"
    assert http.get(place, headers=headers).json()["given"] == 1
    found = http.post(f"{API}/disclosures/search", json={"client": str(file)}, headers=headers).json()["items"]
    assert [entry["id"] for entry in found] == [made.json()["id"]]
    export = http.post(f"{place}/export", headers=headers)
    assert hashlib.sha256(export.content).hexdigest() == made.json()["export"]["sha256"]
    assert "attachment" in export.headers["content-disposition"]
    twice = http.post(f"{place}/export", headers=headers)
    assert (twice.status_code, twice.json()["code"]) == (409, "fetched")


def test_a_mistake_is_told_with_its_place(house: House, http: Client, headers: dict[str, str]) -> None:
    file = house.register(address="canary street")
    for wrong, where in (
        ({"fields": []}, "fields"), ({"format": None}, "format"), ({"exception": "because"}, "exception"),
        ({"files": []}, "files"),
    ):  # fmt: skip
        answer = http.post(f"{API}/disclosures", json=question(file, **{"format": "json", **wrong}), headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert where in json.dumps(answer.json()["errors"])
        assert "canary" not in answer.text
    stop = {"service": SERVICE, "recipient": "nobody", "reason": "generated"}
    answer = http.post(f"{API}/sharing/stops", json=stop, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "recipient")
    assert "college" in answer.json()["detail"]


def test_agreements_requests_and_matches_over_the_api(house: House, http: Client, headers: dict[str, str]) -> None:
    agreement = {
        "service": SERVICE, "recipient": "authority", "title": "Generated", "parties": ["A", "B"],
        "purposes": ["support"], "categories": ["personal"], "basis": "public task", "power": "Generated Act",
        "from_on": "2026-01-01", "review_on": "2026-12-01", "agreed_by": "head of service",
    }  # fmt: skip
    place = f"{API}/sharing/agreements"
    made = http.post(place, json=agreement, headers=headers).json()["id"]
    listed = http.get(place, params={"to_review": "true"}, headers=headers).json()["items"]
    assert [(one["in_force"], one["to_review"]) for one in listed if one["id"] == made] == [(True, True)]
    stored = http.put(f"{place}/{made}/document", content=b"%PDF generated",
                      headers={**headers, "Content-Type": "application/pdf"})  # fmt: skip
    assert stored.status_code == 204, stored.text
    assert http.get(f"{place}/{made}/document", headers=headers).content == b"%PDF generated"
    reviewed = http.post(f"{place}/{made}/review", json={"review_on": "2027-12-01"}, headers=headers)
    assert reviewed.status_code == 204, reviewed.text
    assert http.post(f"{place}/{made}/end", json={"because": "over"}, headers=headers).status_code == 204
    assert http.post(f"{place}/{made}/end", json={"because": "over"}, headers=headers).status_code == 409
    match = {"service": SERVICE, "recipient": "initiative", "data_set": "payroll", "reference": "G-1",
             "received_on": "2026-11-19", "finding": "generated"}  # fmt: skip
    match_id = http.post(f"{API}/sharing/matches", json=match, headers=headers).json()["id"]
    closed = http.post(f"{API}/sharing/matches/{match_id}/close", json={"outcome": "error"}, headers=headers)
    assert closed.status_code == 204, closed.text
    [seen] = http.get(f"{API}/sharing/matches", headers=headers).json()["items"]
    assert (seen["outcome"], seen["closed_on"]) == ("error", "2026-11-20")


def test_where_files_lie_on_the_host_is_told_to_the_operator_alone(
    house: House, http: Client, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    agreement_id = house.settle_with("college")
    (tmp_path / "full").touch()
    monkeypatch.setattr(house.store, "_folder", tmp_path / "full")
    with capture_logs() as logs:
        refused = http.put(f"{API}/sharing/agreements/{agreement_id}/document", content=b"%PDF generated",
                           headers={**headers, "Content-Type": "application/pdf"})  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (503, "files-not-written")
    assert refused.json()["detail"].endswith("nothing was changed. Tell the operator; the log says why.")
    assert str(tmp_path) not in refused.text
    [told] = [line["detail"] for line in logs if line["event"] == "not_ready"]
    assert str(tmp_path / "full") in told


def test_an_adviser_asks_and_discloses_on_the_clients_page(house: House, http: Client, cookie: str) -> None:
    file = house.register(address="1 Sample Street", work__history="Baker")
    assert f"/clients/{file}/sharing" in page(http, cookie, f"/clients/{file}").text
    form = {"recipient": "college", "purpose": "support", "field": ["personal.address", "work.history"]}
    asked = page(http, cookie, f"/clients/{file}/sharing", {**form, "act": "ask"})
    assert asked.status_code == 200, asked.text
    assert ">Yes<" in asked.text
    assert "A lawful basis stands" in asked.text
    no = page(http, cookie, f"/clients/{file}/sharing", {**form, "purpose": "stories", "act": "ask"})
    assert ">No<" in no.text
    assert "no live one (none)" in no.text
    wrong = page(http, cookie, f"/clients/{file}/sharing", {"act": "ask"})
    assert wrong.status_code == 422
    made = page(http, cookie, f"/clients/{file}/sharing", {**form, "act": "disclose", "means": "csv"})
    assert made.status_code == 303, made.text
    shown = page(http, cookie, made.headers["location"].removeprefix(CONSOLE))
    assert "The college" in shown.text
    assert "on a later day than it was made, the gate is asked again first" in shown.text
    fetched = page(http, cookie, f"{made.headers['location'].removeprefix(CONSOLE)}/export", {})
    assert b"Baker" in fetched.content
    assert "The college" in page(http, cookie, "/disclosures").text
    assert "work.history" in page(http, cookie, f"/clients/{file}").text


def test_a_request_is_noted_and_decided_on_pages(house: House, http: Client, cookie: str) -> None:
    file = house.register(address="1 Sample Street")
    form = {
        "kind": "crime", "recipient": "police", "purpose": "support", "field": "personal.address",
        "requester": "A constable, generated", "received_on": "19/11/2026", "reason": "a theft",
        "necessity": "a witness",
        "power": "common law", "lawful_basis": "public task", "impact_assessment": "none", "keeping": "a month",
        "security": "sealed",
    }  # fmt: skip
    unsigned = page(http, cookie, f"/clients/{file}/requests", form)
    assert unsigned.status_code == 422
    assert "inspector or above" in unsigned.text
    noted = page(http, cookie, f"/clients/{file}/requests", {**form, "signed_off_by": "inspector"})
    assert noted.status_code == 303, noted.text
    request_id = house.scalar("select id from sharing_request where file_id = :f", f=file)
    assert "a theft" in page(http, cookie, "/requests").text
    decision = {"field": "personal.address", "decided_by": "information asset owner", "reasons": "proportionate",
                "last_day": "31/02/2027"}  # fmt: skip
    silent = page(http, cookie, f"/requests/{request_id}", {**decision, "decided_by": " ", "last_day": "31/03/2027"})
    assert (silent.status_code, f'href="#decided_by-{request_id}"' in silent.text) == (422, True)
    adviser = page(http, cookie, f"/requests/{request_id}", {**decision, "decided_by": " DPO", "last_day": ""})
    assert (adviser.status_code, "decides no processing" in adviser.text) == (422, True)
    wrong = page(http, cookie, f"/requests/{request_id}", decision)
    assert wrong.status_code == 422
    assert f'href="#last_day-{request_id}"' in wrong.text
    for kept in ('value="proportionate"', 'value="31/02/2027"', 'value="personal.address" checked'):
        assert kept in wrong.text
    decided = page(http, cookie, f"/requests/{request_id}", {**decision, "last_day": "31/03/2027"})
    assert decided.status_code == 303, decided.text
    shown = page(http, cookie, "/requests").text
    for told in ("Last day for giving them: 31 March 2027", "Is the person told: yes", "Still to be given: yes"):
        assert told in shown
    assert f'value="{request_id}"' in page(http, cookie, f"/clients/{file}/sharing").text


def test_an_agreement_and_whom_to_tell_on_pages(house: House, http: Client, cookie: str) -> None:
    form = {
        "service": SERVICE, "recipient": "college", "title": "Generated agreement", "parties": "A; B",
        "purposes": "support", "categories": "personal; work", "basis": "public task", "power": "Generated Act",
        "from_on": "01/01/2026", "review_on": "01/12/2026", "agreed_by": "head of service",
    }  # fmt: skip
    assert page(http, cookie, "/agreements", {**form, "purposes": "gossip"}).status_code == 422
    assert page(http, cookie, "/agreements", form).status_code == 303
    listed = page(http, cookie, "/agreements")
    assert "To be looked at" in listed.text
    assert "of: personal, work, health, offences" in listed.text
    agreement_id = house.scalar("select id from sharing_agreement where title = 'Generated agreement'")
    assert page(http, cookie, f"/agreements/{agreement_id}", {"because": "over"}).status_code == 303
    file = house.register(address="1 Sample Street")
    made = house.disclose(file)
    house.run(
        "insert into recipient_notification (council_id, id, line_id, change, fields, since)"
        " select council_id, gen_random_uuid(), id, 'rectified', fields, now() from disclosure_line"
        " where disclosure_id = :d", d=made.id,
    )  # fmt: skip
    told = house.scalar("select id from recipient_notification where state = 'to-send' order by since desc limit 1")
    assert "To be told" in page(http, cookie, "/notifications").text
    assert page(http, cookie, f"/notifications/{told}", {"outcome": "sent"}).status_code == 303
    assert page(http, cookie, f"/notifications/{told}", {"outcome": "acknowledged"}).status_code == 303


def test_an_operator_decides_exports_and_looks(house: House, tmp_path: Path, share: Share) -> None:
    file, limited = house.register(address="1 Sample Street"), house.register(address="2 Sample Street")
    house.limit(limited)
    asked = [
        "alpha", "--service", SERVICE, "--recipient", "college", "--purpose", "support", "--field", "personal.address",
        "--client", str(file), "--client", str(limited),
    ]  # fmt: skip
    decided = share("decide", *asked)
    assert decided.exit_code == 0, decided.output
    assert "1 client: yes: personal.address" in decided.stdout
    assert "AGAINST: A restriction stands" in decided.stdout
    made = share("export", *asked, "--format", "csv", "--to", str(tmp_path / "out"))
    assert made.exit_code == 0, made.output
    [written] = (tmp_path / "out").iterdir()
    assert "1 Sample Street" in written.read_text()
    assert "2 Sample Street" not in written.read_text()
    assert written.stat().st_mode & 0o077 == 0
    looked = share("register", "alpha", "--client", str(file), "--json")
    assert [entry["given"] for entry in json.loads(looked.stdout)["items"]] == [1]
    both = share("register", "alpha", "--recipient", "college")
    assert "personal.address; 1 given, 1 refused" in " ".join(both.stdout.split())
    with house.session() as session:
        today = session.clock.today()
        make_agreement(session, house.caller, new_agreement(house, last_day=today))
    assert f"in force, last day {today}, review on" in " ".join(share("agreements", "alpha").stdout.split())
    wrong = share("decide", *asked[:9])
    assert wrong.exit_code == 1
    assert "Say about whom" in wrong.stderr


def test_an_export_that_is_destroyed_before_it_is_written_is_asked_for_again(
    house: House, tmp_path: Path, share: Share
) -> None:
    stays, restricted = house.register(address="1 Sample Street"), house.register(address="2 Sample Street")

    def restrict() -> None:
        with house.session() as session:
            place_limit(session, house.caller, restricted, NewLimit(ground="18.1.a"))

    house.judge.then = restrict
    made = share(
        "export", "alpha", "--service", SERVICE, "--recipient", "college", "--purpose", "support", "--field",
        "personal.address", "--client", str(stays), "--client", str(restricted), "--to", str(tmp_path / "out"),
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "2 clients given about, 0 refused" in made.stdout
    assert "destroyed before it was fetched" in made.stdout
    assert "1 client given about, 1 refused" in made.stdout
    [written] = (tmp_path / "out").iterdir()
    assert "1 Sample Street" in written.read_text()
    assert "2 Sample Street" not in written.read_text()


def test_an_auditor_looks_into_the_register_on_its_page(house: House, http: Client, cookie: str) -> None:
    ours, theirs = (house.disclose(house.register(address="1 Sample Street")) for _ in range(2))
    file = house.scalar("select file_id from disclosure_line where disclosure_id = :d", d=ours.id)

    def look(**asked: str) -> Any:
        return page(http, cookie, "/disclosures", asked)

    found = look(client=str(file), recipient="college", first_day="20/11/2026", last_day="20/11/2026")
    assert found.status_code == 200, found.text
    assert (str(ours.id) in found.text, str(theirs.id) in found.text) == (True, False)
    assert str(ours.id) not in look(client=str(file), last_day="19/11/2026").text
    assert str(ours.id) not in look(client=str(file), recipient="police").text
    for wrong, where in (({"client": "somebody"}, "client"), ({"client": str(ours.id)}, "client"),
                         ({"first_day": "yesterday"}, "first_day")):  # fmt: skip
        told = look(**wrong)
        assert (told.status_code, f'href="#{where}"' in told.text) == (422, True)
    for _ in range(60):
        house.disclose(file, means="spoken", format=None)
    first = look(client=str(file)).text
    place = first.partition('name="after" value="')[2].partition('"')[0]
    second = look(client=str(file), after=place).text
    shown = [text.count(f'href="{CONSOLE}/disclosures/') for text in (first, second)]
    assert (sum(shown), 'name="after"' in second) == (61, False)
    assert str(ours.id) in first + second


def test_an_officer_stops_a_recipient_and_ends_it_on_the_page(house: House, http: Client, cookie: str) -> None:
    file = house.register(address="1 Sample Street")
    for wrong, where in (({"reason": "a breach"}, "whom"), ({"whom": f"{SERVICE}/college"}, "reason"),
                         ({"whom": f"{SERVICE}/college", "body": "x", "reason": "a breach"}, "body")):  # fmt: skip
        told = page(http, cookie, "/stops", wrong)
        assert (told.status_code, f'href="#{where}"' in told.text) == (422, True)
    stop = {"whom": f"{SERVICE}/college", "reason": "a breach of theirs"}
    assert page(http, cookie, "/stops", stop).status_code == 303
    assert house.against(file, fields=("personal.address",)) == {"stopped"}
    listed = page(http, cookie, "/stops").text
    assert "a breach of theirs" in listed
    stop_id = house.scalar("select id from sharing_stop where recipient = 'college' and ended_on is null")
    assert page(http, cookie, f"/stops/{stop_id}", {}).status_code == 303
    assert house.against(file, fields=("personal.address",)) == set()
