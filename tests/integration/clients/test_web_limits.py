"""Restriction and objection as programs and officers place, decide and lift them."""

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Permission, Role
from muniment.web.forms import form_token
from tests.integration.clients.asking import API, sign_in, token
from tests.integration.clients.kit import House, case


def test_restricting_over_the_api(house: House, http: TestClient[Litestar]) -> None:
    headers = token(house)
    file = f"{API}/clients/{house.register(family_name='Canary', record=case(note='canary'))}"
    again = {**headers, "Idempotency-Key": "one"}
    placed = [http.post(f"{file}/limits", json={"ground": "21.1"}, headers=again) for _ in range(2)]
    assert [answer.status_code for answer in placed] == [201, 201]
    assert placed[1].json() == {"ids": [placed[0].json()["id"]]}
    limit = f"{API}/limits/{placed[0].json()['id']}"
    shown = http.get(file, headers=headers)
    assert "anary" not in shown.text
    assert shown.json()["limits"][0]["state"] == "pending"
    read = http.get(f"{file}?exception=rights-of-another", headers=headers)
    assert read.json()["family_name"] == "Canary"
    assert http.get(f"{file}?exception=curiosity", headers=headers).status_code == 400
    problem = http.put(f"{file}/stub", json={"family_name": "Other"}, headers=headers)
    assert (problem.status_code, problem.json()["code"]) == (409, "restricted")
    upheld = {"outcome": "upheld", "told_on": "2026-11-20"}
    assert http.post(f"{limit}/decision", json=upheld, headers=headers).status_code == 204
    assert http.post(f"{limit}/decision", json=upheld, headers=headers).status_code == 409
    taken_back = {"told_on": "2026-11-20", "reason": "taken back"}
    assert http.post(f"{limit}/lift", json=taken_back, headers=headers).status_code == 204
    (ended,) = http.get(f"{file}/limits", headers=headers).json()["items"]
    assert (ended["state"], ended["told_on"]) == ("lifted", "2026-11-20")
    assert http.put(f"{file}/stub", json={"family_name": "Other"}, headers=headers).status_code == 204
    reader = token(house, Permission.READ_CLIENTS)
    assert http.post(f"{file}/limits", json={"ground": "18.1.a"}, headers=reader).status_code == 403


def test_restricting_on_the_console(house: House, http: TestClient[Litestar]) -> None:
    cookie = sign_in(house, http, Role.MANAGER)
    file_id = house.register(family_name="Canary", reference="R 1")
    page = f"/alpha/console/clients/{file_id}"

    def send(address: str, **form: str) -> Any:
        return http.post(address, data={"form_token": form_token(cookie), **form})

    assert "Restriction and objection" in http.get(page).text
    assert send(f"{page}/limits", ground="nonsense").status_code == 422
    assert send(f"{page}/limits", ground="18.1.c").status_code == 303
    assert "The same stands on this file already" in send(f"{page}/limits", ground="18.1.c").text
    shown = http.get(page).text
    assert "Restricted client file" in shown
    assert "Canary" not in shown
    assert "Canary" in http.get(f"{page}?exception=legal-claims").text
    found = send("/alpha/console/clients", reference="R1").text
    assert ">Restricted</a>" in found
    assert "Canary" not in found
    limit = f"/alpha/console/limits/{house.scalar('select id from client_limit')}"
    wrong = send(limit, outcome="lifted", told_on="someday", reason="settled")
    assert wrong.status_code == 422
    assert "Write the day as in 31/03/2030." in wrong.text
    assert send(limit, outcome="vanish", told_on="20/11/2026", reason="settled").status_code == 422
    assert send(limit, outcome="lifted", told_on="20/11/2026", reason="settled").status_code == 303
    assert "lifted on" in http.get(f"{page}/limits").text
    assert "Canary" in http.get(page).text
