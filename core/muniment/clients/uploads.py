"""Imports over HTTP: a file is taken, kept encrypted, and imported by a worker; asking for the run tells how it goes.

The body is the CSV itself. It is read to its end before the request takes a place at the database, so that a slow
sender holds up nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotSignedIn
from muniment.clients.importing.actors import IMPORT
from muniment.clients.importing.ledger import RunView, await_run, list_runs, open_run
from muniment.clients.importing.run import find_format
from muniment.clients.pretending import refuse_unmarked
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.policy.store import adopted
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, Listing, decode_cursor, page_of

__all__ = ["LARGEST", "upload_routes"]

LARGEST = 64 * 1024 * 1024
"""Bytes of an uploaded file; larger ones are imported on the host (`muniment client import`)."""

IN_MEMORY = 1024 * 1024
BLOCK = 256 * 1024
TAGS = ["imports"]


class Upload(SpooledTemporaryFile[bytes]):
    """A body that was read. The handler closes it; where the request is refused before that, whoever drops it does."""

    def __del__(self) -> None:
        self.close()


class Waiting(msgspec.Struct, frozen=True):
    """The run that a worker will do."""

    id: UUID


async def read_upload(request: Request[Any, Any, Any]) -> Upload:
    """The dependency `upload`: the body, in memory or in a file without a name. Raises `NotSignedIn` unread where
    nobody says who they are."""
    if "authorization" not in request.headers and "cookie" not in request.headers:
        raise NotSignedIn("Sign in, or send a valid token of this council as a bearer token.")
    spool = Upload(IN_MEMORY)
    async for block in request.stream():
        spool.write(block)
    spool.seek(0)
    return spool


@post(
    "/imports/{service:str}/{source:str}",
    sync_to_thread=True,
    status_code=202,
    tags=TAGS,
    request_max_body_size=LARGEST,
    dependencies={"upload": Provide(read_upload)},
)
def upload_import(
    service: FromPath[str],
    source: FromPath[str],
    upload: NamedDependency[SkipValidation[Upload]],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    council: NamedDependency[CouncilRef],
    file_store: NamedDependency[SkipValidation[FileStore]],
    history: FromQuery[bool] = False,
) -> Response[Waiting]:
    """Import a CSV file, sent as the body, by an import format of the policy. Sending it again changes nothing that is
    there already."""
    with upload:
        caller.require(Permission.IMPORT_CLIENTS, service)
        refuse_unmarked(session.clock, generated=False)
        find_format(adopted(session), service, source)
        stored = file_store.store(session, _blocks(upload), "text/csv")
    run_id = await_run(session, service, source, history, stored)
    session.ring(IMPORT, (council.id,))
    location = f"/api/v1/councils/{council.slug}/imports/{run_id}"
    return Response(Waiting(run_id), status_code=202, headers={"Location": location})


@get("/imports/{run_id:uuid}", sync_to_thread=True, tags=TAGS)
def read_run(
    run_id: FromPath[UUID], session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]
) -> RunView:
    """How an import goes, or what it came to, with its rejects: line, column and code."""
    return open_run(session, caller, run_id)


@get("/imports", sync_to_thread=True, tags=TAGS)
def runs(
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    after: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = 50,
) -> Listing[RunView]:
    """Imports, the newest first, without their rejects."""
    last = None if after is None else decode_cursor(after, tuple[UUID])[0]
    return page_of(list_runs(session, caller, limit + 1, last), limit, lambda run: (run.id,))


def _blocks(upload: Upload) -> Iterator[bytes]:
    empty = True
    while block := upload.read(BLOCK):
        empty = False
        yield block
    if empty:
        raise InvalidInput("The body is empty: send the CSV file as the body.", where="body", code="empty")


upload_routes = [upload_import, read_run, runs]
