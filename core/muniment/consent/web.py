"""Consents and permissions over the API, each under its own address. Translate and leave."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from litestar.response import Stream

from muniment.accounts.idempotency import Once
from muniment.clients.context import Context
from muniment.consent.acting import NewWithdrawal, record_answer, withdraw
from muniment.consent.acts import CONSENT, PERMISSION, Kind
from muniment.consent.asking import NewAnswer
from muniment.consent.evidence import LARGEST_BODY, read_evidence
from muniment.consent.holdings import Holding, holdings
from muniment.consent.reading import ConsentsView, read_consents
from muniment.consent.receipt import Receipt
from muniment.consent.receipts import hand_out
from muniment.consent.refreshing import ToAsk, to_ask_again
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins
from muniment.web.callers import Caller, Permission
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, SHOWN, Listing, decode_cursor, page_of
from muniment.web.unit_of_work import needs

__all__ = ["api_routes"]

Council = NamedDependency[CouncilRef]
Session = NamedDependency[CouncilSession]
Asks = NamedDependency[Caller]
Keys = NamedDependency[KeyRing]
Installed = NamedDependency[SkipValidation[Plugins]]
Spoken = NamedDependency[SkipValidation[Words]]
Store = NamedDependency[SkipValidation[FileStore]]
OnceOnly = NamedDependency[Once]
RECORDS = needs(Permission.RECORD_CONSENTS)


class Recorded(msgspec.Struct, frozen=True):
    """The key of the event; the receipt goes by it."""

    id: UUID


class WithdrawnView(msgspec.Struct, frozen=True):
    """What a withdrawal came to: the event, whether it is `new` or had been withdrawn already, and what follows, in
    sentences to be read to the person."""

    id: UUID
    new: bool
    follows: tuple[str, ...]


def _routes(kind: Kind, plural: str) -> list[HTTPRouteHandler]:
    """The routes of one kind, under `/clients/{file_id}/{plural}`."""
    place, tags = f"/clients/{{file_id:uuid}}/{plural}", [plural]

    @get(
        place, sync_to_thread=True, tags=tags, operation_id=f"Read{plural.title()}", summary=f"Read a client's {plural}"
    )
    def shown(file_id: FromPath[UUID], session: Session, caller: Asks, words: Spoken) -> ConsentsView:
        """Where each stands, what would follow a withdrawal, and every event. Reading is an audit event."""
        return read_consents(session, caller, words, file_id, kind)

    @post(
        place, sync_to_thread=True, status_code=201, tags=tags, opt=RECORDS, request_max_body_size=LARGEST_BODY,
        operation_id=f"Record{kind.title()}",
        summary=f"Record a {kind} asked for, given, refused or reconfirmed",
    )  # fmt: skip
    def answered(
        file_id: FromPath[UUID], data: JSONBody[NewAnswer], session: Session, caller: Asks, council: Council,
        keys: Keys, plugins: Installed, file_store: Store, once: OnceOnly,
    ) -> Response[Any]:  # fmt: skip
        """Record what the person was asked and answered. Nothing is filled in for them."""
        if (again := once.replay()) is not None:
            return again
        event_id = record_answer(session, caller, Context.of(session, plugins, keys), file_store, file_id, kind, data)
        location = f"/api/v1/councils/{council.slug}/clients/{file_id}/{plural}"
        return once.answer(201, location=location, ids=[event_id], body=Recorded(event_id))

    @post(
        f"{place}/{{purpose:str}}/withdraw", sync_to_thread=True, status_code=200, tags=tags, opt=RECORDS,
        operation_id=f"Withdraw{kind.title()}",
        summary=f"Withdraw a {kind}",
    )  # fmt: skip
    def withdrawn(
        file_id: FromPath[UUID], purpose: FromPath[str], data: JSONBody[NewWithdrawal], session: Session, caller: Asks,
        keys: Keys, plugins: Installed, words: Spoken, once: OnceOnly,
    ) -> Response[Any]:  # fmt: skip
        """Withdraw in one step, for all or some recipients, and hear what follows. Doing it again changes nothing."""
        if (again := once.replay()) is not None:
            return again
        context = Context.of(session, plugins, keys)
        done = withdraw(session, caller, context, file_id, kind, purpose, data)
        language = data.language or context.policy.council.languages[0]
        told = done.follows.said(words, context.policy.council, language)
        return once.answer(200, ids=[done.id], body=WithdrawnView(done.id, done.new, told))

    return [shown, answered, withdrawn]


@get("/clients/{file_id:uuid}/evidence/{evidence_id:uuid}", sync_to_thread=True, tags=["consents"])
def evidence(
    file_id: FromPath[UUID], evidence_id: FromPath[UUID], session: Session, caller: Asks, file_store: Store
) -> Response[Any]:
    """What was handed in with a consent or a permission, as a download. Reading it is an audit event."""
    name, content = read_evidence(session, caller, file_store, file_id, evidence_id)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Stream(content, media_type="application/octet-stream", headers=headers)


@get("/clients/{file_id:uuid}/holdings", sync_to_thread=True, tags=["consents"])
def held(file_id: FromPath[UUID], session: Session, caller: Asks, keys: Keys, plugins: Installed) -> Listing[Holding]:
    """On what each value of a client file is held now, purpose by purpose. Reading it is an audit event."""
    return Listing(list(holdings(session, caller, Context.of(session, plugins, keys), file_id)))


@get("/consents/to-ask-again", sync_to_thread=True, tags=["consents"])
def ask_again(
    session: Session,
    caller: Asks,
    after: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = SHOWN,
) -> Listing[ToAsk]:
    """Consents and permissions that run out within 30 days, have run out, or were overtaken by a new recipient."""
    place = decode_cursor(after, tuple[UUID, UUID]) if after is not None else None
    found = to_ask_again(session, caller, after=place, limit=limit + 1)
    return page_of(found, limit, lambda line: (line.file_id, line.id))


@get("/receipts/{event_id:uuid}", sync_to_thread=True, tags=["consents"])
def receipt(event_id: FromPath[UUID], session: Session, caller: Asks, words: Spoken) -> Receipt:
    """The receipt of an event, as JSON-LD in the form of ISO/IEC TS 27560, also when the client file has gone. Reading
    it is an audit event."""
    return hand_out(session, caller, words, event_id).receipt


@get("/receipts/{event_id:uuid}/page", sync_to_thread=True, tags=["consents"], media_type="text/html")
def receipt_page(event_id: FromPath[UUID], session: Session, caller: Asks, words: Spoken) -> Response[str]:
    """The receipt as a page of its own, with the notice that was shown, for the person to keep and to print."""
    headers = {"Content-Disposition": f'attachment; filename="receipt-{event_id}.html"'}
    html = hand_out(session, caller, words, event_id).html
    return Response(html, media_type=MediaType.HTML, headers=headers)


api_routes = [
    *_routes(CONSENT, "consents"),
    *_routes(PERMISSION, "permissions"),
    evidence,
    held,
    ask_again,
    receipt,
    receipt_page,
]
