"""Long lists over HTTP: page by page everything comes once, in order, and the console leads from one to the next."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import new_token
from muniment.app import open_application
from muniment.jobs.actors import Deployment
from muniment.retention.disposal.destruction import awaiting
from muniment.retention.web import lists as web_lists
from tests.integration.retention.kit import House, hold

LONG_AGO = date(2019, 3, 1)
API = "/api/v1/councils/alpha"


@pytest.fixture
def ready(house: House) -> House:
    """Five things that await destruction, of one of which nobody knows since when; five holds and five sweeps."""
    house.adopt()
    for _ in range(5):
        house.file("letter", medium="paper", recorded_on=LONG_AGO)
    house.flush()
    house.arm("letter")
    for _ in range(5):
        house.sweep()
        house.clock.advance(timedelta(days=1))
    with house.session() as session:
        session.connection().exec_driver_sql(
            "delete from awaiting where record_id = (select record_id from awaiting order by record_id limit 1)"
        )
    for _ in range(5):
        hold(house, "class", "advice/case")
    return house


def token(house: House, council_id: UUID) -> dict[str, str]:
    now = house.clock.now()
    with house.database.council(council_id) as session:
        _, made = new_token(session, "alpha", "tests", [Permission.READ_RETENTION], None, now + timedelta(days=30), now)
    return {"Authorization": f"Bearer {made}"}


def walked(client: TestClient[Any], headers: dict[str, str], path: str, size: int) -> list[list[dict[str, Any]]]:
    """The pages of a list, to its end."""
    pages: list[list[dict[str, Any]]] = []
    after = ""
    while True:
        answer = client.get(f"{API}{path}?limit={size}{after}", headers=headers)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()["items"])
        if answer.json()["next"] is None:
            return pages
        after = f"&after={answer.json()['next']}"


@pytest.mark.parametrize(
    ("path", "key", "newest_first"),
    [("/holds", "placed_at", False), ("/sweeps", "asked_at", True), ("/destructions", "since", False)],
)
def test_every_page_together_is_the_list(
    ready: House, deployment: Deployment, councils: tuple[UUID, UUID], path: str, key: str, newest_first: bool
) -> None:
    headers = token(ready, councils[0])
    with TestClient(open_application(deployment)) as client:
        whole = walked(client, headers, path, 200)
        assert len(whole) == 1
        assert len({entry["id"] for entry in whole[0]}) == 5
        keys = [entry[key] or "" for entry in whole[0]]
        assert keys == sorted(keys, reverse=newest_first)
        for size in (1, 2, 5):
            pages = walked(client, headers, path, size)
            assert [entry for page in pages for entry in page] == whole[0]
            assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
        elsewhere = client.get(f"{API}{path}?after=WzEsMl0", headers=headers)
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "invalid-cursor")


def test_a_page_is_as_long_as_it_can_be_for_whoever_sees_one_service(ready: House) -> None:
    elsewhere = {permission: frozenset({"housing"}) for permission in ready.caller.grants}
    here = {permission: frozenset({"advice"}) for permission in ready.caller.grants}
    with ready.session() as session:
        assert awaiting(session, msgspec.structs.replace(ready.caller, grants=elsewhere), limit=2) == ()
        assert len(awaiting(session, msgspec.structs.replace(ready.caller, grants=here), limit=2)) == 2


def test_the_console_leads_from_page_to_page(
    ready: House, deployment: Deployment, councils: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_lists, "SHOWN", 3)
    with ready.session() as session:
        roles = [(Role.RECORDS_MANAGER, None)]
        staff_id = add_staff(session, "one@council.example", "Generated", "generated words", roles, ready.clock.now())
        secret = begin_session(session, staff_id, ready.clock.now())
    with TestClient(open_application(deployment)) as client:
        client.cookies.set("muniment-alpha", secret)
        for path, lines in (("holds", (3, 2)), ("sweeps", (3, 2)), ("certificates", (1,))):
            address = f"/alpha/console/{path}"
            seen: list[int] = []
            for count in lines:
                page = client.get(address)
                assert page.status_code == 200
                assert ('"/alpha/console/' + path + '">First page' in page.text) == bool(seen)
                seen.append(page.text.count('<th scope="row"'))
                assert seen[-1] == count
                onward = re.search(r'href="([^"]+)" rel="next"', page.text)
                address = onward[1] if onward else ""
            assert address == ""
