"""Over HTTP nothing of one council is visible to another: not by session, not by token, not by id."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import LONGEST, list_tokens, new_token
from muniment.app import Surface, create_app
from muniment.clock import FixedClock
from muniment.councils.directory import name_host, unname_host
from muniment.database.session import Database
from muniment.keys import KeyRing
from muniment.settings import Settings
from muniment.web.hosts import Hosts

Client = TestClient[Litestar]
Councils = tuple[UUID, UUID]


@pytest.fixture
def client(
    settings: Settings, database: Database, clock: FixedClock, keys: KeyRing, councils: Councils
) -> Iterator[Client]:
    with TestClient(create_app(settings, database, clock, keys, Surface())) as client:
        client.follow_redirects = False
        yield client


def token_of(database: Database, clock: FixedClock, council_id: UUID, slug: str) -> tuple[UUID, dict[str, str]]:
    with database.council(council_id) as session:
        now = clock.now()
        token_id, token = new_token(session, slug, "tests", list(Permission), None, now + LONGEST, now)
    return token_id, {"Authorization": f"Bearer {token}"}


def session_of(database: Database, clock: FixedClock, council_id: UUID) -> str:
    with database.council(council_id) as session:
        roles = [(Role.ADMINISTRATOR, None)]
        staff_id = add_staff(session, "same@council.example", "Generated", "generated words", roles, clock.now())
        return begin_session(session, staff_id, clock.now())


def test_a_token_at_another_council_meets_nothing(
    client: Client, database: Database, clock: FixedClock, councils: Councils
) -> None:
    _, alpha = token_of(database, clock, councils[0], "alpha")
    assert client.get("/api/v1/councils/alpha/staff", headers=alpha).status_code == 200
    answer, unknown = (client.get(f"/api/v1/councils/{slug}/staff", headers=alpha) for slug in ("beta", "gamma"))
    assert answer.status_code == unknown.status_code == 404
    assert answer.json() == unknown.json()


def test_a_token_that_claims_another_council_is_unknown_there(
    client: Client, database: Database, clock: FixedClock, councils: Councils
) -> None:
    _, alpha = token_of(database, clock, councils[0], "alpha")
    forged = {"Authorization": alpha["Authorization"].replace("_alpha_", "_beta_")}
    assert client.get("/api/v1/councils/beta/staff", headers=forged).status_code == 401


def test_a_session_at_another_council_is_nobodys(
    client: Client, database: Database, clock: FixedClock, councils: Councils
) -> None:
    secret = session_of(database, clock, councils[0])
    client.cookies.set("muniment-alpha", secret)
    assert client.get("/alpha/console").status_code == 200
    assert client.get("/beta/console").status_code == 303
    client.cookies.set("muniment-beta", secret)
    assert client.get("/beta/console").headers["location"] == "/beta/console/sign-in"
    assert client.get("/api/v1/councils/beta/staff").status_code == 401


def test_another_councils_token_cannot_be_seen_or_revoked(
    client: Client, database: Database, clock: FixedClock, councils: Councils
) -> None:
    of_beta, _ = token_of(database, clock, councils[1], "beta")
    _, alpha = token_of(database, clock, councils[0], "alpha")
    assert client.delete(f"/api/v1/councils/alpha/tokens/{of_beta}", headers=alpha).status_code == 404
    listed = client.get("/api/v1/councils/alpha/tokens", headers=alpha).json()["items"]
    assert str(of_beta) not in {token["id"] for token in listed}
    with database.council(councils[1]) as session:
        assert [token.revoked_at for token in list_tokens(session)] == [None]


def test_staff_with_one_address_at_two_councils_are_two(
    client: Client, database: Database, clock: FixedClock, councils: Councils
) -> None:
    assert session_of(database, clock, councils[0]) != session_of(database, clock, councils[1])
    _, alpha = token_of(database, clock, councils[0], "alpha")
    assert len(client.get("/api/v1/councils/alpha/staff", headers=alpha).json()["items"]) == 1


def test_a_councils_own_host_name_serves_that_council_alone(
    client: Client, database: Database, clock: FixedClock, councils: Councils
) -> None:
    with database.platform() as session:
        name_host(session, "alpha", "privacy.alpha.example")
    _, alpha = token_of(database, clock, councils[0], "alpha")
    client.cookies.set("muniment-alpha", session_of(database, clock, councils[0]))
    own = {"Host": "Privacy.Alpha.example.:8443"}
    for path in ("/", "/console", "/alpha/console"):
        assert client.get(path, headers=own).status_code == 200, path
    assert client.get("/api/v1/councils/alpha/staff", headers=own | alpha).status_code == 200
    for path in ("/health/live", "/metrics", "/favicon.ico"):
        assert client.get(path, headers=own).status_code < 400, path
    elsewhere = (
        "/beta/console", "/beta/console/sign-in", "/beta/privacy/housing", "/privacy/../beta/console",
        "/api/v1/councils/beta/staff", "/api/v1/councils/alphabet/staff", "/api/v1/councils//beta/staff", "/nothing",
    )  # fmt: skip
    for path in elsewhere:
        answer = client.get(path, headers=own)
        assert answer.status_code == 404, path
        assert "beta" not in answer.text.lower()


def test_under_any_other_name_addresses_are_what_they_are(
    client: Client, database: Database, councils: Councils
) -> None:
    with database.platform() as session:
        name_host(session, "alpha", "privacy.alpha.example")
    other = {"Host": "muniment.example"}
    assert client.get("/beta/console/sign-in", headers=other).status_code == 200
    assert client.get("/", headers=other).status_code == 404
    assert client.get("/console", headers=other).status_code == 404


def test_a_host_name_taken_away_serves_nobody_once_it_is_no_longer_believed(
    client: Client, database: Database, councils: Councils, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hosts, "BELIEVED", 0.0)
    own = {"Host": "privacy.alpha.example"}
    with database.platform() as session:
        name_host(session, "alpha", "privacy.alpha.example")
    assert client.get("/console/sign-in", headers=own).status_code == 200
    assert client.get("/beta/console/sign-in", headers=own).status_code == 404
    with database.platform() as session:
        unname_host(session, "alpha", "privacy.alpha.example")
    assert client.get("/console/sign-in", headers=own).status_code == 404
