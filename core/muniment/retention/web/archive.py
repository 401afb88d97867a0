"""Packages for an archive, over the API and on the console: what is outstanding, its bytes, the archive's answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation, URLEncodedBody
from litestar.response import Redirect, Stream
from msgspec import Meta

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.retention.disposal.archiving import Package, Standing, packages, read_package, receive, refuse
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, Listing, decode_cursor, page_of
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["archive_pages", "archive_routes"]

TAGS = ["retention"]
ARCHIVES = needs(Permission.ARCHIVE_RECORDS)
SHOWN = 100

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Store = NamedDependency[SkipValidation[FileStore]]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
Words = Annotated[str, Meta(min_length=1, max_length=2000)]


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That the archive has a package: its reference there, and the day on which it was received."""

    reference: Words
    received_on: date


class RefusalOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the archive does not want a package."""

    reason: Words


class ToReview(msgspec.Struct, frozen=True):
    """How many records were put before a reviewer."""

    proposed: int


class AnswerForm(msgspec.Struct, frozen=True):
    """The fields of the console's form: what the archive says, in words, and since when it has the package."""

    outcome: Literal["receive", "refuse"]
    words: str = ""
    received_on: str = ""


@get("/retention/packages", sync_to_thread=True, tags=TAGS)
def all_packages(
    session: Session,
    caller: Asker,
    standing: FromQuery[Standing] = "offered",
    after: FromQuery[str | None] = None,
    limit: Limit = SHOWN,
) -> Listing[Package]:
    """Packages for an archive in a state, the longest offered first; those that are `offered` are outstanding."""
    return _packages(session, caller, standing, after, limit)


@get("/retention/packages/{package_id:uuid}/content", sync_to_thread=True, tags=TAGS)
def package_content(package_id: FromPath[UUID], session: Session, caller: Asker, file_store: Store) -> Response[Any]:
    """The bytes of a package that is outstanding, as a download. The reading is an audit event."""
    return _download(session, caller, file_store, package_id)


@post("/retention/packages/{package_id:uuid}/receipt", sync_to_thread=True, status_code=204, tags=TAGS, opt=ARCHIVES)
def package_received(package_id: FromPath[UUID], data: JSONBody[Receipt], session: Session, caller: Asker) -> None:
    """Confirm that the archive has a package: the next sweep destroys its records."""
    receive(session, caller, package_id, reference=data.reference, received_on=data.received_on)


@post("/retention/packages/{package_id:uuid}/refusal", sync_to_thread=True, status_code=200, tags=TAGS, opt=ARCHIVES)
def package_refused(package_id: FromPath[UUID], data: JSONBody[RefusalOf], session: Session, caller: Asker) -> ToReview:
    """Note that the archive refuses a package: its records are put before a reviewer."""
    return ToReview(refuse(session, caller, package_id, reason=data.reason))


@get("/console/archive", sync_to_thread=True)
def archive_page(
    session: Session, caller: Asker, page: NamedDependency[Page], after: FromQuery[str | None] = None
) -> Response[str]:
    """What is outstanding, with the form that notes the archive's answer for those who may."""
    found = _packages(session, caller, "offered", after, SHOWN)
    return page.render(
        "retention/archive.html",
        caller=caller,
        found=found,
        after=after,
        may_answer=lambda entry: caller.allows(Permission.ARCHIVE_RECORDS, entry.record_class.partition("/")[0]),
    )


@get("/console/archive/{package_id:uuid}/content", sync_to_thread=True)
def content_on_page(package_id: FromPath[UUID], session: Session, caller: Asker, file_store: Store) -> Response[Any]:
    """The bytes of a package, as a download."""
    return _download(session, caller, file_store, package_id)


@post("/console/archive/{package_id:uuid}", sync_to_thread=True, status_code=303, opt=ARCHIVES)
def answer_on_page(
    package_id: FromPath[UUID],
    data: URLEncodedBody[AnswerForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
) -> Redirect:
    """Note what the archive said, and show what is still outstanding."""
    if data.outcome == "refuse":
        refuse(session, caller, package_id, reason=data.words)
    else:
        receive(session, caller, package_id, reference=data.words, received_on=_day(data.received_on.strip()))
    return Redirect(f"/{council.slug}/console/archive", status_code=303)


def _packages(
    session: CouncilSession, caller: Caller, standing: Standing, after: str | None, limit: int
) -> Listing[Package]:
    place = None if after is None else decode_cursor(after, tuple[datetime, UUID])
    found = packages(session, caller, standing=standing, after=place, limit=limit + 1)
    return page_of(found, limit, lambda entry: (entry.offered_at, entry.id))


def _download(session: CouncilSession, caller: Caller, store: FileStore, package_id: UUID) -> Response[Any]:
    content = read_package(session, caller, store, package_id)
    headers = {"Content-Disposition": f'attachment; filename="package-{package_id}.zip"'}
    return Stream(content, media_type="application/zip", headers=headers)


def _day(written: str) -> date:
    try:
        return parse_date(written, "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where="received_on") from None


archive_routes: list[Any] = [all_packages, package_content, package_received, package_refused]
archive_pages: list[Any] = [archive_page, content_on_page, answer_on_page]
