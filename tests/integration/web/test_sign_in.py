"""Signing in and out as a browser does: cookies, form tokens, limits, what ends a session."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import text

from muniment.accounts.limits import SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS
from muniment.accounts.permissions import Permission, Role
from muniment.accounts.staff import staff_by_email
from muniment.accounts.tokens import caller_of_token, new_token, revoke_token
from muniment.clock import FixedClock
from muniment.database.session import Database
from muniment.web.forms import form_token

Client = TestClient[Litestar]
Councils = tuple[UUID, UUID]
StaffOf = Callable[..., str]
SignIn = Callable[..., str]
PASSWORD = "generated words for tests"


def events(database: Database, council_id: UUID) -> list[str]:
    with database.council(council_id) as session:
        return list(session.scalars(text("select event from audit_event order by id")))


def test_signed_in_one_sees_the_console(client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn) -> None:
    assert sign_in("alpha", staff_of(councils[0]))
    page = client.get("/alpha/console")
    assert page.status_code == 200
    assert "<h1>Console</h1>" in page.text
    assert "no-store" in page.headers["cache-control"]


def test_without_a_session_the_console_leads_to_the_sign_in_page(client: Client, councils: Councils) -> None:
    answer = client.get("/alpha/console")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alpha/console/sign-in")


def test_case_and_spaces_of_the_email_do_not_matter(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn
) -> None:
    staff_of(councils[0], email="Generated@Council.example")
    assert sign_in("alpha", " gENERATED@council.EXAMPLE ")


def test_a_wrong_password_and_an_unknown_account_are_answered_alike(
    client: Client, councils: Councils, staff_of: StaffOf, database: Database
) -> None:
    email = staff_of(councils[0])
    client.get("/alpha/console/sign-in")
    token = form_token(client.cookies["muniment-alpha-form"])
    answers = [
        client.post("/alpha/console/sign-in", data={"email": who, "password": how, "form_token": token})
        for who, how in ((email, "not the password"), ("nobody@council.example", PASSWORD), ("no email", PASSWORD))
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.text for answer in answers}) == 1
    assert email not in answers[0].text
    assert events(database, councils[0]).count("accounts.session.refused") == 3


def test_after_ten_wrong_passwords_even_the_right_one_waits(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn, clock: FixedClock
) -> None:
    email = staff_of(councils[0])
    for _ in range(SIGN_IN_ACCOUNT.most):
        assert not sign_in("alpha", email, "not the password")
    token = form_token(client.cookies["muniment-alpha-form"])
    form = {"email": email, "password": PASSWORD, "form_token": token}
    refused = client.post("/alpha/console/sign-in", data=form)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 900
    clock.advance(SIGN_IN_ACCOUNT.window)
    assert sign_in("alpha", email)


def test_one_address_cannot_try_many_accounts(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn, database: Database
) -> None:
    email = staff_of(councils[0])
    sign_in("alpha", "someone@council.example", "x")
    with database.council(councils[0]) as session:
        session.execute(
            text("update attempt set tried = :most where kind = 'sign-in.address'"), {"most": SIGN_IN_ADDRESS.most}
        )
    assert not sign_in("alpha", email)


def test_cookies_are_kept_from_scripts_and_other_sites(councils: Councils, staff_of: StaffOf, app: Litestar) -> None:
    email = staff_of(councils[0])
    with TestClient(app, base_url="https://council.example", raise_server_exceptions=False) as browser:
        browser.follow_redirects = False
        first = browser.get("/alpha/console/sign-in").headers["set-cookie"]
        assert first.startswith("__Host-muniment-alpha-form=")
        token = form_token(browser.cookies["__Host-muniment-alpha-form"])
        form = {"email": email, "password": PASSWORD, "form_token": token}
        answer = browser.post("/alpha/console/sign-in", data=form)
        cookie = answer.headers.get_list("set-cookie")[0]
        assert cookie.startswith("__Host-muniment-alpha=")
        for flag in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert flag in cookie
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"]
        assert browser.get("/alpha/console").status_code == 200


def test_signing_out_ends_the_session_for_good(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn, database: Database
) -> None:
    token = sign_in("alpha", staff_of(councils[0]))
    secret = client.cookies["muniment-alpha"]
    assert client.post("/alpha/console/sign-out", data={"form_token": token}).status_code == 303
    client.cookies.set("muniment-alpha", secret)
    assert client.get("/alpha/console").status_code == 303
    assert events(database, councils[0])[-2:] == ["accounts.session.opened", "accounts.session.closed"]


def test_a_session_ends_by_itself(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn, clock: FixedClock
) -> None:
    email = staff_of(councils[0])
    sign_in("alpha", email)
    clock.advance(timedelta(minutes=61))
    assert client.get("/alpha/console").status_code == 303
    sign_in("alpha", email)
    for _ in range(13):
        clock.advance(timedelta(minutes=55))
        last = client.get("/alpha/console").status_code
    assert last == 200
    clock.advance(timedelta(minutes=10))
    assert client.get("/alpha/console").status_code == 303


def test_a_new_password_ends_every_session(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn
) -> None:
    email = staff_of(councils[0])
    sign_in("alpha", email)
    elsewhere = client.cookies["muniment-alpha"]
    token = sign_in("alpha", email)
    form = {"current": PASSWORD, "new": "quite another generated", "form_token": token}
    wrong = client.post("/alpha/console/password", data=form | {"current": "not this"})
    assert wrong.status_code == 422
    assert client.post("/alpha/console/password", data=form).status_code == 303
    client.cookies.set("muniment-alpha", elsewhere)
    assert client.get("/alpha/console").status_code == 303
    assert not sign_in("alpha", email, PASSWORD)
    assert sign_in("alpha", email, "quite another generated")


def test_who_is_signed_in_sees_the_programs_that_act_as_them_and_ends_their_tokens(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn, database: Database, clock: FixedClock
) -> None:
    emails = [staff_of(councils[0], Role.ADVISER, f"{name}@council.example") for name in ("one", "other")]
    now, made = clock.now(), {}
    with database.council(councils[0]) as session:
        for whose, label in ((emails[0], "mine"), (emails[1], "theirs"), (None, "nobody's"), (emails[0], "over")):
            staff_id = None if whose is None else staff_by_email(session, whose)
            made[label] = new_token(
                session,
                "alpha",
                label,
                [Permission.READ_CLIENTS],
                None,
                now + timedelta(days=9),
                now,
                staff_id=staff_id,
            )
        revoke_token(session, made["over"][0], now)
    sign_in("alpha", emails[0])

    def shown() -> list[str]:
        return re.findall(r"End the token for ([^<]+)<", client.get("/alpha/console/password").text)

    def end(label: str) -> int:
        form = {"form_token": form_token(client.cookies["muniment-alpha"])}
        return client.post(f"/alpha/console/tokens/{made[label][0]}", data=form).status_code

    assert shown() == ["mine"]
    assert [end(label) for label in ("theirs", "nobody's", "mine", "mine")] == [404, 404, 303, 409]
    assert shown() == []
    with database.council(councils[0]) as session:
        stand = [label for label, (_, secret) in made.items() if caller_of_token(session, secret, now) is not None]
    assert stand == ["theirs", "nobody's"]


def test_guesses_at_a_password_on_its_own_page_count_as_attempts_to_sign_in(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn
) -> None:
    email = staff_of(councils[0])
    form = {"current": "not this", "new": "quite another generated", "form_token": sign_in("alpha", email)}
    tried = [client.post("/alpha/console/password", data=form) for _ in range(SIGN_IN_ACCOUNT.most + 1)]
    assert [answer.status_code for answer in tried] == [422] * SIGN_IN_ACCOUNT.most + [429]
    assert int(tried[-1].headers["retry-after"]) > 0
    right = client.post("/alpha/console/password", data=form | {"current": PASSWORD})
    assert right.status_code == 429
    assert not sign_in("alpha", email)


def test_a_closed_account_is_out_at_once(
    client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn, database: Database
) -> None:
    email = staff_of(councils[0])
    sign_in("alpha", email)
    with database.council(councils[0]) as session:
        session.execute(text("update staff set closed_at = now()"))
    assert client.get("/alpha/console").status_code == 303
    assert not sign_in("alpha", email)


def test_roles_count_at_once(client: Client, councils: Councils, staff_of: StaffOf, sign_in: SignIn,
                             database: Database) -> None:  # fmt: skip
    sign_in("alpha", staff_of(councils[0], Role.ADMINISTRATOR))
    assert client.get("/api/v1/councils/alpha/staff").status_code == 200
    with database.council(councils[0]) as session:
        session.execute(text("update staff_role set role = 'adviser'"))
    assert client.get("/api/v1/councils/alpha/staff").status_code == 403
