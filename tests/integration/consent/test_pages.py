"""The console: two parts apart on the client's page, nothing chosen beforehand, recording and withdrawing in a step."""

from __future__ import annotations

import re
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Role
from muniment.accounts.sessions import begin_session
from muniment.accounts.staff import add_staff
from muniment.consent.asking import NamedRecipient
from muniment.web.forms import form_token
from tests.integration.consent.acts import answer
from tests.integration.consent.kit import House
from tests.integration.consent.test_api import http as http

Browser = TestClient[Litestar]


@pytest.fixture(scope="module")
def browser(house: House, http: Browser) -> tuple[Browser, str]:
    """Signed in as an adviser; the token that forms carry."""
    now = house.database.clock.now()
    with house.session() as session:
        staff_id = add_staff(session, "a@council.example", "Generated", "generated words for tests",
                             [(Role.ADVISER, None)], now)  # fmt: skip
        secret = begin_session(session, staff_id, now)
    http.cookies.set("muniment-alpha", secret)
    return http, form_token(secret)


def page_of(browser: Browser, file_id: Any) -> str:
    shown = browser.get(f"/alpha/console/clients/{file_id}")
    assert shown.status_code == 200, shown.text
    return shown.text


def test_nothing_is_chosen_beforehand(house: House, browser: tuple[Browser, str]) -> None:
    client, _ = browser
    file_id = house.register()
    for plural in ("consents", "permissions"):
        form = client.get(f"/alpha/console/clients/{file_id}/{plural}")
        assert form.status_code == 200, form.text
        chosen = re.findall(r"<option value=\"([^\"]+)\" selected|checked", form.text)
        assert chosen == []
        assert "I agree that the council tells my story." in form.text or plural == "permissions"


def test_recording_and_withdrawing(house: House, browser: tuple[Browser, str]) -> None:
    client, token = browser
    file_id = house.register()
    assert page_of(client, file_id).count("<p>None.</p>") >= 2
    place = f"/alpha/console/clients/{file_id}/consents"
    fields = {
        "form_token": token, "purpose": "stories", "answer": "given", "language": "en", "shown": str(house.document),
        "channel": "in-person", "how": "signed", "on": "19/11/2026", "wording": "I agree.", "recipients": "newspaper",
    }  # fmt: skip
    scan = {"evidence": ("signed.png", b"generated", "image/png")}
    nothing = client.post(place, data={**fields, "answer": ""}, files=scan)
    assert nothing.status_code == 422
    assert "Choose what the person answered." in nothing.text
    made = client.post(place, data=fields, files=scan)
    assert made.status_code == 303, made.text
    shown = page_of(client, file_id)
    assert "Telling your story: given" in shown
    assert "Counts until 19 November 2027, inclusive." in shown
    assert "Withdraw the consent: Telling your story" in shown
    consents, permissions = shown.index('<h2 id="consents">'), shown.index('<h2 id="permissions">')
    assert consents < shown.index("Telling your story: given") < permissions
    [evidence] = house.all("select name, proves from consent_evidence where file_id = :file", file=file_id)
    assert (evidence.name, evidence.proves) == ("signed.png", "consent")
    receipt = re.search(r"/alpha/console/receipts/[0-9a-f-]+", shown)
    assert receipt is not None
    assert "Receipt for your consent" in client.get(receipt.group()).text
    gone = client.post(f"{place}/withdraw", data={"form_token": token, "purpose": "stories", "channel": "telephone"})
    assert gone.status_code == 200, gone.text
    assert "The consent is withdrawn" in gone.text
    assert "From now on nothing is given on this to: The Generated Gazette." in gone.text
    assert "Telling your story: withdrawn" in page_of(client, file_id)


def test_a_permission_is_recorded_on_its_own_page(house: House, browser: tuple[Browser, str]) -> None:
    client, token = browser
    file_id = house.register()
    fields = {
        "form_token": token, "purpose": "support", "answer": "given", "language": "en", "wording": "Generated words.",
        "shown": str(house.document), "channel": "post", "how": "signed", "recipients": "college\n",
        "authority": "deputy",
    }  # fmt: skip
    order = {"evidence_of_authority": ("order.pdf", b"generated", "application/pdf")}
    refused = client.post(f"/alpha/console/clients/{file_id}/consents", data=fields, files=order)
    assert refused.status_code == 422
    assert "is a permission" in refused.text
    made = client.post(f"/alpha/console/clients/{file_id}/permissions", data=fields, files=order)
    assert made.status_code == 303, made.text
    shown = page_of(client, file_id)
    assert shown.index("Support: given") > shown.index('<h2 id="permissions">')
    assert "Names: The Generated College." in shown


def test_one_of_several_is_withdrawn_alone_and_told_in_their_language(
    house: House, browser: tuple[Browser, str]
) -> None:
    client, token = browser
    file_id = house.register()
    for body in ("works", "Made-up Bakery"):
        answer(house, file_id, "vacancies", recipients=(NamedRecipient("employers", body),))
    shown = page_of(client, file_id)
    assert '<option value="employers/made-up bakery">Made-up Bakery alone</option>' in shown
    assert '<option value="cy">Cymraeg</option>' in shown
    form = {"form_token": token, "purpose": "vacancies", "channel": "telephone", "whom": "employers/works",
            "language": "cy"}  # fmt: skip
    gone = client.post(f"/alpha/console/clients/{file_id}/consents/withdraw", data=form)
    assert gone.status_code == 200, gone.text
    assert '<ul lang="cy">' in gone.text
    assert "O hyn ymlaen ni roddir dim ar sail hyn i: Generated Works Ltd." in gone.text
    found = house.standing(file_id, "vacancies")
    assert found is not None
    assert (found.live, found.recipients) == (True, ("employers/made-up bakery",))
    for wrong in ({"whom": "employers/nobody"}, {"language": "welsh"}):
        assert (
            client.post(f"/alpha/console/clients/{file_id}/consents/withdraw", data={**form, **wrong}).status_code
            == 422
        )
