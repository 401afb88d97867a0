"""The review queue as people and programs meet it: over the API, on the console, by command; and when two race."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import EVERY_SERVICE, Caller, Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import new_token
from muniment.api.errors import Conflict, NotFound
from muniment.app import open_application
from muniment.cli import main
from muniment.database.session import Actor
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.approval.deciding import Decision, decide_one
from muniment.settings import Settings
from muniment.web.forms import form_token
from tests.integration.retention.kit import RETENTION, House, hold

LONG_AGO = date(2019, 3, 1)
API = "/api/v1/councils/alpha"
CHANGE = 'update record set values = \'{"a.b": {"v": 1}}\' where id = :id returning id'


@pytest.fixture
def queued(house: House) -> House:
    """Three cases in the queue."""
    case, *others = RETENTION["rule"]
    house.adopt({**RETENTION, "rule": [{**case, "clause": [{**case["clause"][0], "action": "review"}]}, *others]})
    for number in range(3):
        house.file("case", milestones={"case-closed": LONG_AGO + timedelta(days=number)})
    house.flush()
    house.arm("case")
    house.sweep()
    return house


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient[Litestar]]:
    with TestClient(open_application(deployment), raise_server_exceptions=False) as found:
        found.follow_redirects = False
        yield found


def ids(house: House, what: str = "id") -> list[UUID]:
    return list(house.ids(f"select {what} from proposal order by due_on"))


def token(house: House, *permissions: Permission) -> dict[str, str]:
    now = house.clock.now()
    with house.session() as session:
        _, made = new_token(session, "alpha", "tests", permissions, None, now + timedelta(days=30), now)
    return bearer(made)


def bearer(made: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {made}"}


def test_the_queue_is_read_page_by_page_and_decided_about(queued: House, client: TestClient[Litestar]) -> None:
    reviewer = token(queued, Permission.READ_RETENTION, Permission.REVIEW_DISPOSAL)
    first = client.get(f"{API}/proposals?limit=2", headers=reviewer).json()
    rest = client.get(f"{API}/proposals?limit=2&after={first['next']}", headers=reviewer).json()
    keys = [line["id"] for line in (*first["items"], *rest["items"])]
    assert keys == [str(key) for key in ids(queued)]
    assert "Canary" not in str(first)
    assert client.post(f"{API}/proposals/{keys[0]}/decision", json={"outcome": "approve"}, headers=reviewer).is_success
    again = client.post(f"{API}/proposals/{keys[0]}/decision", json={"outcome": "approve"}, headers=reviewer)
    assert (again.status_code, again.json()["code"]) == (409, "proposal-decided")
    many = {"proposals": keys, "decision": {"outcome": "reject", "reason": "of lasting interest"}}
    answers = client.post(f"{API}/proposals/decisions", json=many, headers=reviewer).json()["items"]
    assert [answer.get("problem") for answer in answers] == ["decided", None, None]
    counts = client.get(f"{API}/proposals/counts", headers=reviewer).json()["items"]
    assert counts == [{"record_class": "advice/case", "states": {"approved": 1, "rejected": 2}}]
    reader = token(queued, Permission.READ_RETENTION)
    assert client.post(f"{API}/proposals/decisions", json=many, headers=reader).status_code == 403


def test_proposing_over_the_api_names_what_was_left_out(queued: House, client: TestClient[Litestar]) -> None:
    officer = token(queued, Permission.PROPOSE_DISPOSAL)
    record_id = str(ids(queued, "record_id")[0])
    answer = client.post(f"{API}/proposals", json={"records": [record_id]}, headers=officer)
    assert answer.json() == {"records": [], "left_out": [record_id]}
    assert client.post(f"{API}/proposals", json={}, headers=officer).status_code == 422


def test_a_reviewer_ticks_lines_on_the_page_and_decides(queued: House, client: TestClient[Litestar]) -> None:
    with queued.session() as session:
        staff = add_staff(
            session, "r@council.example", "R", "generated words for tests", [(Role.RECORDS_MANAGER, None)],
            queued.clock.now(),
        )  # fmt: skip
        cookie = begin_session(session, staff, queued.clock.now())
    client.cookies.set("muniment-alpha", cookie)
    page = client.get("/alpha/console/review")
    assert page.status_code == 200
    ticked = re.findall(r'name="proposal" value="([^"]+)"', page.text)
    assert ticked == [str(key) for key in ids(queued)]
    token = form_token(cookie)
    for chosen in (ticked[:2], ticked[1:]):
        form = {"form_token": token, "outcome": "approve", "proposal": chosen}
        sent = client.post("/alpha/console/review", data=form)
        assert sent.status_code == 303, sent.text
    assert "1 decided; 1 not" in client.get(sent.headers["location"]).text
    assert set(queued.all("select state, decided_kind, decided_by from proposal")) == {("approved", "staff", staff)}


def test_one_person_with_a_session_and_a_token_is_one(house: House, client: TestClient[Litestar]) -> None:
    case, *others = RETENTION["rule"]
    house.adopt({**RETENTION, "rule": [{**case, "clause": [{**case["clause"][0], "action": "review"}]}, *others]})
    house.file("case", milestones={"case-closed": LONG_AGO})
    house.flush()
    rights = (Permission.READ_RETENTION, Permission.REVIEW_DISPOSAL)
    roles, now = [(Role.RECORDS_MANAGER, None)], house.clock.now()
    with house.session() as session:
        one, other = (
            add_staff(session, f"{name}@council.example", "", "generated words", roles, now)
            for name in ("one", "other")
        )
        cookie, until = begin_session(session, one, now), now + timedelta(days=9)
        mine, theirs = (
            new_token(session, "alpha", "tests", rights, None, until, now, staff_id=who)[1] for who in (one, other)
        )
    [record_id] = house.ids("select id from record")
    client.cookies.set("muniment-alpha", cookie)
    proposed = client.post(
        f"{API}/proposals", json={"records": [str(record_id)]}, headers={"X-Form-Token": form_token(cookie)}
    )
    assert proposed.json()["records"] == [str(record_id)]
    client.cookies.clear()
    assert client.get(f"{API}/caller", headers=bearer(mine)).json()["kind"] == "staff"
    assert client.post("/alpha/console/password", data={"current": "generated words", "new": "other generated words"},
                       headers=bearer(mine)).status_code == 403  # fmt: skip
    place, approve = f"{API}/proposals/{ids(house)[0]}/decision", {"outcome": "approve"}
    for refused, why in ((bearer(mine), "Whoever proposed"), (token(house, *rights), "A program is no second person")):
        answer = client.post(place, json=approve, headers=refused)
        assert answer.status_code == 403
        assert why in answer.json()["detail"]
    assert client.post(place, json=approve, headers=bearer(theirs)).is_success
    assert house.all("select decided_kind, decided_by from proposal") == [("staff", other)]


def test_by_command_another_role_decides(
    queued: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")
    queued.file("case", milestones={"case-closed": LONG_AGO})
    queued.flush()

    def run(*arguments: Any) -> Any:
        return CliRunner().invoke(main, ["retention", *map(str, arguments)])

    day = ("--class", "advice/case", "--due-until", "2026-11-01")
    assert run("propose", "alpha", *day, "--by", "team manager").stdout == "1 proposed.\n"
    listed = run("queue", "alpha").stdout
    assert len(re.findall(r"advice/case: kept", " ".join(listed.split()))) == 4
    own = queued.scalar("select id from proposal where proposed_kind = 'command'")
    refused = run("decide", "alpha", own, "--approve", "--by", "team manager")
    assert refused.exit_code == 1
    assert "Whoever proposed" in refused.stdout
    assert run("decide", "alpha", own, "--approve", "--by", "records manager").stdout == "1 decided.\n"
    assert run("decide", "alpha", own).exit_code == 2


def test_of_reviewers_who_race_one_wins_about_each(queued: House) -> None:
    wins: list[UUID] = []
    told: list[str] = []
    start = threading.Barrier(4)

    def review() -> None:
        grants = {Permission.REVIEW_DISPOSAL: EVERY_SERVICE, Permission.READ_RETENTION: EVERY_SERVICE}
        who = Caller(Actor("staff", uuid4()), queued.id, grants)
        start.wait()
        for key in mine:
            try:
                with queued.database.council(queued.id, who.actor) as session:
                    decide_one(session, who, key, Decision(outcome="approve"))
                wins.append(key)
            except Conflict as refused:
                told.append(refused.code)

    mine = ids(queued)
    threads = [threading.Thread(target=review) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == sorted(mine)
    assert told == ["proposal-decided"] * 9


def test_approvals_race_holds_and_changes_and_only_what_was_approved_as_it_was_goes(house: House) -> None:
    """Sweeps run all the while; a record that a hold or a change reached in time is there at the end."""
    case, *others = RETENTION["rule"]
    house.adopt({**RETENTION, "rule": [{**case, "clause": [{**case["clause"][0], "action": "review"}]}, *others]})
    for number in range(60):
        house.file("case", milestones={"case-closed": LONG_AGO + timedelta(days=number)})
    house.flush()
    house.arm("case")
    house.sweep()
    lines = house.all("select id, record_id from proposal order by id")
    held: set[UUID] = set()
    changed: set[UUID] = set()

    def approve() -> None:
        who = Caller(Actor("staff", uuid4()), house.id, {Permission.REVIEW_DISPOSAL: EVERY_SERVICE})
        for line in lines:
            with suppress(Conflict, NotFound), house.database.council(house.id, who.actor) as session:
                decide_one(session, who, line.id, Decision(outcome="approve"))

    def disturb() -> None:
        for number, line in enumerate(reversed(lines)):
            if number % 3 == 0:
                with suppress(NotFound):
                    hold(house, "record", line.record_id)
                    held.add(line.record_id)
            elif number % 3 == 1:
                with house.session() as session:
                    found = session.connection().exec_driver_sql(
                        'update record set values = \'{"a.b": {"v": 1}}\' where id = %s returning id', (line.record_id,)
                    )
                    if found.first() is not None:
                        changed.add(line.record_id)

    threads = [threading.Thread(target=approve), threading.Thread(target=house.sweep)]
    disturb_first = threading.Thread(target=disturb)
    disturb_first.start()
    for thread in threads:
        thread.start()
    for thread in (*threads, disturb_first):
        thread.join()
    house.sweep()
    left = set(house.ids("select id from record"))
    assert held <= left
    assert changed <= left
    assert house.scalar("select sum(disposed) from certificate") == 60 - len(left)
    gone = [key for chunk in house.ledger.chunks().values() for key in chunk.intent.gone.get("record", ())]
    assert len(gone) == len(set(gone)) == 60 - len(left)
    assert len(left) < 60
