"""What an officer does for one client's records, over the API and on the client's page: keeping longer, reviewing."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation, URLEncodedBody
from litestar.response import Redirect
from msgspec import Meta

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.clients.files import open_file
from muniment.clients.locks import service_of
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.plugins.manager import Plugins
from muniment.retention.clocks.extending import (
    ExtensionView,
    NewExtension,
    extend,
    extensions,
    withdraw_extension,
)
from muniment.retention.clocks.reviewing import ReviewDue, note_review, reviews_due
from muniment.retention.explain import Explanation, explain, facade_in_force
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, Listing
from muniment.web.errors import Fault
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["beside_file", "file_pages", "file_routes"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
OnceOnly = NamedDependency[Once]
Installed = NamedDependency[SkipValidation[Plugins]]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
HOLDS = needs(Permission.HOLD_RECORDS)


class Withdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an extension ends before its day, without personal data."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class Reviewed(msgspec.Struct, frozen=True):
    """The day of the next review; null where none comes before the record's last day."""

    review_on: date | None


class ExtendForm(msgspec.Struct, frozen=True):
    """The fields of the form that keeps a client's records longer."""

    until: str = ""
    reason: str = ""
    authoriser: str = ""


class WithdrawForm(msgspec.Struct, frozen=True):
    """The fields of the form that ends an extension."""

    reason: str


@get("/records/{record_id:uuid}/retention", sync_to_thread=True, tags=TAGS)
def why(record_id: FromPath[UUID], session: Session, caller: Asker, plugins: Installed) -> Explanation:
    """Why a record (or register) is kept until when, and what stands in the way. The reading is an audit event."""
    return explain(session, caller, record_id, facade_in_force(session, plugins))


@get("/clients/{file_id:uuid}/extensions", sync_to_thread=True, tags=TAGS)
def standing_extensions(file_id: FromPath[UUID], session: Session, caller: Asker) -> Listing[ExtensionView]:
    """The extensions of a client file that stand. Reading them is reading the file: an audit event."""
    open_file(session, caller, file_id)
    return Listing(list(extensions(session, caller, file_id)))


@post("/clients/{file_id:uuid}/extensions", sync_to_thread=True, tags=TAGS, opt=HOLDS)
def extend_file(
    file_id: FromPath[UUID], data: JSONBody[NewExtension], session: Session, caller: Asker, once: OnceOnly
) -> Response[Any]:
    """Keep the records of one client, or one of them, until a day. It only ever lengthens."""
    return once.making(lambda: extend(session, caller, file_id, data))


@post("/extensions/{extension_id:uuid}/withdraw", sync_to_thread=True, status_code=204, tags=TAGS, opt=HOLDS)
def withdraw(extension_id: FromPath[UUID], data: JSONBody[Withdrawal], session: Session, caller: Asker) -> None:
    """End an extension before its day."""
    withdraw_extension(session, caller, extension_id, data.reason)


@get("/retention/reviews", sync_to_thread=True, tags=TAGS)
def due_reviews(session: Session, caller: Asker, limit: Limit = 100) -> Listing[ReviewDue]:
    """The records that are to be looked at again by today, the longest due first."""
    return Listing(list(reviews_due(session, caller, limit)))


@post("/records/{record_id:uuid}/reviews", sync_to_thread=True, status_code=200, tags=TAGS)
def review_noted(record_id: FromPath[UUID], session: Session, caller: Asker) -> Reviewed:
    """Note that a record was reviewed today and is still needed."""
    return Reviewed(note_review(session, caller, record_id))


@get("/console/clients/{file_id:uuid}/extensions", sync_to_thread=True)
def extend_page(file_id: FromPath[UUID], session: Session, caller: Asker, page: NamedDependency[Page]) -> Response[str]:
    """The form that keeps all records of a client longer."""
    service = service_of(session, file_id)
    if service is None or not caller.allows(Permission.READ_RETENTION, service):
        raise NotFound("There is no such client file.")
    caller.require(Permission.HOLD_RECORDS, service)
    return page.render("retention/extend.html", caller=caller, file_id=file_id, asked=ExtendForm(), faults=[])


@post("/console/clients/{file_id:uuid}/extensions", sync_to_thread=True, status_code=303, opt=HOLDS)
def extend_on_page(
    file_id: FromPath[UUID],
    data: URLEncodedBody[ExtendForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    page: NamedDependency[Page],
) -> Response[Any]:
    """Keep all records of a client until a day and show its file, or say what is wrong with the form."""
    try:
        new = NewExtension(until=_day(data.until.strip()), reason=data.reason, authoriser=data.authoriser)
        extend(session, caller, file_id, new)
    except InvalidInput as fault:
        faults = [Fault(fault.where, str(fault))]
        return page.render(
            "retention/extend.html", caller=caller, status=fault.status, file_id=file_id, asked=data, faults=faults
        )
    return Redirect(f"/{council.slug}/console/clients/{file_id}", status_code=303)


@post("/console/extensions/{extension_id:uuid}", sync_to_thread=True, status_code=303, opt=HOLDS)
def withdraw_on_page(
    extension_id: FromPath[UUID],
    data: URLEncodedBody[WithdrawForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
) -> Redirect:
    """End an extension of the client on the page."""
    file_id = withdraw_extension(session, caller, extension_id, data.reason)
    return Redirect(f"/{council.slug}/console/clients/{file_id}", status_code=303)


def beside_file(session: CouncilSession, caller: Caller, file_id: UUID, page: Page) -> str:
    """Below a client's file: who decided to keep its records longer, and the forms to do so and to end it."""
    service = service_of(session, file_id)
    if service is None or not caller.allows(Permission.READ_RETENTION, service):
        return ""
    return page.text(
        "retention/keeping.html",
        caller,
        file_id=file_id,
        extensions=extensions(session, caller, file_id),
        may_extend=caller.allows(Permission.HOLD_RECORDS, service),
    )


def _day(written: str) -> date:
    try:
        return parse_date(written, "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where="until") from None


file_routes = [why, standing_extensions, extend_file, withdraw, due_reviews, review_noted]
file_pages = [extend_page, extend_on_page, withdraw_on_page]
