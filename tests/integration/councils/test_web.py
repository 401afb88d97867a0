"""The policy over the API, and on the console."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import date
from uuid import UUID

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import delete, insert

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.staff import add_staff
from muniment.clients.facts import REGISTER
from muniment.clock import FixedClock
from muniment.database.ids import new_id
from muniment.database.session import Database
from muniment.web.forms import form_token

PATH = "housing.rule.tenancies.clause.usual.from"
API = "/api/v1/councils/alpha"
P = Permission
Client = TestClient[Litestar]
TokenOf = Callable[..., dict[str, str]]


def test_reading_deciding_and_adopting(client: Client, councils: tuple[UUID, UUID], token_of: TokenOf) -> None:
    owner = token_of(councils[0], "alpha", P.READ_POLICY, P.DECIDE_POLICY, P.ADOPT_POLICY)
    assert client.get(f"{API}/policy", headers=owner).status_code == 503
    assert client.get(API, headers=owner).json()["policy_hash"] is None
    found = client.get(f"{API}/policy/findings", headers=owner).json()["items"]
    assert {"retention.anchor"} <= {entry["id"] for entry in found if entry["path"] == PATH}

    body = {"value": {"event": "case-closed"}, "ground": "generated"}
    decided = client.put(f"{API}/policy/decisions/{PATH}", json=body, headers=owner)
    assert (decided.status_code, decided.json()) == (200, {"paths": [PATH]})
    assert client.put(f"{API}/policy/decisions/{PATH}", json=body, headers=owner).json() == {"paths": []}
    assert client.get(f"{API}/policy/plan", headers=owner).json()["before"] is None
    adopted = client.post(f"{API}/policy/adoption", headers=owner).json()
    assert adopted["changed"]

    policy = client.get(f"{API}/policy", headers=owner)
    assert hashlib.sha256(policy.content).hexdigest() == adopted["after"]
    assert policy.headers["etag"] == f'"{adopted["after"]}"'
    assert client.get(API, headers=owner).json()["services"] == ["housing"]
    (stands,) = client.get(f"{API}/policy/decisions", headers=owner).json()["items"]
    assert stands["decided_by"].startswith("token ")

    gone = client.post(f"{API}/policy/decisions/{PATH}/withdrawal", json={"ground": "a mistake"}, headers=owner)
    assert gone.json() == {"paths": [PATH]}
    again = client.post(f"{API}/policy/decisions/{PATH}/withdrawal", json={"ground": "a mistake"}, headers=owner)
    assert again.status_code == 404


def test_a_plan_counts_the_due_dates_that_would_move(
    client: Client, councils: tuple[UUID, UUID], token_of: TokenOf, database: Database
) -> None:
    owner = token_of(councils[0], "alpha", P.READ_POLICY, P.DECIDE_POLICY, P.ADOPT_POLICY)
    held_on, due_on = date(2024, 2, 29), date(2027, 3, 1)
    stored = {
        "id": new_id(),
        "record_class": "housing/notes",
        "medium": "digital",
        "held_on": held_on,
        "due_on": due_on,
    }
    with database.council(councils[0]) as session:
        session.execute(insert(REGISTER).values(council_id=councils[0], service="housing", title="Viewing", **stored))
    moved = [{"record_class": "housing/notes", "was": "2027-03", "month": "", "records": 1, "newly_due": 0}]
    plan = client.get(f"{API}/policy/plan", headers=owner).json()
    assert plan["moved"] == moved
    with database.council(councils[0]) as session:
        session.execute(delete(REGISTER))
    refused = client.post(f"{API}/policy/adoption", params={"plan": plan["hash"]}, headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan-stale")
    assert "the counts of records" in refused.json()["detail"]
    unknown = client.post(f"{API}/policy/adoption", params={"plan": "abc"}, headers=owner)
    assert unknown.status_code == 422
    plan = client.get(f"{API}/policy/plan", headers=owner).json()
    for changed in (True, False):  # a request sent twice
        adopted = client.post(f"{API}/policy/adoption", params={"plan": plan["hash"]}, headers=owner)
        assert (adopted.json()["after"], adopted.json()["changed"]) == (plan["after"], changed)
    assert client.get(f"{API}/policy/plan", headers=owner).json()["moved"] == []


def test_who_may_not(client: Client, councils: tuple[UUID, UUID], token_of: TokenOf) -> None:
    reader = token_of(councils[0], "alpha", P.READ_POLICY)
    body = {"value": {"event": "case-closed"}, "ground": "generated"}
    assert client.put(f"{API}/policy/decisions/{PATH}", json=body, headers=reader).status_code == 403
    assert client.post(f"{API}/policy/adoption", headers=reader).status_code == 403
    assert client.get(f"{API}/policy/findings").status_code == 401
    other = token_of(councils[1], "beta", *P)
    for method, path in (("GET", "/policy/findings"), ("GET", "/policy/plan"), ("POST", "/policy/adoption")):
        assert client.request(method, f"{API}{path}", headers=other).status_code in (401, 404)


def test_a_refused_decision_is_a_problem_document(
    client: Client, councils: tuple[UUID, UUID], token_of: TokenOf
) -> None:
    owner = token_of(councils[0], "alpha", P.READ_POLICY, P.DECIDE_POLICY)
    refused = client.put(
        f"{API}/policy/decisions/{PATH}", json={"value": {"event": "christmas"}, "ground": "generated"}, headers=owner
    )
    assert refused.status_code == 422
    assert refused.headers["content-type"].startswith("application/problem+json")
    assert "allowed there" in refused.json()["detail"]
    for body in ({"value": 1}, {"value": 1, "ground": "x", "council": "beta"}, [1]):
        answer = client.put(f"{API}/policy/decisions/{PATH}", json=body, headers=owner)
        assert 400 <= answer.status_code < 500
    assert client.get(f"{API}/policy/decisions", headers=owner).json()["items"] == []


def test_the_console_shows_gaps_and_decisions(
    client: Client, councils: tuple[UUID, UUID], token_of: TokenOf, database: Database, clock: FixedClock
) -> None:
    owner = token_of(councils[0], "alpha", P.READ_POLICY, P.DECIDE_POLICY)
    hostile = {"value": {"event": "case-closed"}, "ground": "<script>alert(1)</script>"}
    assert client.put(f"{API}/policy/decisions/{PATH}", json=hostile, headers=owner).status_code == 200
    sign_in(client, database, councils[0], clock, Role.AUDITOR)
    page = client.get("/alpha/console")
    assert page.status_code == 200
    assert "No policy has been adopted yet" in page.text
    assert "housing.rule.tenancies.clause.useful.keep" in page.text
    assert f"<code>{PATH}</code>" in page.text
    assert "<script>alert" not in page.text
    assert "What adopting would change" in client.get("/alpha/console/policy").text
    assert '<button type="submit">Adopt' not in client.get("/alpha/console/policy").text
    plan = client.get(f"{API}/policy/plan", headers=owner).json()["hash"]
    tried = {"plan": plan, "form_token": form_token(client.cookies["muniment-alpha"])}
    assert client.post("/alpha/console/policy", data=tried).status_code == 403


def test_the_console_adopts_the_plan_that_it_showed(
    client: Client, councils: tuple[UUID, UUID], token_of: TokenOf, database: Database, clock: FixedClock
) -> None:
    decider = token_of(councils[0], "alpha", P.READ_POLICY, P.DECIDE_POLICY)
    sign_in(client, database, councils[0], clock, Role.INFORMATION_ASSET_OWNER)
    shown = client.get("/alpha/console/policy").text
    assert "new</td><td>service</td>" in shown
    body = {"value": {"event": "case-closed"}, "ground": "generated"}
    assert client.put(f"{API}/policy/decisions/{PATH}", json=body, headers=decider).status_code == 200
    assert adopt_shown(client, shown) == 409
    shown = client.get("/alpha/console/policy").text
    assert adopt_shown(client, shown) == 303
    assert "Adopting again would change nothing" in client.get("/alpha/console/policy").text


def adopt_shown(client: Client, page: str) -> int:
    """Send the form of a page; the status of the answer."""
    (plan,) = re.findall(r'name="plan" value="([0-9a-f-]+)"', page)
    form = {"plan": plan, "form_token": form_token(client.cookies["muniment-alpha"])}
    return client.post("/alpha/console/policy", data=form).status_code


def sign_in(client: Client, database: Database, council_id: UUID, clock: FixedClock, role: Role) -> None:
    with database.council(council_id) as session:
        add_staff(session, "generated@council.example", "Generated", "generated words for tests",
                  [(role, None)], clock.now())  # fmt: skip
    client.get("/alpha/console/sign-in")
    form = {"email": "generated@council.example", "password": "generated words for tests"}
    form["form_token"] = form_token(client.cookies["muniment-alpha-form"])
    client.post("/alpha/console/sign-in", data=form)
