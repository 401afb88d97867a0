"""Who asks over HTTP in these tests: a program with its token, somebody who has signed in."""

from __future__ import annotations

from datetime import timedelta

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.permissions import Permission, Role
from muniment.accounts.staff import add_staff
from muniment.accounts.tokens import new_token
from muniment.web.forms import form_token
from tests.integration.clients.kit import House

__all__ = ["API", "sign_in", "token"]

API = "/api/v1/councils/alpha"
PASSWORD = "generated words for tests"


def token(house: House, *permissions: Permission, services: list[str] | None = None) -> dict[str, str]:
    """The headers of a program that holds these permissions, or all."""
    now = house.database.clock.now()
    with house.session() as session:
        for service in services or []:
            insert = "insert into service (council_id, slug, title) values (:c, :s, 'Made up') on conflict do nothing"
            session.execute(text(insert), {"c": house.id, "s": service})
        given = permissions or tuple(Permission)
        _, made = new_token(session, house.slug, "tests", given, services, now + timedelta(days=9), now)
    return {"Authorization": f"Bearer {made}"}


def sign_in(house: House, http: TestClient[Litestar], role: Role) -> str:
    """Sign somebody in; returns the cookie."""
    with house.session() as session:
        add_staff(session, "a@council.example", "Generated", PASSWORD, [(role, None)], session.clock.now())
    http.get("/alpha/console/sign-in")
    form = {
        "email": "a@council.example",
        "password": PASSWORD,
        "form_token": form_token(http.cookies["muniment-alpha-form"]),
    }
    http.post("/alpha/console/sign-in", data=form)
    return http.cookies["muniment-alpha"]
