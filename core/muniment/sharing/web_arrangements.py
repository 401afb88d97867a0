"""Agreements, stops, requests, notifications and results of matching, over the API and in the console's lists."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from litestar.response import Stream
from msgspec import Meta

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.clients.attachments import LARGEST
from muniment.clients.uploads import Upload, read_upload
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.sharing.agreements import (
    AgreementView,
    NewAgreement,
    agreement_document,
    agreements,
    attach_document,
    end_agreement,
    make_agreement,
    review_agreement,
)
from muniment.sharing.matching import MatchView, NewMatch, close_match, matches, receive_match
from muniment.sharing.notifying import NotificationView, Outcome, notifications, settle
from muniment.sharing.requests import (
    NewRequest,
    RequestDecision,
    RequestView,
    decide_request,
    receive_request,
    requests,
)
from muniment.sharing.stopping import NewStop, StopView, end_stop, place_stop, stops
from muniment.web.cursors import MAX_LIMIT, SHOWN, Listing
from muniment.web.unit_of_work import needs

__all__ = ["arrangement_routes"]

TAGS = ["sharing"]

Session = NamedDependency[CouncilSession]
Asker = NamedDependency[Caller]
OnceOnly = NamedDependency[Once]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
Store = NamedDependency[SkipValidation[FileStore]]
AGREES = needs(Permission.AGREE_SHARING)
DISCLOSES = needs(Permission.DISCLOSE)
READS = needs(Permission.READ_SHARING)
MATCHES = needs(Permission.READ_MATCHES)


class NextReview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day to look at an agreement again."""

    review_on: date


