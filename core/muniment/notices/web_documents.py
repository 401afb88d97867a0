"""Appropriate policy documents over the API and on the staff's pages. Translate and leave."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation, URLEncodedBody
from litestar.response import Redirect
from markupsafe import Markup
from msgspec import Meta

from muniment.accounts.idempotency import Once
from muniment.api.errors import Conflict, InvalidInput
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.notices.documents_due import Due, documents_due
from muniment.notices.policy_documents import (
    Approval,
    PolicyDocumentView,
    approve_document,
    policy_documents,
    prepare_document,
    read_document,
    reject_document,
    withdraw_document,
)
from muniment.notices.words import Words
from muniment.policy.store import adopted
from muniment.web.callers import Caller, Permission
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.errors import Fault
from muniment.web.pages import MenuEntry, Page
from muniment.web.unit_of_work import needs

__all__ = ["document_menu", "document_pages", "document_routes"]

TAGS = ["notices"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Spoken = NamedDependency[SkipValidation[Words]]
PREPARES, APPROVES = needs(Permission.PREPARE_DOCUMENTS), needs(Permission.APPROVE_DOCUMENTS)


class ForCondition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which condition of which service a document is to be prepared for."""

    service: str
    condition: str


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a version is rejected, or taken out of force."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class FullDocument(msgspec.Struct, frozen=True):
    """A version with its frozen text: as JSON, whose SHA-256 is the version's, and as plain text."""

    version: PolicyDocumentView
    document: msgspec.Raw
    text: str


class PrepareForm(msgspec.Struct, frozen=True):
    """The fields of the form that prepares a document."""

    service: str = ""
    condition: str = ""


class ReviewForm(msgspec.Struct, frozen=True):
    """The fields of the form that decides about a version."""

    outcome: str
    in_force_from: str = ""
    in_force_until: str = ""
    review_on: str = ""
    reason: str = ""


@get("/policy-documents", sync_to_thread=True, tags=TAGS)
def listed(session: Session, caller: Asker) -> Listing[PolicyDocumentView]:
    """Every version of every appropriate policy document, by service and condition, the newest first."""
    return Listing(list(policy_documents(session, caller)))


@get("/policy-documents/due", sync_to_thread=True, tags=TAGS)
def due(session: Session, caller: Asker, words: Spoken) -> Listing[Due]:
    """What somebody has to see to: conditions without a document, versions that end, differ or wait."""
    caller.require_somewhere(Permission.READ_POLICY)
    return Listing(list(documents_due(session, adopted(session), words)))


@post("/policy-documents", sync_to_thread=True, tags=TAGS, opt=PREPARES)
def prepare_policy_document(
    data: JSONBody[ForCondition], session: Session, caller: Asker, words: Spoken, once: NamedDependency[Once]
) -> Response[Any]:
    """Prepare the next version for a condition from the adopted policy. Somebody else reviews it."""
    if (again := once.replay()) is not None:
        return again
    view = prepare_document(session, caller, adopted(session), words, data.service, data.condition)
    return once.answer(201, ids=[view.id], body=view)


@get("/policy-documents/{policy_document_id:uuid}", sync_to_thread=True, tags=TAGS)
def read_policy_document(policy_document_id: FromPath[UUID], session: Session, caller: Asker) -> FullDocument:
    """A version with its text, for the Commissioner too (DPA 2018 Sch 1 para 40)."""
    view, rendered = read_document(session, caller, policy_document_id)
    return FullDocument(view, msgspec.Raw(rendered.json), rendered.text)


@post(
    "/policy-documents/{policy_document_id:uuid}/approval", sync_to_thread=True, status_code=200, tags=TAGS,
    opt=APPROVES,
)  # fmt: skip
def approve_policy_document(
    policy_document_id: FromPath[UUID], data: JSONBody[Approval], session: Session, caller: Asker
) -> PolicyDocumentView:
    """Approve a version that somebody else prepared: from its first day on it is in force."""
    return approve_document(session, caller, policy_document_id, data)


@post(
    "/policy-documents/{policy_document_id:uuid}/rejection", sync_to_thread=True, status_code=200, tags=TAGS,
    opt=APPROVES,
)  # fmt: skip
def reject_policy_document(
    policy_document_id: FromPath[UUID], data: JSONBody[Why], session: Session, caller: Asker
) -> PolicyDocumentView:
    """Reject a version that waits for its review."""
    return reject_document(session, caller, policy_document_id, data.reason)


