"""Forms that only our own pages can send (CSRF), and what a request shows of who sends it.

A browser sends a council's cookie along with any request, so a cookie alone proves nothing about who meant it. Each
form carries a token derived from the cookie: who cannot read the cookie cannot know the token. Before anybody is signed
in a cookie of its own does the same for the sign-in form. `read_credentials` checks this for every unsafe request that
comes with a cookie; a route gets it with the caller and cannot forget it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import Cookie

from muniment.api.errors import Forbidden
from muniment.web.council import CouncilRef

__all__ = ["FORM_FIELD", "Credentials", "cookie_name", "form_token", "new_secret", "read_credentials", "session_cookie"]

FORM_FIELD = "form_token"
FORM_HEADER = "X-Form-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER = "bearer "


class Credentials(msgspec.Struct, frozen=True):
    """What a request shows: a bearer token, or the secret of its cookie; `anonymous` is the secret of the sign-in
    form's cookie. `secure` is whether it came over https, `address` where from, as far as the server knows."""

    bearer: str | None
    cookie: str | None
    anonymous: str | None
    secure: bool
    address: str

    @property
    def form_token(self) -> str:
        """What a form on the page answered must carry; empty if there is no cookie to derive it from."""
        secret = self.cookie or self.anonymous
        return form_token(secret) if secret else ""


def new_secret() -> str:
    """256 random bits as 43 characters."""
    return secrets.token_urlsafe(32)


def form_token(secret: str) -> str:
    """The form token that belongs to a cookie's secret. It does not give the secret away."""
    return hmac.new(secret.encode(), b"muniment form", hashlib.sha256).hexdigest()


def cookie_name(slug: str, *, secure: bool, anonymous: bool = False) -> str:
    """The name of a council's cookie. Over https it has the prefix that pins it to this host and to https."""
    return f"{'__Host-' if secure else ''}muniment-{slug}{'-form' if anonymous else ''}"


def session_cookie(
    slug: str, secret: str, *, secure: bool, max_age: int | None = None, anonymous: bool = False
) -> Cookie:
    """The cookie that holds a secret; `max_age` is in seconds, 0 takes it away, None ends with the browser."""
    return Cookie(
        key=cookie_name(slug, secure=secure, anonymous=anonymous),
        value=secret,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
        max_age=max_age,
    )


async def read_credentials(request: Request[Any, Any, Any], council: CouncilRef) -> Credentials:
    """The provider of `credentials`. Raises `Forbidden` for an unsafe request with a cookie and without its token.

    A bearer token is not sent by a browser of its own accord; a request that carries one needs no form token, and its
    cookies are left unread.
    """
    secure = request.scope["scheme"] == "https"
    address = request.client.host if request.client else ""
    authorization = request.headers.get("authorization", "")
    if authorization:
        bearer = authorization[len(BEARER) :].strip() if authorization.lower().startswith(BEARER) else ""
        return Credentials(bearer, None, None, secure, address)
    cookie = request.cookies.get(cookie_name(council.slug, secure=secure)) or None
    anonymous = request.cookies.get(cookie_name(council.slug, secure=secure, anonymous=True)) or None
    credentials = Credentials(None, cookie, anonymous, secure, address)
    if request.method not in SAFE_METHODS:
        await _check_sender(request, credentials)
    return credentials


async def _check_sender(request: Request[Any, Any, Any], credentials: Credentials) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("This form was sent from another site.")
    given: object = request.headers.get(FORM_HEADER)
    if given is None and request.content_type[0] in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        given = (await request.form()).get(FORM_FIELD)
    if not credentials.cookie and not credentials.anonymous and request.scope["path"].startswith("/api/"):
        return  # nothing was sent that a browser adds by itself: the caller is refused as not signed in
    expected = [form_token(secret) for secret in (credentials.cookie, credentials.anonymous) if secret]
    if not any(isinstance(given, str) and hmac.compare_digest(given.encode(), one.encode()) for one in expected):
        raise Forbidden("This form is not one of ours, or is too old. Go back, reload the page and send it again.")
