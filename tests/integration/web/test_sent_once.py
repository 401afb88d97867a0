"""A form of the console that is sent twice is taken once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar import Litestar, Response, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import MultipartBody, URLEncodedBody
from litestar.response import Redirect
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.permissions import Caller
from muniment.app import Surface, create_app
from muniment.clock import FixedClock
from muniment.database.session import CouncilSession, Database
from muniment.keys import KeyRing
from muniment.settings import Settings
from muniment.web.forms import form_token
from muniment.web.pages import Page
from tests.integration.web.conftest import _insert, count_tokens

Client = TestClient[Litestar]
Councils = tuple[UUID, UUID]
THINGS = "/alpha/console/things"


class ThingForm(msgspec.Struct, frozen=True):
    """A made-up form; `act` is the button."""

    act: str = "make"
    field: list[str] | str = []


class FileForm(msgspec.Struct, frozen=True):
    """A made-up form with a file."""

    attachment: UploadFile


class Workshop:
    """What goes wrong in the handlers, and when they go on."""

    def __init__(self) -> None:
        self.fails: Iterator[bool] = iter(())
        self.begun, self.go_on = Event(), Event()
        self.go_on.set()


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@pytest.fixture
def app(settings: Settings, database: Database, clock: FixedClock, keys: KeyRing, workshop: Workshop) -> Litestar:
    @post("/console/things", sync_to_thread=True, status_code=303)
    def make_on_page(
        data: URLEncodedBody[ThingForm], session: NamedDependency[CouncilSession], caller: NamedDependency[Caller],
        page: NamedDependency[Page],
    ) -> Response[Any]:  # fmt: skip
        made = _insert(session, "thing")
        workshop.begun.set()
        assert workshop.go_on.wait(30)
        if next(workshop.fails, False):
            raise RuntimeError("Generated Person")
        if data.act == "ask":
            return page.render("web/console.html", caller=caller, sections=[])
        return Redirect(f"/alpha/console/things/{made}", status_code=303)

    @post("/console/files", sync_to_thread=True, status_code=303)
    def make_of_file(
        data: MultipartBody[FileForm], session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]
    ) -> Redirect:
        assert data.attachment.file.read().startswith(b"generated"), "it is read from its beginning"
        return Redirect(f"/alpha/console/files/{_insert(session, 'thing')}", status_code=303)

    return create_app(settings, database, clock, keys, Surface(pages=[make_on_page, make_of_file]))


@pytest.fixture
def secret(client: Client, councils: Councils, staff_of: Callable[..., str], sign_in: Callable[..., str]) -> str:
    sign_in("alpha", staff_of(councils[0]))
    return client.cookies["muniment-alpha"]


@pytest.fixture
def made(database: Database, councils: Councils) -> Callable[[], int]:
    return lambda: count_tokens(database, councils[0], "thing")


def test_sent_again_nothing_is_made_and_it_leads_to_the_same(
    client: Client, secret: str, made: Callable[[], int]
) -> None:
    form = {"form_token": form_token(secret), "field": ["a", "b"]}
    first, second = (client.post(THINGS, data=form) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert second.headers["location"] == first.headers["location"]
    assert made() == 1


def test_while_the_first_is_not_through_the_second_waits_for_it(
    client: Client, secret: str, made: Callable[[], int], workshop: Workshop
) -> None:
    form = {"form_token": form_token(secret)}
    workshop.go_on.clear()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(client.post, THINGS, data=form)
        assert workshop.begun.wait(30)
        workshop.begun.clear()
        second = threads.submit(client.post, THINGS, data=form)
        done, _ = wait([first, second], timeout=1)
        alone = not workshop.begun.is_set()
        workshop.go_on.set()
        answers = first.result(30), second.result(30)
    assert (done, alone) == (set(), True)
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert made() == 1


def test_when_the_first_fails_the_one_that_waited_is_taken(
    client: Client, secret: str, made: Callable[[], int], workshop: Workshop
) -> None:
    form = {"form_token": form_token(secret)}
    workshop.go_on.clear()
    workshop.fails = iter([True])
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(client.post, THINGS, data=form)
        assert workshop.begun.wait(30)
        second = threads.submit(client.post, THINGS, data=form)
        wait([second], timeout=1)
        workshop.go_on.set()
        answers = first.result(30), second.result(30)
    assert [answer.status_code for answer in answers] == [500, 303]
    assert made() == 1


def test_what_was_filled_in_anew_is_made_anew(client: Client, secret: str, made: Callable[[], int]) -> None:
    token = form_token(secret)
    for number, form in enumerate((
        {"form_token": token, "field": ["a", "b"]},
        {"form_token": token, "field": ["afieldb"]},
        {"form_token": token, "field": ["a"]},
        {"form_token": form_token(secret), "field": ["a"]},
    ), start=1):  # fmt: skip
        assert client.post(THINGS, data=form).status_code == 303
        assert made() == number


def test_a_file_of_other_content_is_another_form(client: Client, secret: str, made: Callable[[], int]) -> None:
    form = {"form_token": form_token(secret)}
    for content, count in ((b"generated", 1), (b"generated", 1), (b"generated anew", 2)):
        files = {"attachment": ("a.txt", content, "text/plain")}
        assert client.post("/alpha/console/files", data=form, files=files).status_code == 303
        assert made() == count


def test_what_failed_can_be_sent_again(
    client: Client, secret: str, made: Callable[[], int], workshop: Workshop
) -> None:
    form = {"form_token": form_token(secret)}
    workshop.fails = iter([True])
    assert client.post(THINGS, data=form).status_code == 500
    assert made() == 0
    assert client.post(THINGS, data=form).status_code == 303
    assert made() == 1


def test_a_form_that_is_answered_with_a_page_leaves_no_key(
    client: Client, secret: str, database: Database, councils: Councils
) -> None:
    form = {"form_token": form_token(secret), "act": "ask"}
    for _ in range(2):
        assert client.post(THINGS, data=form).status_code == 200
    with database.council(councils[0]) as session:
        assert session.scalar(text("select count(*) from idempotency_key")) == 0


def test_neither_token_nor_fields_are_stored(
    client: Client, secret: str, database: Database, councils: Councils
) -> None:
    token = form_token(secret)
    client.post(THINGS, data={"form_token": token, "field": "Generated Person"})
    with database.council(councils[0]) as session:
        row = session.execute(text("select key, request, location, ids from idempotency_key")).one()
    for stored in (row.key, row.request):
        assert token.encode() not in stored
        assert b"Person" not in stored
    assert row.ids == []
    assert row.location.startswith("/alpha/console/things/")
