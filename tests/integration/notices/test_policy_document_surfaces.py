"""Appropriate policy documents over the API, on the console and by command."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import new_token
from muniment.cli import main
from muniment.database.session import CouncilSession
from muniment.web.callers import Permission
from muniment.web.forms import form_token
from tests.integration.notices.conftest import Publisher
from tests.integration.notices.test_api import API, token
from tests.integration.notices.test_commands import deployed

__all__ = ["deployed"]

PREPARE = {"service": "sefton-at-work", "condition": "substantial-public-interest"}
CONSOLE = "/sefton/console/policy-documents"


def test_a_document_over_the_api(sefton: Publisher, client: TestClient[Litestar]) -> None:
    maker, owner = token(sefton), token_of_owner(sefton)
    place = f"{API}/policy-documents"
    due = client.get(f"{place}/due", headers=owner).json()["items"]
    assert [(one["condition"], one["what"]) for one in due] == [("substantial-public-interest", "missing")]
    made = client.post(place, json=PREPARE, headers=maker)
    assert made.status_code == 201, made.text
    mine = f"{place}/{made.json()['id']}"
    for program in (maker, token(sefton)):
        assert client.post(f"{mine}/approval", json={"review_on": "2027-11-20"}, headers=program).status_code == 403
    approved = client.post(f"{mine}/approval", json={"review_on": "2027-11-20"}, headers=owner)
    assert (approved.status_code, approved.json()["in_force"]) == (200, True)
    assert client.get(f"{place}/due", headers=owner).json()["items"] == []
    full = client.get(mine, headers=token(sefton, Permission.READ_POLICY)).json()
    assert full["version"]["sha256"] == approved.json()["sha256"]
    assert full["document"]["title"].startswith("Appropriate policy document")
    assert "Sefton Council" in full["text"]
    unneeded = {**PREPARE, "condition": "employment-law"}
    problem = client.post(place, json=unneeded, headers=maker)
    assert (problem.status_code, problem.json()["code"]) == (422, "no-document-needed")
    withdrawn = client.post(f"{mine}/withdrawal", json={"reason": "no longer used"}, headers=owner)
    assert withdrawn.json()["state"] == "withdrawn"
    assert len(client.get(place, headers=owner).json()["items"]) == 1
    assert client.post(place, json=PREPARE, headers=token(sefton, Permission.READ_POLICY)).status_code == 403


def owner_of(session: CouncilSession, email: str) -> UUID:
    roles = [(Role.INFORMATION_ASSET_OWNER, None)]
    return add_staff(session, email, "Generated", "generated words", roles, session.clock.now())


def token_of_owner(council: Publisher) -> dict[str, str]:
    rights = [Permission.READ_POLICY, Permission.PREPARE_DOCUMENTS, Permission.APPROVE_DOCUMENTS]
    now = council.database.clock.now()
    with council.database.council(council.id) as session:
        owner, until = owner_of(session, "owner@council.example"), now + timedelta(days=9)
        _, made = new_token(session, council.slug, "tests", rights, None, until, now, staff_id=owner)
    return {"Authorization": f"Bearer {made}"}


def signed_in(council: Publisher, email: str) -> str:
    with council.database.council(council.id) as session:
        return begin_session(session, owner_of(session, email), session.clock.now())


def test_a_document_on_the_console(sefton: Publisher, client: TestClient[Litestar]) -> None:
    cookies = {who: signed_in(sefton, f"{who}@council.example") for who in ("maker", "owner")}

    def ask(who: str, address: str, **form: str) -> Any:
        client.cookies.clear()
        client.cookies.set("muniment-sefton", cookies[who])
        if not form:
            return client.get(address)
        data = {"form_token": form_token(cookies[who]), **form}
        return client.post(address, data=data, follow_redirects=False)

    assert "No document is in force" in ask("maker", CONSOLE).text
    made = ask("maker", CONSOLE, **PREPARE)
    assert made.status_code == 303, made.text
    page = made.headers["location"]
    again = ask("maker", CONSOLE, **PREPARE)
    assert (again.status_code, "says the same" in again.text) == (422, True)
    shown = ask("owner", page).text
    assert len(re.findall("<h1", shown)) == 1
    assert "How we keep to the principles" in shown
    assert ask("maker", page, outcome="approve", review_on="20/11/2027").status_code == 403
    assert ask("owner", page, outcome="approve").status_code == 422
    assert "31/03/2030" in ask("owner", page, outcome="approve", review_on="soon").text
    assert ask("owner", page, outcome="approve", review_on="20/11/2027").status_code == 303
    assert "In force" in ask("maker", CONSOLE).text
    assert ask("owner", page, outcome="withdraw", reason="no longer used").status_code == 303
    assert "No document is in force" in ask("maker", CONSOLE).text


def test_a_document_by_command(sefton: Publisher, deployed: None) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["policy", "document", *arguments])

    assert "substantial-public-interest: missing" in run("due", "sefton").stdout
    made = run("prepare", "sefton", *PREPARE.values(), "--by", "records manager", "--json")
    assert made.exit_code == 0, made.stderr
    version = json.loads(made.stdout)["id"]
    days = ("--review-on", "2027-11-20")
    refused = run("approve", "sefton", version, *days, "--by", "records manager")
    assert refused.exit_code != 0
    assert "somebody else" in refused.stderr
    approved = run("approve", "sefton", version, *days, "--by", "information asset owner")
    assert "counts today" in approved.stdout, approved.stderr
    assert "paragraph 39" in " ".join(run("show", "sefton", version).stdout.split())
    assert run("due", "sefton").stdout == "Nothing is due.\n"
    assert "approved" in run("list", "sefton").stdout
    assert run("withdraw", "sefton", version, "--reason", "no longer used").exit_code == 0
    assert run("reject", "sefton", version, "--reason", "unclear").exit_code != 0
