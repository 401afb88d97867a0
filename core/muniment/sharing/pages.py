"""The staff's pages about one client's data: asking the gate, disclosing, noting a request; and the register.

The lists of agreements, requests and recipients to be told stand in `muniment.sharing.list_pages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, SkipValidation, URLEncodedBody
from litestar.response import Redirect, Stream

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.api.text import say
from muniment.clients.context import Context
from muniment.clients.limits import EXCEPTIONS
from muniment.clients.locks import NO_FILE, service_of
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.policy.model import ServicePolicy
from muniment.policy.special import slots_of
from muniment.policy.store import adopted
from muniment.sharing.deciding import Answer, ask
from muniment.sharing.disclosing import Order, disclose
from muniment.sharing.handing_out import open_export
from muniment.sharing.register import DisclosureView, Looked, clients_in, search_register, view_disclosure
from muniment.sharing.requests import NewRequest, receive_request, requests_about
from muniment.sharing.rules import RULES
from muniment.sharing.terms import IDENTITY
from muniment.sharing.withholding import waits
from muniment.sharing.wording import day_of
from muniment.web.council import CouncilRef
from muniment.web.cursors import SHOWN, Listing
from muniment.web.errors import Fault
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["beside_file", "share_pages"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Council = NamedDependency[CouncilRef]
Shown = NamedDependency[Page]
Keys = NamedDependency[KeyRing]
Installed = NamedDependency[SkipValidation[Plugins]]
Store = NamedDependency[SkipValidation[FileStore]]
DISCLOSES = needs(Permission.DISCLOSE)
READS = needs(Permission.READ_SHARING)

T = TypeVar("T")
PROMISES = {rule.id: rule.speaks_for for rule in RULES}
"""What each rule of the gate asks to be so, in a sentence."""
MEANS = (
    ("json", "As a file in JSON"), ("csv", "As a file in CSV"), ("spoken", "Spoken"), ("on-paper", "On paper"),
    ("by-secure-email", "By secure email"), ("through-their-system", "Through their own system"),
)  # fmt: skip
KINDS = (
    ("one-off", "A request of any other kind"), ("crime", "About a crime or tax (DPA 2018 Sch 2 para 2)"),
    ("legal-proceedings", "For legal proceedings (DPA 2018 Sch 2 para 5)"),
)  # fmt: skip


class ShareForm(msgspec.Struct, frozen=True):
    """The fields of the form that asks and discloses. `act` is the button."""

    act: str = "ask"
    recipient: str = ""
    body: str = ""
    purpose: str = ""
    field: list[str] | str = []  # a form with a single tick sends no list
    request: str = ""
    data_set: str = ""
    exception: str = ""
    condition_met: str = ""
    means: str = "json"


class LookForm(msgspec.Struct, frozen=True):
    """The fields of the form that looks into the register; empty ones were left open. It is sent by POST, so that
    nothing about a client stands in an address. `after` is the place of the page before."""

    client: str = ""
    reference: str = ""
    recipient: str = ""
    first_day: str = ""
    last_day: str = ""
    after: str = ""


class RequestForm(msgspec.Struct, frozen=True):
    """The fields of the form that notes a request."""

    kind: str = "one-off"
    recipient: str = ""
    body: str = ""
    purpose: str = ""
    field: list[str] | str = []
    requester: str = ""
    received_on: str = ""
    reason: str = ""
    necessity: str = ""
    power: str = ""
    signed_off_by: str = ""
    lawful_basis: str = ""
    condition: str = ""
    impact_assessment: str = ""
    officer_view: str = ""
    keeping: str = ""
    security: str = ""


@get("/console/clients/{file_id:uuid}/sharing", sync_to_thread=True, opt=DISCLOSES)
def share_page(
    file_id: FromPath[UUID], session: Session, caller: Asker, page: Shown, council: Council
) -> Response[str]:
    """The form that asks whether something about a client may be given, and to whom."""
    return page.render("sharing/share.html", caller=caller, **_share(session, caller, file_id, council, ShareForm()))


@post("/console/clients/{file_id:uuid}/sharing", sync_to_thread=True, status_code=303, opt=DISCLOSES)
def share_on_page(
    file_id: FromPath[UUID], data: URLEncodedBody[ShareForm], session: Session, caller: Asker, page: Shown,
    council: Council, keys: Keys, plugins: Installed, file_store: Store,
) -> Response[Any]:  # fmt: skip
    """The answer with every reason; or, where it was to be disclosed, what became of it."""
    context = Context.of(session, plugins, keys)
    shown = _share(session, caller, file_id, council, data)
    try:
        order = _order(shown["service"], file_id, data)
        if data.act == "disclose":
            made = disclose(session, caller, context, file_store, order)
            return Redirect(f"/{council.slug}/console/disclosures/{made.id}", status_code=303)
        shown["answer"] = ask(session, caller, context, order)
        status = 200
    except InvalidInput as fault:
        shown["faults"], status = [Fault(fault.where, str(fault))], fault.status
    return page.render("sharing/share.html", caller=caller, status=status, **shown)


@get("/console/clients/{file_id:uuid}/requests", sync_to_thread=True, opt=DISCLOSES)
def request_page(
    file_id: FromPath[UUID], session: Session, caller: Asker, page: Shown, council: Council
) -> Response[str]:
    """The form that notes a request about a client."""
    shown = _about(session, caller, file_id, council, RequestForm())
    return page.render("sharing/request.html", caller=caller, kinds=KINDS, **shown)


@post("/console/clients/{file_id:uuid}/requests", sync_to_thread=True, status_code=303, opt=DISCLOSES)
def request_on_page(
    file_id: FromPath[UUID], data: URLEncodedBody[RequestForm], session: Session, caller: Asker, page: Shown,
    council: Council,
) -> Response[Any]:  # fmt: skip
    """Note a request and go back to the client, or say what is wrong with the form."""
    shown = _about(session, caller, file_id, council, data)
    try:
        receive_request(session, caller, _request(shown["service"], file_id, data))
    except InvalidInput as fault:
        shown["faults"] = [Fault(fault.where, str(fault))]
        return page.render("sharing/request.html", caller=caller, status=fault.status, kinds=KINDS, **shown)
    return Redirect(f"/{council.slug}/console/clients/{file_id}", status_code=303)


@get("/console/disclosures", sync_to_thread=True, opt=READS)
def register_page(session: Session, caller: Asker, page: Shown, after: FromQuery[str | None] = None) -> Response[str]:
    """The register, the newest first."""
    found = search_register(session, caller, Looked(limit=SHOWN, after=after))
    return page.render("sharing/register.html", caller=caller, found=found, after=after, asked=LookForm(), faults=())


@post("/console/disclosures", sync_to_thread=True, status_code=200, opt=READS)
def look_on_page(data: URLEncodedBody[LookForm], session: Session, caller: Asker, page: Shown) -> Response[str]:
    """What was given about a client, to a recipient, or between two days."""
    found, faults, status = Listing[DisclosureView]([]), list[Fault](), 200
    try:
        found = search_register(session, caller, _looked(data))
    except (InvalidInput, NotFound) as fault:
        faults, status = [Fault(getattr(fault, "where", "") or "client", str(fault))], 422
    return page.render(
        "sharing/register.html", caller=caller, status=status, found=found, after=None, asked=data, faults=faults
    )


@get("/console/disclosures/{disclosure_id:uuid}", sync_to_thread=True)
def disclosure_page(
    disclosure_id: FromPath[UUID], session: Session, caller: Asker, page: Shown, after: FromQuery[str | None] = None
) -> Response[str]:
    """One act of the register, whose data it was about, and the way to its file."""
    view = view_disclosure(session, caller, disclosure_id)
    may_fetch, may_read = (
        caller.allows(right, view.service) for right in (Permission.DISCLOSE, Permission.READ_SHARING)
    )
    found = clients_in(session, caller, disclosure_id, limit=SHOWN, after=after) if may_read else None
    return page.render(
        "sharing/disclosed.html", caller=caller, view=view, may_fetch=may_fetch, found=found, after=after,
        promises=PROMISES, waits=may_fetch and waits(session, disclosure_id),
    )  # fmt: skip


@post("/console/disclosures/{disclosure_id:uuid}/export", sync_to_thread=True, status_code=200, opt=DISCLOSES)
def fetch_on_page(
    disclosure_id: FromPath[UUID], session: Session, caller: Asker, keys: Keys, plugins: Installed, file_store: Store
) -> Response[Any]:
    """The file that was made for the recipient, once."""
    opened = open_export(session, caller, Context.of(session, plugins, keys), file_store, disclosure_id)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(opened.name, safe='')}"}
    return Stream(opened.content, media_type=opened.media_type, headers=headers)


def beside_file(session: CouncilSession, caller: Caller, file_id: UUID, page: Page) -> str:
    """Below a client's file: what was given and refused, and the ways to share and to note a request."""
    service = service_of(session, file_id)
    may_read = service is not None and caller.allows(Permission.READ_SHARING, service)
    may_share = service is not None and caller.allows(Permission.DISCLOSE, service)
    if not may_read and not may_share:
        return ""
    given = search_register(session, caller, Looked(client=file_id)).items if may_read else []
    return page.text(
        "sharing/beside.html", caller, file_id=file_id, given=given, promises=PROMISES, may_read=may_read,
        may_share=may_share, requests=requests_about(session, caller, file_id),
    )  # fmt: skip


