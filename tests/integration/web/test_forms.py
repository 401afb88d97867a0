"""Only our own forms are taken from a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.web.forms import form_token

Client = TestClient[Litestar]
Councils = tuple[UUID, UUID]


@pytest.fixture
def token(councils: Councils, staff_of: Callable[..., str], sign_in: Callable[..., str]) -> str:
    return sign_in("alpha", staff_of(councils[0]))


def test_a_form_without_its_token_is_refused(client: Client, token: str, subtests: pytest.Subtests) -> None:
    for form in ({}, {"form_token": ""}, {"form_token": "wrong"}, {"form_token": "\u00e9"}):
        with subtests.test(form=form):
            assert client.post("/alpha/console/sign-out", data=form).status_code == 403
            assert client.get("/alpha/console").status_code == 200


def test_signing_in_needs_the_token_of_this_browser(client: Client, councils: Councils) -> None:
    form = {"email": "a@council.example", "password": "x", "form_token": form_token("another browser's")}
    assert client.post("/alpha/console/sign-in", data=form).status_code == 403
    client.get("/alpha/console/sign-in")
    assert client.post("/alpha/console/sign-in", data=form).status_code == 403


def test_a_form_from_another_site_is_refused_even_with_the_token(client: Client, token: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = client.post("/alpha/console/sign-out", data={"form_token": token}, headers=headers)
    assert answer.status_code == 403


def test_the_token_of_one_council_is_nothing_at_another(client: Client, token: str) -> None:
    client.get("/beta/console/sign-in")
    form = {"email": "a@council.example", "password": "x", "form_token": token}
    assert client.post("/beta/console/sign-in", data=form).status_code == 403


def test_a_signed_in_browser_uses_the_api_with_the_token_in_a_header(client: Client, token: str) -> None:
    unknown = "/api/v1/councils/alpha/tokens/00000000-0000-4000-8000-000000000000"
    assert client.delete(unknown).status_code == 403
    assert client.delete(unknown, headers={"X-Form-Token": token}).status_code == 404


def test_each_page_has_a_token_of_its_own_and_none_gives_the_cookie_away(client: Client, token: str) -> None:
    shown = [client.get("/alpha/console").text for _ in range(2)]
    tokens = {found for page in shown for found in re.findall(r'name="form_token" value="([^"]+)"', page)}
    assert len(tokens) == 2
    for page in shown:
        assert client.cookies["muniment-alpha"] not in page
    one, other = (found.split(".") for found in tokens)
    assert client.post("/alpha/console/sign-out", data={"form_token": f"{one[0]}.{other[1]}"}).status_code == 403
    assert client.post("/alpha/console/sign-out", data={"form_token": ".".join(one)}).status_code == 303


def test_a_page_that_answers_a_form_carries_its_token_on(client: Client, token: str) -> None:
    wrong = {"current": "not this", "new": "quite another generated", "form_token": token}
    answer = client.post("/alpha/console/password", data=wrong)
    assert (answer.status_code, f'value="{token}"' in answer.text) == (422, True)
