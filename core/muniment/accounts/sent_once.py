"""A form of the console that is sent twice is taken once: a double click, going back and sending again, a reload.

Every form carries the token of the page that it was shown on (`muniment.web.forms`). Token, address and fields together
are the key of an idempotent write, whose row is inserted in the form's own transaction before anything is done: a
second sending waits for the first, does nothing and leads where the first one led. A form that was changed in between
is another write, and one in which something was wrong leaves no key behind and may be sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from litestar import Request, Response
from litestar.datastructures import UploadFile
from litestar.response import Redirect

from muniment.accounts.idempotency import Once, SentKey
from muniment.accounts.permissions import Caller
from muniment.clock import Clock
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing
from muniment.web.forms import Credentials

__all__ = ["once_sent", "read_fields"]

Fields = Iterable[tuple[str, Any]]
Handle = Callable[[], Response[Any]]


async def read_fields(request: Request[Any, Any, Any]) -> Fields:
    """The provider of `sent_fields`: the fields of a form, and the files that were chosen, in the order they came."""
    return (await request.form()).multi_items()


def once_sent(
    request: Request[Any, Any, Any],
    credentials: Credentials,
    sent_fields: Fields,
    session: CouncilSession,
    caller: Caller,
    keys: KeyRing,
    clock: Clock,
) -> Callable[[Handle], Response[Any]]:
    """The provider of `once_sent`: what a form that does something is taken through.

    A form that comes with a bearer token is a program's, has no page and is done as often as it is sent.
    """
    if not credentials.sent:
        return lambda handle: handle()
    asked = _digest(request.scope["path"], sent_fields)
    once = Once(session, caller, keys, SentKey(f"{credentials.sent} {asked.hex()}", asked), clock.now())

    def take(handle: Handle) -> Response[Any]:
        if (again := once.replay()) is not None:
            return Redirect(again.headers["Location"], status_code=303)
        answer = handle()
        if isinstance(answer, Redirect):
            once.answer(303, location=answer.url)
        else:
            once.forget()
        return answer

    return take


def _digest(path: str, fields: Fields) -> bytes:
    """Of an address and what was filled in; files are left as they were, to be read from their beginning."""
    asked = hashlib.sha256()

    def add(part: bytes) -> None:
        asked.update(len(part).to_bytes(8) + part)

    add(path.encode())
    for name, value in fields:
        add(name.encode())
        if isinstance(value, UploadFile):
            add(value.filename.encode())
            add(hashlib.file_digest(value.file, "sha256").digest())
            value.file.seek(0)
        else:
            add(str(value).encode())
    return asked.digest()
