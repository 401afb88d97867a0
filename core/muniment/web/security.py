"""What stands at the edge of every request, whatever it is for: headers on answers, and what is refused unread.

Pages use no script and no inline style, so the content security policy names our own style sheet and images and nothing
else. `Edge` wraps the application: it answers HEAD as GET without its body, finds the council of a host's
name, gives shared answers again, and turns away an address that no handler could read.
"""

from __future__ import annotations

import time
from copy import copy
from urllib.parse import unquote_to_bytes

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from muniment.web.errors import PROBLEM_JSON, Problem, problem_of
from muniment.web.hosts import Hosts, address_under
from muniment.web.metrics import STARTED
from muniment.web.shared import SharedAnswers

__all__ = ["MAX_BODY", "Edge", "security_headers"]

MAX_BODY = 1_000_000
"""Bytes of a request's body unless a route says otherwise (an import does)."""
MAX_TARGET = 8_000
"""Bytes of path and query together; RFC 9110 section 4.1 recommends taking at least 8,000."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
HSTS = "max-age=31536000"
ENCODED = [(name.lower().encode(), value.encode()) for name, value in {**HEADERS, "Cache-Control": "no-store"}.items()]
ENCODED_OVER_HTTPS = [*ENCODED, (b"strict-transport-security", HSTS.encode())]
"""As ASGI has them: setting each by name would cost a quarter of a page that is served from memory."""


async def security_headers(message: Message, scope: Scope) -> None:
    """Add the headers to every answer (a Litestar `before_send` hook); what a handler set itself stays.

    Nothing is cached unless the handler says so: most answers hold personal data.
    """
    if message["type"] != "http.response.start":
        return
    given = list(message["headers"])
    names = {name.lower() for name, _ in given}
    added = ENCODED_OVER_HTTPS if scope["scheme"] == "https" else ENCODED
    message["headers"] = given + [header for header in added if header[0] not in names]


class Edge:
    """The application with what must hold before a request is routed, and what is answered without routing it."""

    def __init__(self, app: ASGIApp, answers: SharedAnswers, hosts: Hosts) -> None:
        self._app = app
        self._answers = answers
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        scope["state"][STARTED] = time.perf_counter()
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
            send = _without_body(send)
        try:
            slug = await self._hosts.council_of(scope)
        except Exception as error:  # the router, which answers for what is raised in it, has not been reached
            await _refuse(problem_of(error, place="the host's name"), send)
            return
        if slug is not None:
            scope["path"] = address_under(slug, scope["path"])
        if (shared := self._answers.find(scope)) is not None:
            scope["path_template"] = shared.route
            await send(copy(shared.start))  # hooks may change it on its way
            await send(copy(shared.body))
            return
        if fault := _fault_of_target(scope):
            await _refuse(fault, send)
            return
        await self._app(scope, receive, send)


def _fault_of_target(scope: Scope) -> Problem | None:
    raw = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    target = raw + b"?" + scope["query_string"]
    if len(target) > MAX_TARGET:
        return Problem(title="URI Too Long", status=414, code="too-long", detail="The address is too long.")
    try:
        text = unquote_to_bytes(target).decode("utf-8")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        detail = "The address is not valid UTF-8 text, or holds a NUL character."
        return Problem(title="Bad Request", status=400, code="malformed", detail=detail)
    return None


async def _refuse(problem: Problem, send: Send) -> None:
    body = msgspec.json.encode(problem)
    headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _without_body(send: Send) -> Send:
    async def headers_only(message: Message) -> None:
        if message["type"] == "http.response.body":
            if message.get("more_body"):
                return
            message = {**message, "body": b""}
        await send(message)

    return headers_only