def _declared(session: CouncilSession, caller: Caller, file_id: UUID) -> ServicePolicy:
    """What the file's service declares. Raises `NotFound` if there is no such file that the caller may give from."""
    service = service_of(session, file_id)
    if service is None or not caller.allows(Permission.DISCLOSE, service):
        raise NotFound(NO_FILE)
    return adopted(session).service(service)


def _about(
    session: CouncilSession, caller: Caller, file_id: UUID, council: CouncilRef, asked: ShareForm | RequestForm
) -> dict[str, Any]:
    """What both forms show: the service's recipients, purposes and fields."""
    declared = _declared(session, caller, file_id)
    language = council.language
    titles = {
        name: f"{say(slot.category.title, language)}: {say(slot.field.title, language)}"
        for name, slot in slots_of(declared).items()
    }
    titles |= {name: f"Identity: {name.replace('-', ' ')}" for name in IDENTITY}
    return {
        "file_id": file_id,
        "service": declared.service.slug,
        "asked": asked,
        "ticked": _ticked(asked.field),
        "faults": [],
        "recipients": [(one.id, say(one.title, language)) for one in declared.recipients.recipients],
        "purposes": [(one.id, say(one.title, language)) for one in declared.purposes.purposes],
        "fields": sorted(titles.items(), key=lambda entry: (entry[0] not in IDENTITY, entry[0])),
        "titles": titles,
    }