@post(
    "/policy-documents/{policy_document_id:uuid}/withdrawal", sync_to_thread=True, status_code=200, tags=TAGS,
    opt=APPROVES,
)  # fmt: skip
def withdraw_policy_document(
    policy_document_id: FromPath[UUID], data: JSONBody[Why], session: Session, caller: Asker
) -> PolicyDocumentView:
    """Take a version out of force from today on."""
    return withdraw_document(session, caller, adopted(session), policy_document_id, data.reason)


@get("/console/policy-documents", sync_to_thread=True)
def documents_page(session: Session, caller: Asker, page: NamedDependency[Page], words: Spoken) -> Response[str]:
    """The documents there are, and what somebody has to see to."""
    return _list_page(session, caller, page, words)


@post("/console/policy-documents", sync_to_thread=True, status_code=303, opt=PREPARES)
def prepare_on_page(
    data: URLEncodedBody[PrepareForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    page: NamedDependency[Page],
    words: Spoken,
) -> Response[Any]:
    """Prepare a version and show it."""
    try:
        view = prepare_document(session, caller, adopted(session), words, data.service, data.condition)
    except (Conflict, InvalidInput) as error:
        return _list_page(session, caller, page, words, Fault("", str(error)))
    return Redirect(f"/{council.slug}/console/policy-documents/{view.id}", status_code=303)


@get("/console/policy-documents/{policy_document_id:uuid}", sync_to_thread=True)
def document_page(
    policy_document_id: FromPath[UUID], session: Session, caller: Asker, page: NamedDependency[Page]
) -> Response[str]:
    """A version with its text, and the form to decide about it."""
    return _one_page(session, caller, page, policy_document_id)


@post("/console/policy-documents/{policy_document_id:uuid}", sync_to_thread=True, status_code=303, opt=APPROVES)
def review_on_page(
    policy_document_id: FromPath[UUID],
    data: URLEncodedBody[ReviewForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    page: NamedDependency[Page],
) -> Response[Any]:
    """Approve, reject or withdraw, or say what is wrong with the form."""
    try:
        match data.outcome:
            case "approve":
                review_on = _day(data.review_on, "review_on")
                if review_on is None:
                    raise InvalidInput("Give the day by which it is to be reviewed.", where="review_on")
                approval = Approval(
                    review_on=review_on,
                    in_force_from=_day(data.in_force_from, "in_force_from"),
                    in_force_until=_day(data.in_force_until, "in_force_until"),
                )
                approve_document(session, caller, policy_document_id, approval)
            case "reject":
                reject_document(session, caller, policy_document_id, data.reason)
            case "withdraw":
                withdraw_document(session, caller, adopted(session), policy_document_id, data.reason)
            case _:
                raise InvalidInput("Choose what becomes of it.", where="outcome")
    except InvalidInput as error:
        return _one_page(session, caller, page, policy_document_id, Fault(error.where, str(error)))
    return Redirect(f"/{council.slug}/console/policy-documents/{policy_document_id}", status_code=303)


def _list_page(session: CouncilSession, caller: Caller, page: Page, words: Words, *faults: Fault) -> Response[str]:
    return page.render(
        "notices/policy_documents.html",
        caller=caller,
        status=InvalidInput.status if faults else 200,
        found=policy_documents(session, caller),
        due=documents_due(session, adopted(session), words),
        may_prepare=lambda service: caller.allows(Permission.PREPARE_DOCUMENTS, service),
        faults=list(faults),
    )


def _one_page(session: CouncilSession, caller: Caller, page: Page, document_id: UUID, *faults: Fault) -> Response[str]:
    view, rendered = read_document(session, caller, document_id)
    return page.render(
        "notices/policy_document.html",
        caller=caller,
        status=InvalidInput.status if faults else 200,
        version=view,
        article=Markup(rendered.html),  # noqa: S704  # escaped when it was frozen
        may_review=caller.allows(Permission.APPROVE_DOCUMENTS, view.service),
        faults=list(faults),
    )


def _day(written: str, where: str) -> date | None:
    if not written.strip():
        return None
    try:
        return parse_date(written.strip(), "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where=where) from None


document_routes = [
    listed,
    due,
    prepare_policy_document,
    read_policy_document,
    approve_policy_document,
    reject_policy_document,
    withdraw_policy_document,
]
document_pages = [documents_page, prepare_on_page, document_page, review_on_page]
document_menu = [MenuEntry("policy-documents", "Policy documents", Permission.READ_POLICY)]
