"""The console's lists of sharing: agreements, requests to decide, recipients to be told of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.api.text import say
from muniment.database.session import CouncilSession
from muniment.policy.model import ServicePolicy
from muniment.policy.store import adopted
from muniment.sharing.agreements import NewAgreement, agreements, end_agreement, make_agreement, review_agreement
from muniment.sharing.notifying import Outcome, notifications, settle
from muniment.sharing.requests import RequestDecision, decide_request, requests
from muniment.sharing.stop_pages import stop_menu, stop_pages
from muniment.sharing.wording import day_of
from muniment.web.council import CouncilRef
from muniment.web.errors import Fault
from muniment.web.pages import MenuEntry, Page
from muniment.web.unit_of_work import needs

__all__ = ["list_pages", "menu"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Council = NamedDependency[CouncilRef]
Shown = NamedDependency[Page]
AGREES = needs(Permission.AGREE_SHARING)
DISCLOSES = needs(Permission.DISCLOSE)
READS = needs(Permission.READ_SHARING)


class AgreementForm(msgspec.Struct, frozen=True):
    """The fields of the form that notes an agreement; lists are separated by semicolons."""

    service: str = ""
    recipient: str = ""
    body: str = ""
    title: str = ""
    parties: str = ""
    purposes: str = ""
    categories: str = ""
    basis: str = ""
    power: str = ""
    from_on: str = ""
    last_day: str = ""
    review_on: str = ""
    agreed_by: str = ""


class ChangeForm(msgspec.Struct, frozen=True):
    """The fields of the form that notes a review, or the end, of an agreement."""

    review_on: str = ""
    because: str = ""


class DecideForm(msgspec.Struct, frozen=True):
    """The fields of the form that decides a request; no field ticked is a refusal."""

    field: list[str] | str = []  # a form with a single tick sends no list
    decided_by: str = ""
    reasons: str = ""
    last_day: str = ""
    telling_reason: str = ""


class ToldForm(msgspec.Struct, frozen=True):
    """The fields of the form that notes how far telling a recipient has come. `outcome` is the button."""

    outcome: str = "sent"
    reason: str = ""


@get("/console/agreements", sync_to_thread=True, opt=READS)
def agreements_page(session: Session, caller: Asker, page: Shown, council: Council) -> Response[str]:
    """The data sharing agreements, and the form that notes one."""
    return _agreements(session, caller, page, council, AgreementForm())


@post("/console/agreements", sync_to_thread=True, status_code=303, opt=AGREES)
def agree_on_page(
    data: URLEncodedBody[AgreementForm], session: Session, caller: Asker, page: Shown, council: Council
) -> Response[Any]:
    """Note an agreement, or say what is wrong with the form."""
    try:
        make_agreement(session, caller, _agreement(data))
    except InvalidInput as fault:
        return _agreements(session, caller, page, council, data, fault)
    return Redirect(f"/{council.slug}/console/agreements", status_code=303)


@post("/console/agreements/{agreement_id:uuid}", sync_to_thread=True, status_code=303, opt=AGREES)
def change_agreement_on_page(
    agreement_id: FromPath[UUID], data: URLEncodedBody[ChangeForm], session: Session, caller: Asker, page: Shown,
    council: Council,
) -> Response[Any]:  # fmt: skip
    """Note the review or the end of an agreement."""
    try:
        if data.because.strip():
            end_agreement(session, caller, agreement_id, data.because)
        else:
            review_agreement(session, caller, agreement_id, day_of(data.review_on, "review_on"))
    except InvalidInput as fault:
        return _agreements(session, caller, page, council, AgreementForm(), InvalidInput(str(fault)))
    return Redirect(f"/{council.slug}/console/agreements", status_code=303)


@get("/console/requests", sync_to_thread=True, opt=READS)
def requests_page(session: Session, caller: Asker, page: Shown, after: FromQuery[str | None] = None) -> Response[str]:
    """One-off requests, the newest first, and the form that decides one."""
    return _requests(session, caller, page, after=after)


@post("/console/requests/{request_id:uuid}", sync_to_thread=True, status_code=303, opt=AGREES)
def decide_on_page(
    request_id: FromPath[UUID], data: URLEncodedBody[DecideForm], session: Session, caller: Asker, page: Shown,
    council: Council,
) -> Response[Any]:  # fmt: skip
    """Decide a request, or say what is wrong with the form."""
    fields = _ticked(data)
    try:
        last_day = day_of(data.last_day, "last_day") if data.last_day.strip() else None
        decision = RequestDecision(
            share=bool(fields), fields=fields, decided_by=data.decided_by, reasons=data.reasons, last_day=last_day,
            person_told=not data.telling_reason.strip(), telling_reason=data.telling_reason,
        )  # fmt: skip
        decide_request(session, caller, request_id, decision)
    except InvalidInput as fault:
        return _requests(session, caller, page, (request_id, data, fault))
    return Redirect(f"/{council.slug}/console/requests", status_code=303)


@get("/console/notifications", sync_to_thread=True)
def notifications_page(
    session: Session, caller: Asker, page: Shown, after: FromQuery[str | None] = None
) -> Response[str]:
    """Recipients to be told of changes, the longest waiting first."""
    found = notifications(session, caller, after=after)
    may_tell = partial(caller.allows, Permission.DISCLOSE)
    return page.render("sharing/notifications.html", caller=caller, found=found, after=after, may_tell=may_tell)


@post("/console/notifications/{notification_id:uuid}", sync_to_thread=True, status_code=303, opt=DISCLOSES)
def told_on_page(
    notification_id: FromPath[UUID], data: URLEncodedBody[ToldForm], session: Session, caller: Asker, council: Council
) -> Redirect:
    """Note that a recipient was told, has acknowledged, or cannot be told."""
    if data.outcome not in ("sent", "acknowledged", "impossible"):
        raise InvalidInput("It was told, has acknowledged, or it is impossible.", where="outcome")
    reason = data.reason if data.outcome == "impossible" else ""
    settle(session, caller, notification_id, cast(Outcome, data.outcome), reason)
    return Redirect(f"/{council.slug}/console/notifications", status_code=303)


def _agreements(
    session: CouncilSession, caller: Caller, page: Page, council: CouncilRef, asked: AgreementForm,
    fault: InvalidInput | None = None,
) -> Response[str]:  # fmt: skip
    may: Callable[[str], bool] = partial(caller.allows, Permission.AGREE_SHARING)
    declared = {slug: service for slug, service in adopted(session).services.items() if may(slug)}
    services = [(slug, say(service.service.title, council.language)) for slug, service in declared.items()]
    return page.render(
        "sharing/agreements.html",
        caller=caller,
        status=fault.status if fault else 200,
        faults=[Fault(fault.where, str(fault))] if fault else [],
        agreements=agreements(session, caller),
        asked=asked,
        services=services,
        may_agree=may,
        may_make=bool(services),
        known=_known(declared.values()),
    )


def _requests(
    session: CouncilSession, caller: Caller, page: Page, wrong: tuple[UUID, DecideForm, InvalidInput] | None = None,
    after: str | None = None,
) -> Response[str]:  # fmt: skip
    """The list; with a form that could not be taken, as it was filled in, and what is wrong with it."""
    request_id, asked, fault = wrong or (None, DecideForm(), None)
    return page.render(
        "sharing/requests.html",
        caller=caller,
        status=fault.status if fault else 200,
        faults=[Fault(f"{fault.where}-{request_id}", str(fault))] if fault else [],
        found=requests(session, caller, after=after),
        after=after,
        wrong=request_id,
        asked=asked,
        ticked=_ticked(asked),
        nothing=DecideForm(),
        may_agree=partial(caller.allows, Permission.AGREE_SHARING),
        may_read=partial(caller.allows, Permission.READ_CLIENTS),
    )


def _known(services: Iterable[ServicePolicy]) -> dict[str, str]:
    """The ids that the fields of the form take, to be read beside each."""
    found: dict[str, dict[str, None]] = {"recipient": {}, "purposes": {}, "categories": {}}
    for service in services:
        found["recipient"] |= dict.fromkeys(one.id for one in service.recipients.recipients)
        found["purposes"] |= dict.fromkeys(one.id for one in service.purposes.purposes)
        found["categories"] |= dict.fromkeys(one.id for one in service.clients.categories)
    return {name: ", ".join(ids) or "none" for name, ids in found.items()}


def _ticked(form: DecideForm) -> tuple[str, ...]:
    return (form.field,) if isinstance(form.field, str) else tuple(form.field)


def _agreement(form: AgreementForm) -> NewAgreement:
    lists = {name: _several(getattr(form, name), name) for name in ("parties", "purposes", "categories")}
    words = {name: getattr(form, name) for name in ("service", "recipient", "title", "basis", "power", "agreed_by")}
    if not form.service:
        raise InvalidInput("Choose one.", where="service")
    values: Mapping[str, Any] = {
        **words, **lists, "body": form.body.strip() or None, "from_on": day_of(form.from_on, "from_on"),
        "last_day": day_of(form.last_day, "last_day") if form.last_day.strip() else None,
        "review_on": day_of(form.review_on, "review_on"),
    }  # fmt: skip
    return NewAgreement(**values)


def _several(written: str, where: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in written.split(";") if part.strip())
    if not found:
        raise InvalidInput("Name at least one.", where=where)
    return found


menu = [
    MenuEntry("disclosures", "Disclosures", Permission.READ_SHARING),
    MenuEntry("requests", "Requests", Permission.READ_SHARING),
    MenuEntry("agreements", "Agreements", Permission.READ_SHARING),
    *stop_menu,
    MenuEntry("notifications", "To tell recipients", Permission.READ_SHARING, Permission.DISCLOSE),
]
list_pages = [
    agreements_page, agree_on_page, change_agreement_on_page, requests_page, decide_on_page, notifications_page,
    told_on_page, *stop_pages,
]  # fmt: skip