class Because(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an agreement ends, without personal data."""

    because: Annotated[str, Meta(min_length=1, max_length=2000)]


class Settled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far telling a recipient has come; `reason` says why it is impossible, without personal data."""

    outcome: Outcome
    reason: Annotated[str, Meta(max_length=2000)] = ""


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of a result."""

    outcome: Literal["no-issue", "error", "fraud"]


@get("/sharing/agreements", sync_to_thread=True, tags=TAGS, opt=READS)
def all_agreements(session: Session, caller: Asker, to_review: FromQuery[bool] = False) -> Listing[AgreementView]:
    """The data sharing agreements, or those to look at within 30 days."""
    return Listing(list(agreements(session, caller, to_review=to_review)))


@post("/sharing/agreements", sync_to_thread=True, tags=TAGS, opt=AGREES)
def new_agreement(data: JSONBody[NewAgreement], session: Session, caller: Asker, once: OnceOnly) -> Response[Any]:
    """Note an agreement: parties, purposes, categories, basis, power, days."""
    return once.making(lambda: make_agreement(session, caller, data))


@post("/sharing/agreements/{agreement_id:uuid}/review", sync_to_thread=True, status_code=204, tags=TAGS, opt=AGREES)
def agreement_reviewed(
    agreement_id: FromPath[UUID], data: JSONBody[NextReview], session: Session, caller: Asker
) -> None:
    """Note that an agreement was looked at, and when to look again."""
    review_agreement(session, caller, agreement_id, data.review_on)


@post("/sharing/agreements/{agreement_id:uuid}/end", sync_to_thread=True, status_code=204, tags=TAGS, opt=AGREES)
def agreement_ended(agreement_id: FromPath[UUID], data: JSONBody[Because], session: Session, caller: Asker) -> None:
    """End an agreement now. Nothing leaves under it afterwards."""
    end_agreement(session, caller, agreement_id, data.because)


@put(
    "/sharing/agreements/{agreement_id:uuid}/document",
    sync_to_thread=True,
    status_code=204,
    tags=TAGS,
    request_max_body_size=LARGEST + 1,
    dependencies={"upload": Provide(read_upload)},
)
def store_document(
    agreement_id: FromPath[UUID],
    upload: NamedDependency[SkipValidation[Upload]],
    request: Request[Any, Any, Any],
    session: Session,
    caller: Asker,
    file_store: Store,
) -> None:
    """Store the signed text of an agreement."""
    with upload:
        attach_document(session, caller, file_store, agreement_id, request.content_type[0], upload.read())


@get("/sharing/agreements/{agreement_id:uuid}/document", sync_to_thread=True, tags=TAGS, opt=READS)
def read_document(agreement_id: FromPath[UUID], session: Session, caller: Asker, file_store: Store) -> Response[Any]:
    """The signed text of an agreement, as a download."""
    found = agreement_document(session, caller, file_store, agreement_id)
    headers = {"Content-Disposition": f"attachment; filename=agreement-{agreement_id}"}
    return Stream(found, media_type="application/octet-stream", headers=headers)


@get("/sharing/stops", sync_to_thread=True, tags=TAGS, opt=READS)
def all_stops(session: Session, caller: Asker) -> Listing[StopView]:
    """The recipients that are given nothing for the time being."""
    return Listing(list(stops(session, caller)))


@post("/sharing/stops", sync_to_thread=True, tags=TAGS, opt=AGREES)
def new_stop(data: JSONBody[NewStop], session: Session, caller: Asker, once: OnceOnly) -> Response[Any]:
    """Stop all disclosures to a recipient at once."""
    return once.making(lambda: place_stop(session, caller, data))


@post("/sharing/stops/{stop_id:uuid}/end", sync_to_thread=True, status_code=204, tags=TAGS, opt=AGREES)
def stop_ended(stop_id: FromPath[UUID], session: Session, caller: Asker) -> None:
    """Let disclosures to a recipient go on as the policy says."""
    end_stop(session, caller, stop_id)


@get("/sharing/requests", sync_to_thread=True, tags=TAGS, opt=READS)
def all_requests(
    session: Session, caller: Asker, open: FromQuery[bool] = False,  # noqa: A002
    limit: Limit = SHOWN, after: FromQuery[str | None] = None,
) -> Listing[RequestView]:  # fmt: skip
    """One-off requests, the newest first; with `open` those not decided yet."""
    return requests(session, caller, open_only=open, limit=limit, after=after)


@post("/sharing/requests", sync_to_thread=True, tags=TAGS, opt=DISCLOSES)
def new_request(data: JSONBody[NewRequest], session: Session, caller: Asker, once: OnceOnly) -> Response[Any]:
    """Note a request to be given data about one person. Nothing is given by it."""
    return once.making(lambda: receive_request(session, caller, data))


@post("/sharing/requests/{request_id:uuid}/decision", sync_to_thread=True, status_code=204, tags=TAGS, opt=AGREES)
def request_decided(
    request_id: FromPath[UUID], data: JSONBody[RequestDecision], session: Session, caller: Asker
) -> None:
    """Decide to share or not, with reasons, once."""
    decide_request(session, caller, request_id, data)


@get("/sharing/notifications", sync_to_thread=True, tags=TAGS)
def all_notifications(
    session: Session, caller: Asker, client: FromQuery[UUID | None] = None, settled: FromQuery[bool] = False,
    limit: Limit = SHOWN, after: FromQuery[str | None] = None,
) -> Listing[NotificationView]:  # fmt: skip
    """Recipients to be told of changes (UK GDPR Art 19) until each has acknowledged."""
    return notifications(session, caller, file_id=client, settled=settled, limit=limit, after=after)


@post(
    "/sharing/notifications/{notification_id:uuid}/outcome", sync_to_thread=True, status_code=204, tags=TAGS,
    opt=DISCLOSES,
)  # fmt: skip
def notification_settled(
    notification_id: FromPath[UUID], data: JSONBody[Settled], session: Session, caller: Asker
) -> None:
    """Note that a recipient was told, has acknowledged, or cannot be told."""
    settle(session, caller, notification_id, data.outcome, data.reason)


@get("/sharing/matches", sync_to_thread=True, tags=TAGS, opt=MATCHES)
def all_matches(
    session: Session, caller: Asker, limit: Limit = SHOWN, after: FromQuery[str | None] = None
) -> Listing[MatchView]:
    """Results of statutory data matching, the newest first. Reading them is an audit event."""
    return matches(session, caller, limit=limit, after=after)


@post("/sharing/matches", sync_to_thread=True, tags=TAGS, opt=MATCHES)
def new_match(data: JSONBody[NewMatch], session: Session, caller: Asker, once: OnceOnly) -> Response[Any]:
    """Note a result that a matching exercise reported back."""
    return once.making(lambda: receive_match(session, caller, data))


@post("/sharing/matches/{match_id:uuid}/close", sync_to_thread=True, status_code=204, tags=TAGS, opt=MATCHES)
def match_closed(match_id: FromPath[UUID], data: JSONBody[Closed], session: Session, caller: Asker) -> None:
    """Note what came of a result."""
    close_match(session, caller, match_id, data.outcome)


arrangement_routes = [
    all_agreements, new_agreement, agreement_reviewed, agreement_ended, store_document, read_document, all_stops,
    new_stop, stop_ended, all_requests, new_request, request_decided, all_notifications, notification_settled,
    all_matches, new_match, match_closed,
]  # fmt: skip
