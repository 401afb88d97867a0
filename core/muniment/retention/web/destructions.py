"""What must still be destroyed elsewhere, over the API and on the console: listing it, confirming it, asking again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter, SkipValidation, URLEncodedBody
from litestar.response import Redirect
from msgspec import Meta

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.retention.disposal.destruction import AwaitingView, awaiting, confirm
from muniment.retention.disposal.outstanding import SystemView, ask_again, systems
from muniment.retention.disposal.paper import destruction_pdf
from muniment.retention.evidence.ledger import Ledger
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, SHOWN, Listing, decode_cursor, page_of
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["destruction_pages", "destruction_routes"]

TAGS = ["retention"]
PDF = "application/pdf"
SWEEPS = needs(Permission.SWEEP_RETENTION)

Asker = NamedDependency[Caller]
LedgerFolder = NamedDependency[SkipValidation[Path]]
Session = NamedDependency[CouncilSession]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
Keys = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=1000)]


class Destroyed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Things on paper or in other systems that were destroyed: their records' keys, on which day, and how."""

    records: Keys
    destroyed_on: date
    method: Annotated[str, Meta(min_length=1, max_length=2000)]


class Confirmed(msgspec.Struct, frozen=True):
    """How many destructions were confirmed."""

    count: int


class ToAskAgain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records whose systems are to be asked again, by key."""

    records: Keys


class AskedAgain(msgspec.Struct, frozen=True):
    """For how many records a system will be asked again."""

    count: int


class DestroyedForm(msgspec.Struct, frozen=True):
    """What is ticked on the page as destroyed, on which day and how."""

    destroyed_on: str
    method: str
    record: UUID | list[UUID] = msgspec.field(default_factory=list)


class AgainForm(msgspec.Struct, frozen=True):
    """The field of the form that has a system asked again."""

    record: UUID


@get("/destructions", sync_to_thread=True, tags=TAGS)
def awaited(
    session: Session, caller: Asker, after: FromQuery[str | None] = None, limit: Limit = SHOWN
) -> Listing[AwaitingView]:
    """What was emptied here and must still be destroyed on paper or in another system, the longest waiting first."""
    return _awaited(session, caller, after, limit)


@get("/destructions/list", sync_to_thread=True, tags=TAGS, media_type=PDF)
def list_to_print(session: Session, caller: Asker) -> Response[bytes]:
    """What a person is to destroy, as a PDF to print: by place, with class, key and a line to sign."""
    return _printed(session, caller)


@post("/destructions", sync_to_thread=True, status_code=200, tags=TAGS, opt=SWEEPS)
def confirm_destroyed(
    data: JSONBody[Destroyed], session: Session, caller: Asker, ledger_dir: LedgerFolder
) -> Confirmed:
    """Confirm that things were destroyed: all of those named or none."""
    ledger = Ledger(ledger_dir, session.council_id)
    count = confirm(session, caller, ledger, data.records, destroyed_on=data.destroyed_on, method=data.method)
    return Confirmed(count)


@post("/destructions/repeats", sync_to_thread=True, status_code=200, tags=TAGS, opt=SWEEPS)
def repeat(data: JSONBody[ToAskAgain], session: Session, caller: Asker) -> AskedAgain:
    """Have systems asked again at once for what they refused or put off: all of those named or none."""
    return AskedAgain(ask_again(session, caller, data.records))


@get("/systems", sync_to_thread=True, tags=TAGS)
def connected(session: Session, caller: Asker) -> Listing[SystemView]:
    """How the systems stand that are asked to erase."""
    return Listing(list(systems(session, caller)))


@get("/console/destructions", sync_to_thread=True)
def destructions_page(
    session: Session,
    caller: Asker,
    page: NamedDependency[Page],
    after: FromQuery[str | None] = None,
    confirmed: FromQuery[int] = 0,
) -> Response[str]:
    """What awaits destruction, in other systems and on paper, with what stands in the way."""
    found = _awaited(session, caller, after, SHOWN)
    return page.render(
        "retention/destructions.html",
        caller=caller,
        found=found,
        after=after,
        confirmed=confirmed,
        in_systems=[entry for entry in found.items if entry.system],
        by_hand=[entry for entry in found.items if not entry.system],
        systems=systems(session, caller),
        may_ask=lambda entry: caller.allows(Permission.SWEEP_RETENTION, entry.record_class.partition("/")[0]),
    )


@get("/console/destructions/list", sync_to_thread=True, media_type=PDF)
def list_on_page(session: Session, caller: Asker) -> Response[bytes]:
    """The list for the person with the shredder, to print."""
    return _printed(session, caller)


@post("/console/destructions", sync_to_thread=True, status_code=303, opt=SWEEPS)
def confirm_on_page(
    data: URLEncodedBody[DestroyedForm],
    session: Session,
    caller: Asker,
    ledger_dir: LedgerFolder,
    council: NamedDependency[CouncilRef],
) -> Redirect:
    """Confirm that what is ticked on the page was destroyed: all of it or none."""
    ticked = data.record if isinstance(data.record, list) else [data.record]
    try:
        day = parse_date(data.destroyed_on.strip(), "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where="destroyed_on") from None
    ledger = Ledger(ledger_dir, session.council_id)
    count = confirm(session, caller, ledger, ticked, destroyed_on=day, method=data.method)
    return Redirect(f"/{council.slug}/console/destructions?confirmed={count}", status_code=303)


@post("/console/destructions/repeats", sync_to_thread=True, status_code=303, opt=SWEEPS)
def repeat_on_page(
    data: URLEncodedBody[AgainForm], session: Session, caller: Asker, council: NamedDependency[CouncilRef]
) -> Redirect:
    """Have a system asked again for a record on the page."""
    ask_again(session, caller, [data.record])
    return Redirect(f"/{council.slug}/console/destructions", status_code=303)


def _printed(session: CouncilSession, caller: Caller) -> Response[bytes]:
    headers = {"Content-Disposition": 'inline; filename="destruction-list.pdf"'}
    return Response(destruction_pdf(session, caller), media_type=PDF, headers=headers)


def _awaited(session: CouncilSession, caller: Caller, after: str | None, limit: int) -> Listing[AwaitingView]:
    position = None if after is None else decode_cursor(after, tuple[date | None, UUID])
    found = awaiting(session, caller, after=position, limit=limit + 1)
    return page_of(found, limit, lambda entry: (entry.since, entry.id))


destruction_routes = [awaited, list_to_print, confirm_destroyed, repeat, connected]
destruction_pages = [destructions_page, list_on_page, confirm_on_page, repeat_on_page]
