"""Paper is destroyed by a person with a list: it says what lies where and nothing of anybody, and each thing is
confirmed by its key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient
from pypdf import PdfReader
from sqlalchemy import text

from muniment.accounts.permissions import Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.app import open_application
from muniment.cli import main
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.retention.disposal.paper import destruction_list, destruction_pdf
from muniment.settings import Settings
from muniment.web.forms import form_token
from tests.integration.retention.kit import House

LISTED = "/alpha/console/destructions/list"
PLACES = ["cellar 1", "cellar 1", "shelf 3", None]
FORM = (
    "Alpha page of Destruction destruction list Destroyed Not found Still needed Class Key Destroyed on How By role"
    " Signed Place not noted"
)
LEAD = "4 things are to be destroyed, as of 20/11/2026. Tick what became of each, sign each page, and note it by key."


@pytest.fixture
def emptied(house: House) -> House:
    """Four letters on paper in three places, emptied here."""
    house.adopt()
    for _ in PLACES:
        house.file("letter", medium="paper", recorded_on=date(2019, 3, 1), values={"a.b": {"v": "canary-4711"}})
    house.flush()
    for record_id, place in zip(sorted(house.ids("select id from record")), PLACES, strict=True):
        with house.session() as session:
            session.execute(
                text("update record set location = :place where id = :id"), {"place": place, "id": record_id}
            )
    house.arm("letter")
    assert house.sweep().awaited == len(PLACES)
    return house


@pytest.fixture
def browser(emptied: House, deployment: Deployment) -> Iterator[TestClient[Litestar]]:
    with emptied.session() as session:
        roles = [(Role.RECORDS_MANAGER, None)]
        now = emptied.clock.now()
        cookie = begin_session(
            session, add_staff(session, "r@council.example", "R", "generated words", roles, now), now
        )
    with TestClient(open_application(deployment), raise_server_exceptions=False) as found:
        found.follow_redirects = False
        found.cookies.set("muniment-alpha", cookie)
        found.headers["X-Token"] = form_token(cookie)
        yield found


def words(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def test_a_list_says_class_place_and_key_and_nothing_else(emptied: House) -> None:
    keys = sorted(emptied.ids("select id from record"))
    with emptied.session() as session:
        places = destruction_list(session, emptied.caller)
        printed = destruction_pdf(session, emptied.caller)
        assert printed == destruction_pdf(session, emptied.caller)
    by_place = {place.location: [one.id for one in place.lines] for place in places}
    assert by_place == {"cellar 1": keys[:2], "shelf 3": [keys[2]], "Place not noted": [keys[3]]}
    said = words(printed)
    assert all(str(key) in said for key in keys)
    for known in (LEAD, *map(str, keys), "advice/letter", "cellar 1", "shelf 3", "20/11/2026"):
        assert known in said.replace("\n", " ")
        said = said.replace("\n", " ").replace(known, "")
    assert set(re.findall(r"[a-zA-Z]+", said)) <= set(FORM.split())


def test_what_is_ticked_on_the_page_is_confirmed_item_by_item(emptied: House, browser: TestClient[Litestar]) -> None:
    page = browser.get("/alpha/console/destructions").text
    keys = re.findall(r'name="record" value="([^"]+)"', page)
    assert sorted(keys) == [str(key) for key in sorted(emptied.ids("select id from record"))]
    assert LISTED in page
    printed = browser.get(LISTED)
    assert (printed.status_code, printed.headers["content-type"]) == (200, "application/pdf")
    form = {"form_token": browser.headers["X-Token"], "destroyed_on": "19/11/2026", "method": "shredded, P-4"}
    for wrong, message in (
        ({"destroyed_on": "2026-11-19"}, "Write the day"),
        ({"destroyed_on": "21/11/2026"}, "future"),
        ({"method": " "}, "how it was destroyed"),
        ({"record": []}, "Name from 1"),
    ):
        refused = browser.post("/alpha/console/destructions", data={**form, "record": keys[:2], **wrong})
        assert (refused.status_code, message in refused.text) == (422, True), refused.text
    assert emptied.scalar("select count(*) from confirmation") == 0
    done = browser.post("/alpha/console/destructions", data={**form, "record": keys[:3]})
    assert (done.status_code, done.headers["location"]) == (303, "/alpha/console/destructions?confirmed=3")
    assert "3 confirmed as destroyed" in browser.get(done.headers["location"]).text
    assert emptied.ids("select id from record") == [UUID(keys[3])]
    [row] = emptied.all("select count, method, destroyed_on, confirmed_kind from confirmation")
    assert tuple(row) == (3, "shredded, P-4", date(2026, 11, 19), "staff")
    twice = browser.post("/alpha/console/destructions", data={**form, "record": keys[:1]})
    assert twice.status_code == 404


def test_the_list_is_printed_by_command(
    emptied: House, settings: Settings, keys: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.save(settings.keys_file)
    monkeypatch.setenv("MUNIMENT_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("MUNIMENT_TODAY", "2026-11-20")
    output = tmp_path / "list.pdf"
    done = CliRunner().invoke(main, ["retention", "destruction-list", "alpha", "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert str(next(iter(emptied.ids("select id from record")))) in words(output.read_bytes())
