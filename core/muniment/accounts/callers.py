"""Settling who asks, once for each request, in the request's own transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request

from muniment.accounts.limits import ApiAllowance
from muniment.accounts.permissions import Caller
from muniment.accounts.sessions import caller_of_session, digest_of
from muniment.accounts.tokens import caller_of_token, council_of_token
from muniment.api.errors import NotFound, NotSignedIn
from muniment.clock import Clock
from muniment.database.session import CouncilSession
from muniment.web.council import CouncilRef
from muniment.web.forms import Credentials
from muniment.web.surface import NOTHING_HERE

__all__ = ["settle_caller"]


def settle_caller(
    request: Request[Any, Any, Any],
    session: CouncilSession,
    council: CouncilRef,
    credentials: Credentials,
    clock: Clock,
) -> Caller:
    """The provider of `caller`: who asks, by bearer token or by the cookie of somebody signed in at this council.

    Also notes them as the session's actor. Raises `NotSignedIn` when nobody is known, `NotFound` for a token that is
    for another council, `TooManyRequests` when a token's calls are used up.
    """
    caller: Caller | None = None
    now = clock.now()
    if credentials.bearer is not None:
        caller = _caller_of_bearer(request.app.state.allowance, session, council, credentials.bearer, now)
    elif credentials.cookie is not None:
        caller = caller_of_session(session, credentials.cookie, now)
    if caller is None:
        raise NotSignedIn("Sign in, or send a valid token of this council as a bearer token.")
    session.actor = caller.actor
    return caller


def _caller_of_bearer(
    allowance: ApiAllowance, session: CouncilSession, council: CouncilRef, bearer: str, now: datetime
) -> Caller | None:
    slug = council_of_token(bearer)
    if slug is None:
        return None
    if slug != council.slug:
        raise NotFound(NOTHING_HERE)
    caller = caller_of_token(session, bearer, now)
    if caller is not None and not allowance.take(council.id, digest_of(bearer), now):
        session.rollback()  # gives the connection back, since drawing takes one
        allowance.draw(council.id, digest_of(bearer), now)
        caller = caller_of_token(session, bearer, now)
    return caller
