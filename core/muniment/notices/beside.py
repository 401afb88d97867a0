"""What staff see and do about the notices that one client was given: a part of the client's page, and the form that
notes one. An adviser who reads at the gate that a notice is missing puts it right here."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from muniment.api.errors import InvalidInput, NotFound
from muniment.clients.locks import NO_FILE, service_of
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.notices.given import (
    CHANNELS,
    NewGiven,
    called_document,
    called_version,
    earlier_documents,
    give_notice,
    given_to,
)
from muniment.notices.versions import list_versions
from muniment.web.callers import Caller, Permission
from muniment.web.council import CouncilRef
from muniment.web.errors import Fault
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["beside_file", "given_pages"]

Session = NamedDependency[CouncilSession]
Asks = NamedDependency[Caller]
Shell = NamedDependency[Page]
WRITES = needs(Permission.WRITE_CLIENTS)


class GivenForm(msgspec.Struct, frozen=True):
    """The fields of the form that notes a notice given. `shown` is the key of a published version or of an earlier
    document; nothing is chosen beforehand."""

    shown: str = ""
    on: str = ""
    channel: str = ""


def beside_file(session: CouncilSession, caller: Caller, file_id: UUID, page: Page) -> str:
    """Below a client's file: the notices that the person was given, and the way to note another."""
    service = service_of(session, file_id)
    if service is None or not caller.allows(Permission.READ_CLIENTS, service):
        return ""
    may_write = caller.allows(Permission.WRITE_CLIENTS, service)
    given = given_to(session, file_id)
    return page.text("notices/beside.html", caller, file_id=file_id, given=given, may_write=may_write)


@get("/console/clients/{file_id:uuid}/notices", sync_to_thread=True, opt=WRITES)
def given_page(file_id: FromPath[UUID], session: Session, caller: Asks, page: Shell) -> Response[str]:
    """The form that notes which notice a client was given."""
    return _form(session, caller, page, file_id, GivenForm())


@post("/console/clients/{file_id:uuid}/notices", sync_to_thread=True, status_code=303, opt=WRITES)
def give_on_page(
    file_id: FromPath[UUID],
    data: URLEncodedBody[GivenForm],
    session: Session,
    caller: Asks,
    page: Shell,
    council: NamedDependency[CouncilRef],
) -> Response[Any]:
    """Note it and show the client's page, or say what is wrong with the form."""
    try:
        give_notice(session, caller, file_id, _given(data, session))
    except InvalidInput as fault:
        where = "shown" if fault.where == "version" else fault.where
        return _form(session, caller, page, file_id, data, Fault(where, str(fault)))
    return Redirect(f"/{council.slug}/console/clients/{file_id}", status_code=303)


def _form(
    session: CouncilSession, caller: Caller, page: Page, file_id: UUID, asked: GivenForm, *faults: Fault
) -> Response[str]:
    service = service_of(session, file_id)
    if service is None or not caller.allows(Permission.WRITE_CLIENTS, service):
        raise NotFound(NO_FILE)
    shown = [
        *(
            (str(view.id), _of_programme(called_version(view.notice, view.number, view.language), view.programme))
            for view in list_versions(session)
            if service in view.covers
        ),
        *(
            (str(view.id), _of_programme(called_document(view.title, view.version), view.programme))
            for view in earlier_documents(session)
            if view.service == service
        ),
    ]
    return page.render(
        "notices/give.html",
        caller=caller,
        status=InvalidInput.status if faults else 200,
        file_id=file_id,
        asked=asked,
        faults=faults,
        shown=shown,
        channels=[(channel, channel.replace("-", " ")) for channel in CHANNELS],
    )


def _of_programme(called: str, programme: str | None) -> str:
    return called if programme is None else f"{called}, of the programme {programme}"


def _given(form: GivenForm, session: CouncilSession) -> NewGiven:
    """What the form says. Raises `InvalidInput` with the field."""
    try:
        key = UUID(form.shown)
    except ValueError:
        raise InvalidInput("Choose the notice that the person was given.", where="shown") from None
    if form.channel not in CHANNELS:
        raise InvalidInput("Choose how it was given.", where="channel")
    is_document = any(view.id == key for view in earlier_documents(session))
    return NewGiven(
        version=None if is_document else key,
        document=key if is_document else None,
        on=_day(form.on),
        channel=form.channel,
    )


def _day(written: str) -> date:
    try:
        return parse_date(written.strip(), "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2026.", where="on") from None


given_pages = [given_page, give_on_page]
