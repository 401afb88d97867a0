"""Attachments over HTTP: the file is the body, its name is in the address, its type is the body's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, SkipValidation
from litestar.response import Stream

from muniment.accounts.permissions import Caller
from muniment.clients.attachments import (
    LARGEST,
    AttachmentView,
    add_attachment,
    attachments,
    read_attachment,
    remove_attachment,
)
from muniment.clients.limits import Exception18
from muniment.clients.uploads import BLOCK, Upload, read_upload
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.web.cursors import Listing

__all__ = ["attachment_routes"]

TAGS = ["clients"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Store = NamedDependency[SkipValidation[FileStore]]


class Attached(msgspec.Struct, frozen=True):
    """The key of the file that was stored."""

    id: UUID


@post(
    "/clients/{file_id:uuid}/records/{record_id:uuid}/attachments",
    sync_to_thread=True,
    tags=TAGS,
    request_max_body_size=LARGEST + 1,
    dependencies={"upload": Provide(read_upload)},
)
def attach(
    file_id: FromPath[UUID],
    record_id: FromPath[UUID],
    upload: NamedDependency[SkipValidation[Upload]],
    request: Request[Any, Any, Any],
    session: Session,
    caller: Asker,
    file_store: Store,
    name: FromQuery[str] = "attachment",
) -> Attached:
    """Store a file with a record. It is kept as long as the record, and goes with it."""
    with upload:
        media_type = request.content_type[0]
        return Attached(
            add_attachment(session, caller, file_store, file_id, record_id, name, media_type, _blocks(upload))
        )


@get("/clients/{file_id:uuid}/attachments", sync_to_thread=True, tags=TAGS)
def attached(
    file_id: FromPath[UUID], session: Session, caller: Asker, exception: FromQuery[Exception18 | None] = None
) -> Listing[AttachmentView]:
    """The files of all records of a client file. Reading them is reading the file: an audit event."""
    return Listing(list(attachments(session, caller, file_id, exception)))


@get("/clients/{file_id:uuid}/attachments/{attachment_id:uuid}", sync_to_thread=True, tags=TAGS)
def download(
    file_id: FromPath[UUID],
    attachment_id: FromPath[UUID],
    session: Session,
    caller: Asker,
    file_store: Store,
    exception: FromQuery[Exception18 | None] = None,
) -> Response[Any]:
    """The bytes of a file, as a download. The reading is an audit event."""
    found, content = read_attachment(session, caller, file_store, file_id, attachment_id, exception)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"}
    return Stream(content, media_type=found.media_type, headers=headers)


@delete("/clients/{file_id:uuid}/attachments/{attachment_id:uuid}", sync_to_thread=True, tags=TAGS)
def detach(file_id: FromPath[UUID], attachment_id: FromPath[UUID], session: Session, caller: Asker) -> None:
    """Remove a file from its record for good."""
    remove_attachment(session, caller, file_id, attachment_id)


def _blocks(upload: Upload) -> Iterator[bytes]:
    while block := upload.read(BLOCK):
        yield block


attachment_routes = [attach, attached, download, detach]
