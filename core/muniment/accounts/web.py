"""Signing in and out, one's password, and over the API the council's staff and tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation, URLEncodedBody
from litestar.response import Redirect

from muniment.accounts.permissions import Caller, Permission
from muniment.accounts.sessions import LONGEST, end_session
from muniment.accounts.staff import StaffView, change_password, list_staff, sign_in
from muniment.accounts.tokens import TokenView, list_tokens, revoke_token
from muniment.api.errors import Forbidden, InvalidInput, TooManyRequests
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clock import Clock
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.errors import Fault
from muniment.web.forms import Credentials, form_token, new_secret, session_cookie
from muniment.web.pages import Page

__all__ = ["api_routes", "pages"]

SIGNED_OUT = "the page that signs somebody in comes before anybody is known"
WRONG = "The email address or the password is not right."


class SignInForm(msgspec.Struct, frozen=True):
    """The fields of the sign-in page."""

    email: str
    password: str


class PasswordForm(msgspec.Struct, frozen=True):
    """The fields of the page that changes a password."""

    current: str
    new: str


class CallerView(msgspec.Struct, frozen=True):
    """Who asks: `kind` is `staff` (signed in, or by a token of theirs) or `token` (a program); `permissions` gives the
    services each is held for, null for all."""

    kind: str
    permissions: dict[str, list[str] | None]


@get("/console/sign-in", sync_to_thread=True, opt={"public": SIGNED_OUT})
def sign_in_page(
    council: NamedDependency[CouncilRef], credentials: NamedDependency[Credentials], page: NamedDependency[Page]
) -> Response[str]:
    """The sign-in form, with a cookie that ties it to this browser."""
    if credentials.anonymous is not None:
        return page.render("accounts/sign_in.html", faults=[], form_token=form_token(credentials.anonymous))
    secret = new_secret()
    cookie = session_cookie(council.slug, secret, secure=credentials.secure, anonymous=True)
    return page.render("accounts/sign_in.html", faults=[], form_token=form_token(secret), cookies=[cookie])


@post("/console/sign-in", sync_to_thread=True, opt={"public": SIGNED_OUT}, status_code=303)
def sign_in_with_password(
    data: URLEncodedBody[SignInForm],
    session: NamedDependency[CouncilSession],
    council: NamedDependency[CouncilRef],
    credentials: NamedDependency[Credentials],
    clock: NamedDependency[SkipValidation[Clock]],
    keys: NamedDependency[KeyRing],
    page: NamedDependency[Page],
) -> Response[Any]:
    """Sign in and go to the console, or say that it was not right, in the same words whatever was wrong."""
    outcome = sign_in(session, keys, data.email, data.password, credentials.address, clock.now())
    if outcome.wait:
        minutes = (outcome.wait + 59) // 60
        refused = TooManyRequests(
            f"There were too many attempts to sign in. Try again in {minutes} min.", retry_after=outcome.wait
        )
        return page.render(
            "accounts/sign_in.html",
            status=refused.status,
            headers={"Retry-After": str(refused.retry_after)},
            faults=[Fault("", str(refused))],
        )
    if outcome.secret is None:
        return page.render("accounts/sign_in.html", status=InvalidInput.status, faults=[Fault("email", WRONG)])
    ends = int(LONGEST.total_seconds())
    cookies = [
        session_cookie(council.slug, outcome.secret, secure=credentials.secure, max_age=ends),
        session_cookie(council.slug, "", secure=credentials.secure, max_age=0, anonymous=True),
    ]
    return Redirect(f"/{council.slug}/console", status_code=303, cookies=cookies)


@post("/console/sign-out", sync_to_thread=True, status_code=303)
def sign_out(
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    council: NamedDependency[CouncilRef],
    credentials: NamedDependency[Credentials],
) -> Redirect:
    """End this session, here and in the database."""
    if credentials.cookie is not None:
        end_session(session, credentials.cookie)
        record(session, AuditEvent.SIGNED_OUT, caller.actor.id)
    return _to_sign_in(council, credentials)


@get("/console/password", sync_to_thread=True)
def password_page(
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    page: NamedDependency[Page],
    clock: NamedDependency[SkipValidation[Clock]],
) -> Response[str]:
    """The form that changes one's own password, and the tokens by which programs act as oneself."""
    return _account(session, caller, page, clock)


