"""The public pages: forms, languages, versions, caching."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.notices.document import Document
from muniment.notices.shelf import Shelf
from tests.integration.notices.conftest import Publisher, reworded

PAGE = "/sefton/privacy/sefton-at-work"


@pytest.fixture
def published(sefton: Publisher) -> Publisher:
    sefton.publish()
    return sefton


FORMS = [
    (PAGE, "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
    (PAGE, "*/*", "text/html; charset=utf-8"),
    (PAGE, "application/json", "application/json"),
    (PAGE, "text/plain", "text/plain; charset=utf-8"),
    (f"{PAGE}.txt", "text/html", "text/plain; charset=utf-8"),
    (f"{PAGE}.json", "text/html", "application/json"),
    (f"{PAGE}?format=json", "text/html", "application/json"),
    (f"{PAGE}?format=text", "text/html", "text/plain; charset=utf-8"),
    (f"{PAGE}/versions/1", "text/html", "text/html; charset=utf-8"),
    (f"{PAGE}/versions/1.json", "text/html", "application/json"),
    (f"{PAGE}/versions/1.txt", "text/html", "text/plain; charset=utf-8"),
]


def test_each_form_has_an_address(
    published: Publisher, client: TestClient[Litestar], subtests: pytest.Subtests
) -> None:
    for address, accept, kind in FORMS:
        with subtests.test(address=address, accept=accept):
            answer = client.get(address, headers={"Accept": accept})
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
            assert "24 months" in " ".join(answer.text.split())


def test_the_page_is_a_page(published: Publisher, client: TestClient[Litestar]) -> None:
    html = client.get(PAGE).text
    assert '<html lang="en">' in html
    assert html.count("<h1") == 1
    assert "20 November 2026" in html
    assert 'id="retention.client-record"' in html
    assert "<script" not in html
    assert f"{PAGE}/versions/1.json?language=en" in html
    digest = client.get(f"{PAGE}.json")
    assert msgspec.json.decode(digest.content, type=Document).number == 1


def test_every_version_stays_at_its_own_address(
    published: Publisher, client: TestClient[Litestar], shelf: Shelf
) -> None:
    before = client.get(f"{PAGE}/versions/1.json").content
    published.publish(reworded("sefton", "Another title"))
    shelf.forget(published.id)
    assert client.get(f"{PAGE}/versions/1.json").content == before
    assert "Another title" in client.get(PAGE).text
    old = client.get(f"{PAGE}/versions/1")
    assert "earlier version" in old.text
    assert "earlier version" not in client.get(f"{PAGE}/versions/2").text
    versions = client.get(f"{PAGE}/versions")
    assert versions.text.index("/versions/2?") < versions.text.index("/versions/1?")
    listed = client.get(f"{PAGE}/versions", headers={"Accept": "application/json"}).json()
    assert [view["number"] for view in listed] == [2, 1]


def test_a_new_version_appears_by_itself_after_a_few_seconds(
    published: Publisher, client: TestClient[Litestar], shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shelf, "BELIEVED", 0.0)
    shelf.forget(published.id)
    assert "Another title" not in client.get(PAGE).text
    published.publish(reworded("sefton", "Another title"))
    assert "Another title" in client.get(PAGE).text


def test_who_has_the_page_already_is_told_so(published: Publisher, client: TestClient[Litestar]) -> None:
    first = client.get(PAGE)
    assert first.headers["cache-control"].startswith("public")
    assert first.headers["last-modified"] == "Fri, 20 Nov 2026 12:00:00 GMT"
    again = client.get(PAGE, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get(PAGE, headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.head(PAGE).headers["etag"] == first.headers["etag"]


def test_the_page_is_given_again_without_asking_and_counted_all_the_same(
    published: Publisher, client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(PAGE)
    monkeypatch.setattr("muniment.notices.pages._answer", None)  # whoever asks the application now gets nothing
    again, held = client.get(PAGE), client.get(PAGE, headers={"If-None-Match": first.headers["etag"]})
    assert (again.content, dict(again.headers)) == (first.content, dict(first.headers))
    assert (held.status_code, held.content) == (304, b"")
    assert "content-type" not in held.headers
    assert client.head(PAGE).headers["content-length"] == str(len(first.content))
    assert client.get(f"{PAGE}.json").status_code == 500
    assert client.post(PAGE).status_code == 405
    counted = client.get("/metrics").text
    route = 'route="/{council_slug}/privacy/{service}"'
    assert f'muniment_requests_total{{method="GET",{route},status="200"}} 3.0' in counted
    assert f'muniment_requests_total{{method="GET",{route},status="304"}} 1.0' in counted


def test_no_page_outlives_a_publication(published: Publisher, client: TestClient[Litestar], shelf: Shelf) -> None:
    for number, title in enumerate(("A second title", "A third title"), start=2):
        assert client.get(PAGE).status_code == 200
        published.publish(reworded("sefton", title))
        shelf.forget(published.id)
        assert title in client.get(PAGE).text
        assert f"/versions/{number}?" in client.get(f"{PAGE}/versions").text


NOWHERE = [
    "/sefton/privacy/employment-support",
    "/sefton/privacy/nothing",
    "/nowhere/privacy/sefton-at-work",
    f"{PAGE}/versions/2",
    f"{PAGE}/versions/01",
    f"{PAGE}/versions/-1",
    f"{PAGE}/versions/x",
    f"{PAGE}/versions/99999999999999999999",
    f"{PAGE}?notice=other",
    "/sefton/privacy/nothing/versions",
    f"{PAGE}.pdf",
    f"{PAGE}.",
    f"{PAGE}/versions/1.pdf",
    "/sefton/privacy/%2e%2e%2f",
    "/sefton/privacy/..%2fconsole",
    "/sefton/privacy/%20",
]


def test_what_is_not_there_is_not_found(
    published: Publisher, client: TestClient[Litestar], subtests: pytest.Subtests
) -> None:
    for address in NOWHERE:
        with subtests.test(address=address):
            assert client.get(address).status_code == 404


def test_an_unknown_form_is_refused_in_one_sentence(published: Publisher, client: TestClient[Litestar]) -> None:
    answer = client.get(f"{PAGE}?format=pdf", headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert json.loads(answer.content)["detail"] == "A notice is given as: html, text, json."


def test_a_notice_is_read_in_the_language_asked_for(
    publisher: Callable[[str], Publisher], client: TestClient[Litestar]
) -> None:
    council = publisher("rhondda-cynon-taf")
    council.publish()
    page = "/rhondda-cynon-taf/privacy/work-and-skills"
    english, welsh = client.get(page).text, client.get(f"{page}?language=cy").text
    assert '<html lang="en">' in english
    assert '<html lang="cy">' in welsh
    assert "Fersiwn 1" in welsh
    assert 'hreflang="cy"' in english
    assert "gwaithasgiliau@rctcbc.gov.uk" in welsh
    assert "workandskills@rctcbc.gov.uk" in english
    assert client.get(f"{page}?language=xx").text == english


def test_councils_see_their_own_notices_alone(
    publisher: Callable[[str], Publisher], client: TestClient[Litestar]
) -> None:
    publisher("sefton").publish()
    publisher("milton-keynes").publish()
    for _ in range(2):
        sefton, milton_keynes = client.get(PAGE).text, client.get("/milton-keynes/privacy/employment-support").text
        assert "Sefton@Work" in sefton
        assert "Milton Keynes" not in sefton
        assert "Thames Valley Police" in milton_keynes
        assert "Sefton" not in milton_keynes
    assert client.get("/milton-keynes/privacy/sefton-at-work").status_code == 404


def test_a_service_with_several_notices_lets_people_choose(
    published: Publisher, client: TestClient[Litestar], shelf: Shelf
) -> None:
    another_notice(published, shelf)
    page = client.get(PAGE)
    assert "?language=en&amp;notice=privacy" in page.text
    assert "?language=en&amp;notice=young" in page.text
    assert client.get(f"{PAGE}?notice=young").status_code == 200
    assert len(client.get(PAGE, headers={"Accept": "application/json"}).json()) == 2


def test_a_programmes_own_notice_takes_no_address_of_the_services(
    published: Publisher, client: TestClient[Litestar], shelf: Shelf
) -> None:
    before = {address: client.get(address).text for address in (PAGE, f"{PAGE}/versions/1")}
    another_notice(published, shelf, "bridge")
    assert {address: client.get(address).text for address in before} == before
    own = client.get(f"{PAGE}?notice=young")
    assert own.status_code == 200
    assert f"{PAGE}/versions/1?language=en&amp;notice=young" in client.get(f"{PAGE}/versions").text
    assert client.get(f"{PAGE}/versions/1?notice=young").status_code == 200


def another_notice(published: Publisher, shelf: Shelf, programme: str | None = None) -> None:
    """A second notice for the service, worded like the first; or that of a programme."""
    with published.database.council(published.id) as session:
        session.execute(
            text(
                "insert into notice_version (council_id, id, service, notice, covers, number, language, html, text,"
                " json, sha256, policy_hash, published_at, published_by, programme)"
                " select council_id, gen_random_uuid(), 'other', 'young', covers, 1, language, html, text, json,"
                " sha256, policy_hash, published_at, published_by, :programme from notice_version"
            ),
            {"programme": programme},
        )
    shelf.forget(published.id)
