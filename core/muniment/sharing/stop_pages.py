"""The console's page of stops: who is given nothing for the time being, placed and ended in one step, in a hurry."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.api.text import say
from muniment.database.session import CouncilSession
from muniment.policy.store import adopted
from muniment.sharing.stopping import NewStop, end_stop, place_stop, stops
from muniment.web.council import CouncilRef
from muniment.web.errors import Fault
from muniment.web.pages import MenuEntry, Page
from muniment.web.unit_of_work import needs

__all__ = ["stop_menu", "stop_pages"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Council = NamedDependency[CouncilRef]
Shown = NamedDependency[Page]
AGREES = needs(Permission.AGREE_SHARING)


class StopForm(msgspec.Struct, frozen=True):
    """The fields of the form that stops a recipient. `whom` is a service and a recipient of it, with a stroke between;
    `body` is left open where a kind of recipient is stopped as a whole."""

    whom: str = ""
    body: str = ""
    reason: str = ""


@get("/console/stops", sync_to_thread=True, opt=needs(Permission.READ_SHARING))
def stops_page(session: Session, caller: Asker, page: Shown, council: Council) -> Response[str]:
    """The stops that stand, and the form that places one."""
    return _stops(session, caller, page, council, StopForm())


@post("/console/stops", sync_to_thread=True, status_code=303, opt=AGREES)
def stop_on_page(
    data: URLEncodedBody[StopForm], session: Session, caller: Asker, page: Shown, council: Council
) -> Response[Any]:
    """Stop a recipient at once, or say what is wrong with the form."""
    try:
        service, _, recipient = data.whom.partition("/")
        if not recipient:
            raise InvalidInput("Choose one.", where="whom")
        body = data.body.strip() or None
        place_stop(session, caller, NewStop(service=service, recipient=recipient, body=body, reason=data.reason))
    except InvalidInput as fault:
        return _stops(session, caller, page, council, data, fault)
    return Redirect(f"/{council.slug}/console/stops", status_code=303)


@post("/console/stops/{stop_id:uuid}", sync_to_thread=True, status_code=303, opt=AGREES)
def end_stop_on_page(stop_id: FromPath[UUID], session: Session, caller: Asker, council: Council) -> Redirect:
    """Let disclosures go on as the policy says."""
    end_stop(session, caller, stop_id)
    return Redirect(f"/{council.slug}/console/stops", status_code=303)


def _stops(
    session: CouncilSession, caller: Caller, page: Page, council: CouncilRef, asked: StopForm,
    fault: InvalidInput | None = None,
) -> Response[str]:  # fmt: skip
    may = partial(caller.allows, Permission.AGREE_SHARING)
    choices = [
        (f"{slug}/{one.id}", f"{say(service.service.title, council.language)}: {say(one.title, council.language)}")
        for slug, service in adopted(session).services.items()
        if may(slug)
        for one in service.recipients.recipients
    ]
    return page.render(
        "sharing/stops.html", caller=caller, status=fault.status if fault else 200,
        faults=[Fault(fault.where, str(fault))] if fault else [], stops=stops(session, caller), asked=asked,
        choices=choices, may_agree=may,
    )  # fmt: skip


stop_menu = [MenuEntry("stops", "Stops", Permission.READ_SHARING)]
stop_pages = [stops_page, stop_on_page, end_stop_on_page]
