"""Looking into the register of disclosures: by client, by recipient, by period. Looking is an audit event.

By client it answers UK GDPR Art 15(1)(c): to whom exactly which of their data were given.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select, tuple_

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context
from muniment.clients.facts import FILE
from muniment.clients.locks import NO_FILE
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.sharing.extracting import payload_keys
from muniment.sharing.tables import Disclosure, DisclosureLine, Refusal
from muniment.web.cursors import Listing, decode_cursor, page_of

__all__ = ["MOST", "DisclosureView", "Looked", "is_payload", "search_register", "service_of", "view_disclosure"]

MOST = 200
NO_DISCLOSURE = "There is no such disclosure."

DISCLOSURE = table_of(Disclosure)
LINE = table_of(DisclosureLine)
REFUSAL = table_of(Refusal)


class Looked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is looked for; all that is given must fit. `recipient` is a key as in the register (`employers/works`);
    days are inclusive, in London; `client` is a file. `after` is the `next` of the page before."""

    service: str | None = None
    client: UUID | None = None
    recipient: str | None = None
    purpose: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    refused: bool | None = None
    limit: int = 50
    after: str | None = None


class DisclosureView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the register. With a client asked for, `reference` and `fields` are what left about that client, and
    `rules` what spoke against it where it was refused; without, `fields` are those asked for.

    `given` and `refused` count clients. `sha256` is of the export, in hexadecimal.
    """

    id: UUID
    at: datetime
    service: str
    recipient: str
    named: str
    purpose: str
    fields: tuple[str, ...]
    data_set: str | None
    rests_on: str | None
    exception: str | None
    request_id: UUID | None
    batch_id: UUID | None
    means: str
    policy_hash: str
    actor_kind: str | None
    actor_id: UUID | None
    given: int
    refused: int
    media_type: str | None
    sha256: str | None
    reference: UUID | None = None
    rules: tuple[str, ...] = ()


def search_register(session: CouncilSession, caller: Caller, looked: Looked) -> Listing[DisclosureView]:
    """The disclosures and refusals that fit and that the caller may see, the newest first.

    Raises `Forbidden`, `InvalidInput`, `NotFound` for a client whose file is not there for the caller.
    """
    services = caller.require_somewhere(Permission.READ_SHARING)
    if not 1 <= looked.limit <= MOST:
        raise InvalidInput(f"A page has 1 to {MOST} lines.", where="limit")
    query = _query(session, looked)
    if services is not None:
        query = query.where(DISCLOSURE.c.service.in_(sorted(services)))
    if looked.client is not None:
        _refuse_unknown(session, caller, looked.client)
    if looked.after is not None:
        query = query.where(
            tuple_(DISCLOSURE.c.at, DISCLOSURE.c.id) < decode_cursor(looked.after, tuple[datetime, UUID])
        )
    order = (DISCLOSURE.c.at.desc(), DISCLOSURE.c.id.desc())
    rows = [_view(row) for row in session.execute(query.order_by(*order).limit(looked.limit + 1))]
    record(session, AuditEvent.REGISTER_SEARCHED, looked.client, found=min(len(rows), looked.limit))
    return page_of(rows, looked.limit, lambda view: (view.at, view.id))


def view_disclosure(session: CouncilSession, caller: Caller, disclosure_id: UUID) -> DisclosureView:
    """One act of the register, also for who may disclose: what was given is fetched there. Raises `NotFound`,
    `Forbidden`."""
    services = caller.require_somewhere(Permission.READ_SHARING, Permission.DISCLOSE)
    here = (DISCLOSURE.c.council_id == session.council_id, DISCLOSURE.c.id == disclosure_id)
    row = session.execute(select(DISCLOSURE).where(*here)).one_or_none()
    if row is None or (services is not None and row.service not in services):
        raise NotFound(NO_DISCLOSURE)
    record(session, AuditEvent.REGISTER_SEARCHED, disclosure_id, found=1)
    return _view(row)


def service_of(session: CouncilSession, file_id: UUID) -> str | None:
    """The service of a client file; None if there is no such file."""
    return session.scalar(select(FILE.c.service).where(FILE.c.council_id == session.council_id, FILE.c.id == file_id))


def is_payload(session: CouncilSession, context: Context, reference: UUID, payload: str) -> bool:
    """Whether a text is, to the byte, what left under a reference. Raises `NotFound` for an unknown one."""
    here = (LINE.c.council_id == session.council_id, LINE.c.id == reference)
    noted = session.scalar(select(LINE.c.payload_hash).where(*here))
    if noted is None:
        raise NotFound(NO_DISCLOSURE)
    keys = payload_keys(context, session.council_id)
    return any(hashlib.sha256(key + payload.encode()).digest() == noted for key in keys)


def _query(session: CouncilSession, looked: Looked) -> Any:
    query = select(DISCLOSURE)
    if looked.client is not None:
        query = select(
            DISCLOSURE, LINE.c.id.label("reference"), LINE.c.fields.label("line_fields"), REFUSAL.c.rules
        ).select_from(
            DISCLOSURE.outerjoin(LINE, _of(LINE, looked.client)).outerjoin(REFUSAL, _of(REFUSAL, looked.client))
        )
        query = query.where(LINE.c.id.is_not(None) | REFUSAL.c.id.is_not(None))
        mine = [
            select(table.c.disclosure_id).where(
                table.c.council_id == session.council_id, table.c.file_id == looked.client
            )
            for table in (LINE, REFUSAL)
        ]
        query = query.where(DISCLOSURE.c.id.in_(mine[0].union_all(mine[1])))
    query = query.where(DISCLOSURE.c.council_id == session.council_id)
    for name in ("service", "recipient", "purpose"):
        if (wanted := getattr(looked, name)) is not None:
            query = query.where(DISCLOSURE.c[name] == wanted)
    if looked.first_day is not None:
        query = query.where(DISCLOSURE.c.decided_on >= looked.first_day)
    if looked.last_day is not None:
        query = query.where(DISCLOSURE.c.decided_on <= looked.last_day)
    if looked.refused is not None:
        query = query.where(DISCLOSURE.c.refused > 0 if looked.refused else DISCLOSURE.c.given > 0)
    return query


def _of(table: Any, client: UUID) -> Any:
    return (
        (table.c.council_id == DISCLOSURE.c.council_id)
        & (table.c.disclosure_id == DISCLOSURE.c.id)
        & (table.c.file_id == client)
    )


def _refuse_unknown(session: CouncilSession, caller: Caller, client: UUID) -> None:
    service = service_of(session, client)
    if service is None or not caller.allows(Permission.READ_SHARING, service):
        raise NotFound(NO_FILE)


def _view(row: Any) -> DisclosureView:
    known = row._mapping
    fields = known.get("line_fields") or row.fields
    names = [name for name in DisclosureView.__struct_fields__ if name not in ("fields", "reference", "rules")]
    return DisclosureView(
        **{name: known[name] for name in names},
        fields=tuple(fields),
        reference=known.get("reference"),
        rules=tuple(known.get("rules") or ()),
    )
