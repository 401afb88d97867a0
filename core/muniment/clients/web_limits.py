"""Restriction and objection over the API and on the staff's pages: placing, deciding, lifting. Translate and leave."""

from __future__ import annotations

from typing import Any, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, URLEncodedBody
from litestar.response import Redirect

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, InvalidInput
from muniment.api.text import say
from muniment.clients.limiting import (
    PREVAILS,
    Lifting,
    LimitDecision,
    NewLimit,
    Outcome,
    all_limits,
    decide_objection,
    file_of,
    lift_limit,
    place_limit,
)
from muniment.clients.limits import GROUNDS, LimitView
from muniment.clients.locks import service_of
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.errors import Fault
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["limit_pages", "limit_routes"]

TAGS = ["clients"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
RESTRICTS = needs(Permission.RESTRICT_CLIENTS)


class PlaceForm(msgspec.Struct, frozen=True):
    """The fields of the form that places a restriction or an objection; `purpose` is empty for every use."""

    ground: str = ""
    purpose: str = ""


class EndForm(msgspec.Struct, frozen=True):
    """The fields of the form that decides an objection or lifts what stands: `outcome` says which."""

    outcome: str
    told_on: str = ""
    because: str = ""
    reason: str = ""


@get("/clients/{file_id:uuid}/limits", sync_to_thread=True, tags=TAGS)
def limits_of_file(file_id: FromPath[UUID], session: Session, caller: Asker) -> Listing[LimitView]:
    """Every restriction and objection of a client file, those that have ended too. Reading them is an audit event."""
    return Listing(list(all_limits(session, caller, file_id)))


@post("/clients/{file_id:uuid}/limits", sync_to_thread=True, tags=TAGS, opt=RESTRICTS)
def limit(
    file_id: FromPath[UUID], data: JSONBody[NewLimit], session: Session, caller: Asker, once: NamedDependency[Once]
) -> Response[Any]:
    """Place a restriction (UK GDPR Art 18) or an objection (Art 21) on a client file."""
    return once.making(lambda: place_limit(session, caller, file_id, data))


@post("/limits/{limit_id:uuid}/decision", sync_to_thread=True, status_code=204, tags=TAGS, opt=RESTRICTS)
def decide_limit(limit_id: FromPath[UUID], data: JSONBody[LimitDecision], session: Session, caller: Asker) -> None:
    """Decide an objection. The person is told first (Art 18(3)): say on which day."""
    decide_objection(session, caller, limit_id, data)


@post("/limits/{limit_id:uuid}/lift", sync_to_thread=True, status_code=204, tags=TAGS, opt=RESTRICTS)
def lift(limit_id: FromPath[UUID], data: JSONBody[Lifting], session: Session, caller: Asker) -> None:
    """End a restriction, or an objection that the person takes back. The person is told first (Art 18(3))."""
    lift_limit(session, caller, limit_id, data)


@get("/console/clients/{file_id:uuid}/limits", sync_to_thread=True)
def limits_page(
    file_id: FromPath[UUID],
    session: Session,
    caller: Asker,
    page: NamedDependency[Page],
    council: NamedDependency[CouncilRef],
) -> Response[str]:
    """What stands on a client file and what ended, with the forms to place, decide and lift."""
    return _page(session, caller, page, council, file_id, PlaceForm())


@post("/console/clients/{file_id:uuid}/limits", sync_to_thread=True, status_code=303, opt=RESTRICTS)
def limit_on_page(
    file_id: FromPath[UUID],
    data: URLEncodedBody[PlaceForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    page: NamedDependency[Page],
) -> Response[Any]:
    """Place one and show the page again, or say what is wrong with the form."""
    try:
        if data.ground not in GROUNDS:
            raise InvalidInput("Choose the provision that it rests on.", where="ground")
        new = {"ground": data.ground, "purposes": [data.purpose] if data.purpose else []}
        place_limit(session, caller, file_id, msgspec.convert(new, NewLimit))
    except (InvalidInput, Conflict) as error:
        return _page(session, caller, page, council, file_id, data, Fault("ground", str(error)))
    return Redirect(f"/{council.slug}/console/clients/{file_id}/limits", status_code=303)


@post("/console/limits/{limit_id:uuid}", sync_to_thread=True, status_code=303, opt=RESTRICTS)
def end_on_page(
    limit_id: FromPath[UUID],
    data: URLEncodedBody[EndForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    page: NamedDependency[Page],
) -> Response[Any]:
    """Decide an objection or lift what stands, or say what is wrong with the form."""
    try:
        told_on = _day(data.told_on.strip())
        if data.outcome == "lifted":
            file_id = lift_limit(session, caller, limit_id, Lifting(told_on=told_on, reason=data.reason))
        elif data.outcome in get_args(Outcome):
            outcome = cast(Outcome, data.outcome)
            because = data.because or None
            decision = LimitDecision(outcome=outcome, told_on=told_on, because=because, reason=data.reason)
            file_id = decide_objection(session, caller, limit_id, decision)
        else:
            raise InvalidInput("Choose what becomes of it.", where="outcome")
    except InvalidInput as error:
        fault = Fault(f"{error.where}-{limit_id}", str(error))
        return _page(session, caller, page, council, file_of(session, limit_id), PlaceForm(), fault)
    return Redirect(f"/{council.slug}/console/clients/{file_id}/limits", status_code=303)


def _page(
    session: CouncilSession,
    caller: Caller,
    page: Page,
    council: CouncilRef,
    file_id: UUID,
    asked: PlaceForm,
    *faults: Fault,
) -> Response[str]:
    limits = all_limits(session, caller, file_id)
    service = cast(str, service_of(session, file_id))
    purposes = {entry.id: say(entry.title, council.language) for entry in
                adopted(session).service(service).purposes.purposes}  # fmt: skip
    return page.render(
        "clients/limits.html",
        caller=caller,
        status=InvalidInput.status if faults else 200,
        file_id=file_id,
        limits=limits,
        grounds=GROUNDS,
        prevails=PREVAILS,
        purposes=purposes,
        may_restrict=caller.allows(Permission.RESTRICT_CLIENTS, service),
        asked=asked,
        faults=list(faults),
    )


def _day(written: str) -> Any:
    try:
        return parse_date(written, "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where="told_on") from None


limit_routes = [limits_of_file, limit, decide_limit, lift]
limit_pages = [limits_page, limit_on_page, end_on_page]
