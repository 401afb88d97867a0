"""A client joins a programme and leaves it, over HTTP: its funder is given something only in between, and only once the
programme's own notice was given; the register and the client's page say so.

It is the Combined Authority's case in Sefton. The council's document names no programme, so the demonstration's
decisions made one up, and its notice with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import LONGEST, new_token
from muniment.app import open_application
from muniment.councils.adopting import adopt_policy, decide_policy
from muniment.councils.directory import sync_councils
from muniment.jobs.actors import Deployment
from muniment.policy.deciding import read_decisions
from muniment.web.forms import form_token
from muniment.wiring import wire

DECISIONS = Path(__file__).parents[3] / "deploy" / "demo" / "decisions" / "sefton.toml"
COUNCIL, SERVICE, PROGRAMME, AUTHORITY = "sefton", "sefton-at-work", "demonstration-programme", "liverpool-city-region"
STATUS = "personal.employment-status"
JOINED, LEFT, TODAY = "2026-11-02", "2026-11-19", "2026-11-20"


@dataclass(frozen=True)
class Program:
    """What works for the council: a program by its token, and an adviser who is signed in."""

    http: TestClient[Litestar]
    token: str
    cookie: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.http.request(method, f"/api/v1/councils/{COUNCIL}{path}", json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def page(self, path: str, form: dict[str, str] | None = None) -> Any:
        self.http.cookies.set(f"muniment-{COUNCIL}", self.cookie)
        address = f"/{COUNCIL}/console{path}"
        if form is None:
            return self.http.get(address)
        return self.http.post(address, data={"form_token": form_token(self.cookie), **form})

    def order(self, file: str) -> dict[str, Any]:
        return {"service": SERVICE, "recipient": AUTHORITY, "purpose": "support", "condition_met": True,
                "fields": [STATUS, "family-name"], "files": [file]}  # fmt: skip

    def against(self, file: str) -> set[str]:
        [group] = self.ask("POST", "/disclosures/decide", self.order(file))["groups"]
        assert group["allowed"] == all(reason["speaks_for"] for reason in group["reasons"])
        return {reason["rule"] for reason in group["reasons"] if not reason["speaks_for"]}

    def disclose(self, file: str) -> Any:
        return self.ask("POST", "/disclosures", self.order(file) | {"format": "json"})


@pytest.fixture
def program(deployment: Deployment) -> Iterator[Program]:
    """Sefton with what the demonstration decides, and its notices published."""
    wire()
    council_id = next(one.id for one in sync_councils(deployment.database, deployment.plugins) if one.slug == COUNCIL)
    facade, now = deployment.plugins.facade(COUNCIL), deployment.clock.now()
    with deployment.database.council(council_id) as session:
        decide_policy(session, facade, read_decisions(DECISIONS.read_bytes(), file=DECISIONS.name))
        adopt_policy(session, facade, by="information asset owner")
        _, token = new_token(session, COUNCIL, "tests", tuple(Permission), None, now + LONGEST, now)
        staff = add_staff(session, "a@council.example", "Generated", "generated words", [(r, None) for r in Role], now)
        cookie = begin_session(session, staff, now)
    with TestClient(open_application(deployment), raise_server_exceptions=False) as http:
        http.follow_redirects = False
        yield Program(http, token, cookie)


def test_a_funder_is_given_something_of_those_alone_who_take_part_and_had_its_programmes_notice(
    program: Program,
) -> None:
    published = [one for each in program.ask("POST", "/notices/publications", {"ground": "a test"})
                 for one in each["versions"]]  # fmt: skip
    versions = {one["programme"]: one["id"] for one in published}
    assert versions.keys() == {None, PROGRAMME}
    value = {"value": "Looking for work (generated)", "source": "client", "purposes": ["support"]}
    file = program.ask("POST", "/clients", {
        "service": SERVICE, "source": "client", "stub": {"family_name": "Generated"}, "generated": True,
        "record": {"record_class": "client-record", "values": {STATUS: value}},
    })["id"]  # fmt: skip
    program.ask("POST", f"/clients/{file}/permissions", {
        "purpose": "support", "answer": "given", "language": "en", "wording": "I agree (generated).",
        "version": versions[None], "channel": "in-person", "how": "signed", "recipients": [{"recipient": AUTHORITY}],
    })  # fmt: skip

    assert program.against(file) == {"enrolled", "programme-notice"}
    enrolment = {"programme": PROGRAMME, "started_on": JOINED}
    program.ask("PUT", f"/clients/{file}/enrolments", enrolment)
    assert program.against(file) == {"programme-notice"}
    refused = program.disclose(file)
    assert (refused["given"], refused["refused"], refused["export"]) == (0, 1, None)
    of_service = {"version": versions[None], "on": TODAY, "channel": "email"}
    program.ask("POST", f"/clients/{file}/notices", of_service)
    assert program.against(file) == {"programme-notice"}, "the notice of the service is none of the programme's"

    form = program.page(f"/clients/{file}/notices").text
    assert f'value="{versions[PROGRAMME]}"' in form
    assert "of the programme demonstration-programme" in form
    wrong = program.page(f"/clients/{file}/notices", {"shown": versions[PROGRAMME], "on": TODAY, "channel": "post"})
    assert (wrong.status_code, "Write the day as in 31/03/2026." in wrong.text) == (422, True)
    noted = program.page(f"/clients/{file}/notices",
                         {"shown": versions[PROGRAMME], "on": "20/11/2026", "channel": "post"})  # fmt: skip
    assert noted.status_code == 303, noted.text
    assert program.against(file) == set()
    given = program.disclose(file)
    assert (given["given"], given["refused"]) == (1, 0)
    exported = program.http.post(f"/api/v1/councils/{COUNCIL}/disclosures/{given['id']}/export",
                                 headers={"Authorization": f"Bearer {program.token}"})  # fmt: skip
    [client] = exported.json()["clients"]
    assert client.keys() == {"our-reference", "family-name", STATUS}

    program.ask("PUT", f"/clients/{file}/enrolments", {**enrolment, "ended_on": TODAY})
    assert program.against(file) == set(), "the last day is a day of it"
    program.ask("PUT", f"/clients/{file}/enrolments", {**enrolment, "ended_on": LEFT})
    assert program.against(file) == {"enrolled", "programme-notice"}
    after = program.disclose(file)
    assert (after["given"], after["refused"]) == (0, 1)

    found = program.ask("POST", "/disclosures/search", {"client": file})["items"]
    assert {one["id"]: (one["given"], one["rules"]) for one in found} == {
        after["id"]: (0, ["enrolled", "programme-notice"]), given["id"]: (1, []),
        refused["id"]: (0, ["programme-notice"]),
    }  # fmt: skip
    notices = program.ask("GET", f"/clients/{file}/notices")["items"]
    assert {one["called"]: one["programme"] for one in notices} == {
        "privacy, version 1, en": None, f"{PROGRAMME}, version 1, en": PROGRAMME,
    }  # fmt: skip
    page = " ".join(program.page(f"/clients/{file}").text.split())
    for shown in (
        "2 November 2026 to 19 November 2026: in the programme demonstration-programme",
        "20 November 2026: demonstration-programme, version 1, en, the own notice of the programme",
        "refused to Liverpool City Region Combined Authority for support",
        "Not so: The client takes part in the programme that this recipient is for.",
        "Not so: The client was given the programme&#39;s own notice since joining it.",
        "to Liverpool City Region Combined Authority for support: personal.employment-status, family-name",
    ):
        assert shown in page, shown
