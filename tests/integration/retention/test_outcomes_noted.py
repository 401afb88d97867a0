"""What became of paper, noted on the console's page and by command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.app import open_application
from muniment.cli import main
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.web.outcomes import SHOWN_AS
from muniment.settings import Settings
from muniment.web.forms import form_token
from tests.integration.retention.kit import House
from tests.integration.retention.outcomes import (
    keys_of,
    lines,
)


@pytest.fixture
def browser(emptied: House, deployment: Deployment) -> Iterator[Callable[[int], TestClient[Litestar]]]:
    """The console of one of two records managers, of an information asset owner, a manager and an auditor."""
    now = emptied.clock.now()
    roles = (Role.RECORDS_MANAGER, Role.RECORDS_MANAGER, Role.INFORMATION_ASSET_OWNER, Role.MANAGER, Role.AUDITOR)
    cookies = []
    with emptied.session() as session:
        for name, role in zip("abcde", roles, strict=True):
            staff = add_staff(session, f"{name}@council.example", name, "generated words", [(role, None)], now)
            cookies.append(begin_session(session, staff, now))
    with TestClient(open_application(deployment), raise_server_exceptions=False) as found:
        found.follow_redirects = False

        def as_(number: int) -> TestClient[Litestar]:
            found.cookies.set("muniment-alpha", cookies[number])
            found.headers["X-Token"] = form_token(cookies[number])
            return found

        yield as_


def test_outcomes_are_noted_on_the_page(emptied: House, browser: Callable[[int], TestClient[Litestar]]) -> None:
    def note(number: int, *records: UUID, **fields: str) -> Any:
        client = browser(number)
        form = {"form_token": client.headers["X-Token"], "record": [str(one) for one in records], **fields}
        return client.post("/alpha/console/destructions", data=form)

    def offered(number: int) -> list[str]:
        page = browser(number).get("/alpha/console/destructions").text
        found = [value for value in re.findall('<option value="([^"]+)">', page) if value in SHOWN_AS]
        assert page.count('name="record"') == (len(keys_of(emptied)) if found else 0)
        return found

    first, second, third, *_ = keys_of(emptied)
    assert offered(1) == list(SHOWN_AS)
    assert [offered(number) for number in (2, 3, 4)] == [["lost"], ["still-needed"], []], "each what they may note"
    looked_for = {"outcome": "not-found", "destroyed_on": "19/11/2026"}
    kept = {"outcome": "still-needed", "method": "a claim", "authoriser": "head of legal", "review_on": "01/03/2027"}
    lost = {"outcome": "lost", "method": "the cellar was flooded"}
    assert note(0, first, **{**looked_for, "destroyed_on": "2026"}).status_code == 422
    assert note(0, first, **{**kept, "review_on": ""}).status_code == 422
    for number, refused in ((2, looked_for), (2, kept), (3, looked_for), (3, lost), (4, lost)):
        assert note(number, first, **refused).status_code == 403
    assert note(2, first, **{**kept, "review_on": ""}).status_code == 403, "before what was sent is judged"
    for done, said in (
        (note(0, first, second, **looked_for), "2 noted as not found"),
        (note(1, first, **looked_for), "1 noted as not found"),
        (note(2, second, **lost), "1 accepted as lost"),
        (note(3, third, **kept), "1 kept from being destroyed"),
    ):
        assert done.status_code == 303, done.text
        assert said in browser(1).get(done.headers["location"]).text
    page = browser(1).get("/alpha/console/destructions").text
    assert ("Held" in page, set(re.findall(r'name="record" value="([^"]+)"', page))) == (
        True, {str(key) for key in keys_of(emptied)},
    )  # fmt: skip
    assert [row[:2] for row in lines(emptied)] == [("lost", 1), ("lost", 1), ("not-found", 2), ("still-needed", 1)]


def test_outcomes_are_noted_by_command(
    emptied: House, settings: Settings, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")

    def run(name: str, *arguments: str) -> str:
        done = CliRunner().invoke(main, ["retention", name, "alpha", *arguments])
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    first, second, third, *_ = map(str, keys_of(emptied))
    when = ("--searched-on", "2026-11-19")
    assert "2 noted as not found, 0 of them lost" in run("not-found", first, second, *when, "--by", "archivist")
    assert "1 noted as not found, 1 of them lost" in run("not-found", first, *when, "--by", "records manager")
    assert "1 accepted as lost" in run("accept-lost", second, "--reason", "flooded", "--by", "records manager")
    assert "Hold " in run(
        "still-needed", third, "--ground", "a claim", "--review-on", "2027-03-01", "--by", "head of legal"
    )
    assert "held: not to be destroyed" in " ".join(run("awaiting").split())
