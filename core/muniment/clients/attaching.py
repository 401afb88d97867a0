"""Attachments over HTTP: the file is the body, its name is in the address, its type is the body's; on the console a
form sends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, MultipartBody, SkipValidation
from litestar.response import Redirect, Stream

from muniment.accounts.permissions import Caller, Permission
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
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.unit_of_work import needs

__all__ = ["attachment_pages", "attachment_routes"]

TAGS = ["clients"]
FORM = 64 * 1024
"""Bytes of a form beside the file that it sends."""

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Store = NamedDependency[SkipValidation[FileStore]]


class Attached(msgspec.Struct, frozen=True):
    """The key of the file that was stored."""

    id: UUID


@dataclass(frozen=True)
class AttachForm:
    """The fields of the form that adds a file to a record."""

    record: UUID
    attachment: UploadFile


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


@get("/console/clients/{file_id:uuid}/attachments/{attachment_id:uuid}", sync_to_thread=True)
def open_on_page(
    file_id: FromPath[UUID], attachment_id: FromPath[UUID], session: Session, caller: Asker, file_store: Store
) -> Response[Any]:
    """A file of the client on the page, as a download. The reading is an audit event."""
    return _opened(session, caller, file_store, file_id, attachment_id)


@post(
    "/console/clients/{file_id:uuid}/attachments",
    sync_to_thread=True,
    status_code=303,
    opt=needs(Permission.WRITE_CLIENTS),
    request_max_body_size=LARGEST + FORM,
)
def attach_on_page(
    file_id: FromPath[UUID],
    data: MultipartBody[AttachForm],
    session: Session,
    caller: Asker,
    file_store: Store,
    council: NamedDependency[CouncilRef],
) -> Redirect:
    """Store a file with a record on the page."""
    sent = data.attachment
    media_type = sent.content_type.partition(";")[0].strip()
    blocks = iter(lambda: sent.file.read(BLOCK), b"")
    add_attachment(session, caller, file_store, file_id, data.record, sent.filename, media_type, blocks)
    return Redirect(f"/{council.slug}/console/clients/{file_id}#record-{data.record}", status_code=303)


def _opened(
    session: CouncilSession, caller: Caller, store: FileStore, file_id: UUID, attachment_id: UUID
) -> Response[Any]:
    found, content = read_attachment(session, caller, store, file_id, attachment_id)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"}
    return Stream(content, media_type=found.media_type, headers=headers)


def _blocks(upload: Upload) -> Iterator[bytes]:
    while block := upload.read(BLOCK):
        yield block


attachment_pages = [open_on_page, attach_on_page]
attachment_routes = [attach, attached, download, detach]