def _share(
    session: CouncilSession, caller: Caller, file_id: UUID, council: CouncilRef, asked: ShareForm
) -> dict[str, Any]:
    shown, language = _about(session, caller, file_id, council, asked), council.language
    answer: Answer | None = None
    declared = adopted(session).service(shown["service"]).recipients.recipients
    conditions = [(say(one.title, language), say(one.condition, language)) for one in declared if one.condition]
    data_sets = [say(title, language) for one in declared if one.match for title in one.match.data_sets]
    open_ones = [
        (str(one.id), f"{one.recipient}, received on {one.received_on:%d/%m/%Y}")
        for one in requests_about(session, caller, file_id)
        if one.answerable
    ]
    return {
        **shown, "answer": answer, "requests": open_ones, "means": MEANS, "conditions": conditions,
        "data_sets": data_sets,
        "exceptions": [(code, words.capitalize()) for code, words in EXCEPTIONS.items()],
    }  # fmt: skip


def _looked(form: LookForm) -> Looked:
    """What a form looks for. Raises `InvalidInput`."""
    days = {
        where: day_of(getattr(form, where), where)
        for where in ("first_day", "last_day")
        if getattr(form, where).strip()
    }
    values = {
        "client": form.client.strip(),
        "reference": form.reference.strip(),
        "recipient": form.recipient.strip(),
        "after": form.after,
    }
    try:
        return msgspec.convert(
            {**{name: value for name, value in values.items() if value}, **days, "limit": SHOWN}, Looked
        )
    except msgspec.ValidationError:
        where = "client" if values["client"] else "reference"
        raise InvalidInput("This is not the key of a client file, or a reference.", where=where) from None


def _ticked(field: list[str] | str) -> tuple[str, ...]:
    return (field,) if isinstance(field, str) else tuple(field)


def _order(service: str, file_id: UUID, form: ShareForm) -> Order:
    """What a form asks for. Raises `InvalidInput` where nothing was chosen."""
    for where in ("recipient", "purpose"):
        if not getattr(form, where):
            raise InvalidInput("Choose one.", where=where)
    is_file = form.means in ("json", "csv")
    values: Mapping[str, Any] = {
        "service": service, "recipient": form.recipient, "purpose": form.purpose, "fields": _ticked(form.field),
        "files": (file_id,), "body": form.body.strip() or None, "request": form.request or None,
        "data_set": form.data_set.strip() or None, "exception": form.exception or None,
        "condition_met": bool(form.condition_met), "means": "export" if is_file else form.means,
        "format": form.means if is_file else None,
    }  # fmt: skip
    return _converted(values, Order)


def _request(service: str, file_id: UUID, form: RequestForm) -> NewRequest:
    names = [name for name in RequestForm.__struct_fields__ if name not in ("field", "received_on", "body")]
    values = {name: getattr(form, name) for name in names} | {
        "service": service, "file": file_id, "fields": _ticked(form.field), "body": form.body.strip() or None,
        "received_on": day_of(form.received_on, "received_on"),
    }  # fmt: skip
    return _converted(values, NewRequest)


def _converted(values: Mapping[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError:
        raise InvalidInput(
            "Something chosen is not one of the choices. Load the page again.", where="recipient"
        ) from None


share_pages = [
    share_page, share_on_page, request_page, request_on_page, register_page, look_on_page, disclosure_page,
    fetch_on_page,
]  # fmt: skip
