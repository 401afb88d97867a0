"""One mapping from everything that can go wrong to what the asker is told.

Programs get problem details (RFC 9457), people a plain page. Both say one clear sentence; neither shows a value that
was sent, a traceback or a statement of SQL. What nobody foresaw is answered with an incident number and logged under
it: the kind of the error and the places in the code, never its message, which may hold personal data.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.enums import ParamType
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NoRouteMatchFoundException,
    SerializationException,
)
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from muniment.api.errors import InvalidInput, MunimentError, NotReady, NotSignedIn, TooManyRequests
from muniment.database.errors import sqlstate_of
from muniment.logs import log_incident, log_not_ready

__all__ = [
    "PROBLEM_JSON",
    "Fault",
    "Problem",
    "heading_of",
    "html_response",
    "is_for_programs",
    "problem_of",
    "problem_response",
]

PROBLEM_JSON = "application/problem+json"
PROGRAM_PATHS = ("/api/", "/health/", "/metrics")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

HEADINGS = {
    403: "You cannot do this",
    404: "Page not found",
    409: "This cannot be done now",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "The service is not ready",
}
"""Of pages, by status."""

INVALID_VALUE = re.compile(r"(?<=value )(['\"]).*?\1(?= - at|$)", re.DOTALL)
"""What msgspec quotes back of the sender's own value: `Invalid enum value 'x' - at `$.y``."""


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with what was sent: where (a field, parameter or JSON path) and what is expected there."""

    where: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A problem document (RFC 9457). `type` is always `about:blank`, so `title` is the status's own phrase;
    `code` is the stable name a program may switch on."""

    type: str = msgspec.field(default_factory=lambda: "about:blank")
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[Fault, ...] = ()
    incident: str | None = None


def _problem(status: int, code: str, detail: str, faults: Iterable[Fault] = (), incident: str | None = None) -> Problem:
    title = HTTPStatus(status).phrase
    return Problem(title=title, status=status, code=code, detail=detail, errors=tuple(faults), incident=incident)


def problem_of(exc: Exception, *, place: str = "") -> Problem:
    """The problem document for any exception. `place` (method and route, no values) goes to the log if unforeseen."""
    match exc:
        case InvalidInput():
            faults = [Fault(exc.where, str(exc))] if exc.where else []
            return _problem(exc.status, exc.code, str(exc), faults)
        case NotReady():
            log_not_ready(exc)
            return _problem(exc.status, exc.code, exc.outward)
        case MunimentError() if exc.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            return _problem(exc.status, exc.code, str(exc))
        case HTTPException() if exc.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return _of_http(exc)
        case RecursionError() if _in_decoder(exc):
            return _problem(400, "malformed", "The body is nested too deeply.")
        case UnicodeDecodeError() if _in_decoder(exc):
            return _problem(400, "malformed", "The body is not UTF-8 text.")
        case PoolTimeout():
            return _problem(503, "busy", "The service is busy. Try again in a moment.")
        case DBAPIError():
            return _of_database(exc, place)
    return _unforeseen(exc, place)


def _in_decoder(exc: Exception) -> bool:
    """Whether it was raised while Litestar decoded a body, and so is the sender's."""
    frames = traceback.extract_tb(exc.__traceback__)
    return bool(frames) and frames[-1].name in {"decode_json", "decode_msgpack"}


def _of_http(exc: HTTPException) -> Problem:
    status = exc.status_code
    if isinstance(exc, NoRouteMatchFoundException) or status == HTTPStatus.NOT_FOUND:
        return _problem(status, "not-found", "There is nothing at this address.")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return _problem(status, "method-not-allowed", "This address does not take this method.")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _problem(status, "too-large", "The body sent is larger than this address takes.")
    if isinstance(exc.extra, list) and exc.extra:
        faults = [fault for entry in exc.extra if isinstance(entry, dict) if (fault := _fault(entry)) is not None]
        return _problem(status, "invalid", "What was sent is not valid; `errors` says where.", faults)
    if isinstance(exc.__cause__, SerializationException):
        return _problem(status, "malformed", "The body is not valid JSON.")
    if status == HTTPStatus.BAD_REQUEST:
        return _problem(status, "malformed", "The request cannot be read: its body or headers are malformed.")
    return _problem(status, HTTPStatus(status).phrase.lower().replace(" ", "-"), "The request was refused.")


def _fault(entry: dict[str, Any]) -> Fault | None:
    """One of Litestar's faults in our words; None for what it adds of its own.

    To find all faults it tries every argument alone, and reports those that it has not: a part of the address, which
    is never missing, and a body or a parameter, which is.
    """
    key, source, message = str(entry.get("key", "")), entry.get("source"), str(entry.get("message", "not valid"))
    if message == repr(key):
        if source is ParamType.PATH:
            return None
        message = "It is missing."
    place = source.value if isinstance(source, ParamType) else str(source or "")
    where = place if source == "body" and key == "data" else ".".join(part for part in (place, key) if part)
    return Fault(where, INVALID_VALUE.sub("", message).replace("  ", " "))


def _of_database(exc: DBAPIError, place: str) -> Problem:
    """Of an error of the database only its class is used; `muniment.database.errors` turns busy and away into ours."""
    state = sqlstate_of(exc) or ""
    if isinstance(exc, DataError) or state.startswith("22"):
        return _problem(422, "invalid", "A value cannot be stored: it holds a character or a number out of range.")
    if state == "23505":
        return _problem(409, "conflict", "Something with the same key is already there.")
    return _unforeseen(exc, place)


def _unforeseen(exc: Exception, place: str) -> Problem:
    incident = log_incident(exc, place=place)
    detail = f"Something went wrong here; nothing was changed. Quote the incident number {incident} to the operator."
    return _problem(500, "unforeseen", detail, incident=incident)


def heading_of(problem: Problem) -> str:
    """What a page says above a problem; programs read the status's own phrase."""
    return HEADINGS.get(problem.status, "There is a problem")


def is_for_programs(request: Request[Any, Any, Any]) -> bool:
    """Whether an answer goes to a program: an address of the API, or a client that asks for JSON and not for HTML."""
    if request.scope["path"].startswith(PROGRAM_PATHS):
        return True
    accepted = request.headers.get("accept", "")
    return "json" in accepted and "html" not in accepted


def problem_response(request: Request[Any, Any, Any], exc: Exception, problem: Problem) -> Response[bytes]:
    """The answer to a program, with the headers that its status asks for."""
    headers: dict[str, str] = {}
    if isinstance(exc, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="muniment"'
    if isinstance(exc, TooManyRequests):
        headers["Retry-After"] = str(exc.retry_after)
    if isinstance(exc, MethodNotAllowedException):
        headers["Allow"] = ", ".join(_methods_of(request))
    return Response(msgspec.json.encode(problem), status_code=problem.status, media_type=PROBLEM_JSON, headers=headers)


def html_response(problem: Problem, exc: Exception, html: str) -> Response[str]:
    """The answer to a person."""
    headers = {"Retry-After": str(exc.retry_after)} if isinstance(exc, TooManyRequests) else {}
    return Response(html, status_code=problem.status, media_type=MediaType.HTML, headers=headers)


def _methods_of(request: Request[Any, Any, Any]) -> list[str]:
    """The methods that the address asked for does take (RFC 9110 section 15.5.6 wants them named)."""
    taken = []
    for method in METHODS:
        try:
            request.app.asgi_router.handle_routing(path=request.scope["path"], method=method)
        except HTTPException:
            continue
        taken.append(method)
    return taken
