"""Forms that only our own pages can send (CSRF), and what a request shows of who sends it.

A browser sends a council's cookie along with any request, so a cookie alone proves nothing about who meant it. Each
form carries a token derived from the cookie: who cannot read the cookie cannot know the token. Before anybody is signed
in a cookie of its own does the same for the sign-in form. `read_credentials` checks this for every unsafe request that
comes with a cookie; a route gets it with the caller and cannot forget it.

A token is of one page that was shown: no other has the same. So whoever takes a form can tell one that is sent again
(a double click, a reload) from one that was filled in anew. A page that answers a form carries that form's token on:
asking again brings back the page that was answered before, not a new one.
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
    form's cookie. `secure` is whether it came over https, `address` where from, as far as the server knows. `sent` is
    the form token that came with an unsafe request, after it was checked."""

    bearer: str | None
    cookie: str | None
    anonymous: str | None
    secure: bool
    address: str
    sent: str = ""

    @property
    def form_token(self) -> str:
        """What a form on the page answered must carry; empty if there is no cookie to derive it from."""
        secret = self.cookie or self.anonymous
        return self.sent or (form_token(secret) if secret else "")


def new_secret() -> str:
    """256 random bits as 43 characters."""
    return secrets.token_urlsafe(32)


def form_token(secret: str, page: str = "") -> str:
    """A form token of a cookie's secret, for a new page or for `page`. It does not give the secret away."""
    page = page or secrets.token_urlsafe(16)
    return f"{page}.{hmac.new(secret.encode(), b'muniment form ' + page.encode(), hashlib.sha256).hexdigest()}"


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
    if request.method in SAFE_METHODS:
        return credentials
    return msgspec.structs.replace(credentials, sent=await _checked_token(request, credentials))


async def _checked_token(request: Request[Any, Any, Any], credentials: Credentials) -> str:
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("This form was sent from another site.")
    given: object = request.headers.get(FORM_HEADER)
    if given is None and request.content_type[0] in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        given = (await request.form()).get(FORM_FIELD)
    if not credentials.cookie and not credentials.anonymous and request.scope["path"].startswith("/api/"):
        return ""  # nothing was sent that a browser adds by itself: the caller is refused as not signed in
    token = given if isinstance(given, str) else ""
    expected = [
        form_token(secret, token.partition(".")[0]) for secret in (credentials.cookie, credentials.anonymous) if secret
    ]
    if not any(hmac.compare_digest(token.encode(), one.encode()) for one in expected):
        raise Forbidden("This form is not one of ours, or is too old. Go back, reload the page and send it again.")
    return token
