"""What must still be destroyed elsewhere, over the API and on the console: listing it, asking systems again."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter, URLEncodedBody
from litestar.response import Redirect
from msgspec import Meta

from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted_or_none
from muniment.retention.disposal.delivering import asked_systems
from muniment.retention.disposal.destruction import AwaitingView, awaiting
from muniment.retention.disposal.outstanding import SystemView, ask_again, systems
from muniment.retention.disposal.paper import destruction_pdf
from muniment.retention.holds.placing import grounds
from muniment.retention.web.outcomes import NOTED
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, SHOWN, Listing, decode_cursor, page_of
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["destruction_pages", "destruction_routes"]

TAGS = ["retention"]
PDF = "application/pdf"
SWEEPS = needs(Permission.SWEEP_RETENTION)

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
Keys = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=1000)]


class ToAskAgain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records whose systems are to be asked again, by key."""

    records: Keys


class AskedAgain(msgspec.Struct, frozen=True):
    """For how many records a system will be asked again."""

    count: int


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
    asked: FromQuery[int] = 0,
    searched: FromQuery[int] = 0,
    lost: FromQuery[int] = 0,
    kept: FromQuery[int] = 0,
) -> Response[str]:
    """What awaits destruction, in other systems and on paper, with what stands in the way."""
    found = _awaited(session, caller, after, SHOWN)
    policy = adopted_or_none(session)
    asks = asked_systems(policy) if policy is not None else frozenset[str]()
    outcomes = [(name, words, needed) for name, (words, needed) in NOTED.items() if needed in caller.grants]
    return page.render(
        "retention/destructions.html",
        caller=caller,
        found=found,
        after=after,
        noted=[
            (confirmed, "confirmed as destroyed"),
            (asked, "of them on paper alone: a system is still asked to erase them"),
            (searched, "noted as not found"),
            (lost, "accepted as lost"),
            (kept, "kept from being destroyed"),
        ],
        grounds=grounds(session, caller),
        in_systems=[entry for entry in found.items if entry.system],
        by_hand=[entry for entry in found.items if entry.by_hand],
        is_asked=lambda entry: f"{_service(entry)}/{entry.system}" in asks,
        systems=systems(session, caller),
        outcomes=outcomes,
        may_note=lambda entry: any(caller.allows(each, _service(entry)) for _, _, each in outcomes),
        may_ask=lambda entry: caller.allows(Permission.SWEEP_RETENTION, _service(entry)),
    )


@get("/console/destructions/list", sync_to_thread=True, media_type=PDF)
def list_on_page(session: Session, caller: Asker) -> Response[bytes]:
    """The list for the person with the shredder, to print."""
    return _printed(session, caller)


@post("/console/destructions/repeats", sync_to_thread=True, status_code=303, opt=SWEEPS)
def repeat_on_page(
    data: URLEncodedBody[AgainForm], session: Session, caller: Asker, council: NamedDependency[CouncilRef]
) -> Redirect:
    """Have a system asked again for a record on the page."""
    ask_again(session, caller, [data.record])
    return Redirect(f"/{council.slug}/console/destructions", status_code=303)


def _service(entry: AwaitingView) -> str:
    return entry.record_class.partition("/")[0]


def _printed(session: CouncilSession, caller: Caller) -> Response[bytes]:
    headers = {"Content-Disposition": 'inline; filename="destruction-list.pdf"'}
    return Response(destruction_pdf(session, caller), media_type=PDF, headers=headers)


def _awaited(session: CouncilSession, caller: Caller, after: str | None, limit: int) -> Listing[AwaitingView]:
    position = None if after is None else decode_cursor(after, tuple[date | None, UUID])
    found = awaiting(session, caller, after=position, limit=limit + 1)
    return page_of(found, limit, lambda entry: (entry.since, entry.id))


destruction_routes = [awaited, list_to_print, repeat, connected]
destruction_pages = [destructions_page, list_on_page, repeat_on_page]