@post("/console/tokens/{token_id:uuid}", sync_to_thread=True, status_code=303)
def end_own_token(
    token_id: FromPath[UUID],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    council: NamedDependency[CouncilRef],
    clock: NamedDependency[SkipValidation[Clock]],
) -> Redirect:
    """End a token of one's own."""
    revoke_token(session, token_id, clock.now(), staff_id=_require_staff(caller))
    return Redirect(f"/{council.slug}/console/password", status_code=303)


@post("/console/password", sync_to_thread=True, status_code=303)
def change_own_password(
    data: URLEncodedBody[PasswordForm],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    council: NamedDependency[CouncilRef],
    credentials: NamedDependency[Credentials],
    clock: NamedDependency[SkipValidation[Clock]],
    keys: NamedDependency[KeyRing],
    page: NamedDependency[Page],
) -> Response[Any]:
    """Change it, end all sessions and ask to sign in again; or say what is wrong with it."""
    staff_id = _require_staff(caller)
    try:
        change_password(session, keys, staff_id, data.current, data.new, clock.now())
    except TooManyRequests as fault:
        headers = {"Retry-After": str(fault.retry_after)}
        return _account(session, caller, page, clock, fault.status, Fault("", str(fault)), headers)
    except InvalidInput as fault:
        wrong = Fault("current" if fault.where == "current" else "new", str(fault))
        return _account(session, caller, page, clock, fault.status, wrong)
    return _to_sign_in(council, credentials)


@get("/staff", sync_to_thread=True, tags=["accounts"])
def staff_of_council(session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]) -> Listing[StaffView]:
    """Everybody with an account at the council, and their roles."""
    caller.require(Permission.MANAGE_STAFF)
    return Listing(list(list_staff(session)))


@get("/tokens", sync_to_thread=True, tags=["accounts"])
def tokens_of_council(session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]) -> Listing[TokenView]:
    """The council's API tokens, without their secrets."""
    caller.require(Permission.MANAGE_TOKENS)
    return Listing(list_tokens(session))


@get("/caller", sync_to_thread=True, tags=["accounts"])
def who_asks(caller: NamedDependency[Caller]) -> CallerView:
    """What the token or session that asks may do."""
    return CallerView(
        caller.actor.kind,
        {
            permission.value: None if services is None else sorted(services)
            for permission, services in sorted(caller.grants.items())
        },
    )


@delete("/tokens/{token_id:uuid}", sync_to_thread=True, tags=["accounts"])
def revoke(
    token_id: FromPath[UUID],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    clock: NamedDependency[SkipValidation[Clock]],
) -> None:
    """End a token for good."""
    caller.require(Permission.MANAGE_TOKENS)
    revoke_token(session, token_id, clock.now())


def _account(
    session: CouncilSession, caller: Caller, page: Page, clock: Clock, status: int = 200, fault: Fault | None = None,
    headers: dict[str, str] | None = None,
) -> Response[str]:  # fmt: skip
    now, mine = clock.now(), list_tokens(session, staff_id=_require_staff(caller))
    return page.render(
        "accounts/password.html", caller=caller, status=status, headers=headers or {},
        faults=[] if fault is None else [fault],
        tokens=[one for one in mine if one.revoked_at is None and one.expires_at > now],
    )  # fmt: skip


def _require_staff(caller: Caller) -> UUID:
    if caller.actor.kind != "staff" or caller.actor.name != "console" or caller.actor.id is None:
        raise Forbidden("Only somebody who is signed in has a password.")
    return caller.actor.id


def _to_sign_in(council: CouncilRef, credentials: Credentials) -> Redirect:
    gone = session_cookie(council.slug, "", secure=credentials.secure, max_age=0)
    return Redirect(f"/{council.slug}/console/sign-in", status_code=303, cookies=[gone])


api_routes = [staff_of_council, tokens_of_council, revoke, who_asks]
pages = [sign_in_page, sign_in_with_password, sign_out, password_page, change_own_password, end_own_token]
