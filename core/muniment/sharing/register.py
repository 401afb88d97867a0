"""Looking into the register of disclosures: by client, by recipient, by period. Looking is an audit event.

By client it answers UK GDPR Art 15(1)(c): to whom exactly which of their data were given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, select, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context
from muniment.clients.locks import NO_FILE, service_asked
from muniment.consent.acts import recipient_key
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.sharing.extracting import payload_keys
from muniment.sharing.tables import DisclosureLine
from muniment.web.cursors import Listing, decode_cursor, page_of

__all__ = [
    "MOST", "ClientInDisclosure", "DisclosureView", "Looked", "clients_in", "is_payload", "search_register",
    "view_disclosure",
]  # fmt: skip

MOST = 200
NO_DISCLOSURE = "There is no such disclosure."

LINE = table_of(DisclosureLine)


class Looked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is looked for; all that is given must fit. `recipient` is a key as in the register (`employers/works`), the
    body's name as anybody writes it; days are inclusive, in London; `client` is a file; `reference` is what a recipient
    was given a client's data under (`our-reference`). `after` is the `next` of the page before."""

    service: str | None = None
    client: UUID | None = None
    reference: UUID | None = None
    recipient: str | None = None
    purpose: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    refused: bool | None = None
    limit: int = 50
    after: str | None = None


class DisclosureView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the register. With a client or a reference asked for, `reference` and `fields` are what left about that
    client, whose file is `client` while there is one, and `rules` what spoke against it where it was refused; without,
    `fields` are those asked for.

    `rests_on` is the article and `basis` the id of the basis that the policy declares; `condition_met`:
    who gave it confirmed the condition that the policy sets for this recipient. `given` and `refused` count clients.
    `sha256` is of the export, in hexadecimal.
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
    basis: str | None
    condition_met: bool
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
    client: UUID | None = None
    reference: UUID | None = None
    rules: tuple[str, ...] = ()


class ClientInDisclosure(msgspec.Struct, frozen=True, kw_only=True):
    """One client of one act. `client` is null once the file has gone. Of whom something was given, `reference` is the
    key that the recipient has it under and `fields` what left; of whom nothing was, `rules` are what spoke against it.
    """

    client: UUID | None
    reference: UUID | None
    fields: tuple[str, ...]
    rules: tuple[str, ...]


_ABOUT_CLIENT = ("client", "fields", "reference", "rules")
_COLUMNS = ", ".join(f"d.{name}" for name in DisclosureView.__struct_fields__ if name not in _ABOUT_CLIENT)
ALL = f"select {_COLUMNS}, d.fields from disclosure d where d.council_id = :council_id"  # noqa: S608 - our own columns
OF_CLIENT = (
    f"select {_COLUMNS}, coalesce(nullif(l.fields, '{{}}'), d.fields) as fields, l.id as reference,"  # noqa: S608
    " coalesce(l.file_id, r.file_id) as client,"
    " coalesce(r.rules, '{}') as rules from disclosure d"
    " left join disclosure_line l"
    " on l.council_id = d.council_id and l.disclosure_id = d.id and l.file_id = :client"
    " left join disclosure_refusal r on r.council_id = d.council_id and r.disclosure_id = d.id and r.file_id = :client"
    " where d.council_id = :council_id"
)
OF_REFERENCE = (
    f"select {_COLUMNS}, l.fields, l.id as reference, l.file_id as client from disclosure d"  # noqa: S608
    " join disclosure_line l on l.council_id = d.council_id and l.disclosure_id = d.id and l.id = :reference"
    " where d.council_id = :council_id"
)
CONDITIONS = {
    "reference": "d.id = (select disclosure_id from disclosure_line where council_id = :council_id"
    " and id = :reference)",
    "client": "d.id in (select disclosure_id from disclosure_line where council_id = :council_id and file_id = :client"
    " union all select disclosure_id from disclosure_refusal where council_id = :council_id and file_id = :client)",
    "service": "d.service = :service",
    "services": "d.service = any(:services)",
    "recipient": "d.recipient = :recipient",
    "purpose": "d.purpose = :purpose",
    "first_day": "d.decided_on >= :first_day",
    "last_day": "d.decided_on <= :last_day",
    "refused": "case when :refused then d.refused else d.given end > 0",
    "after": "(d.at, d.id) < (:after, :after_id)",
}
"""What narrows a search, by what is asked for."""
_ONE = text(f"{ALL} and d.id = :id")
_CLIENTS = text(
    "select * from ("
    " select 0 as part, id, file_id as client, id as reference, fields, cast('{}' as text[]) as rules"
    " from disclosure_line where council_id = :council_id and disclosure_id = :disclosure_id"
    " union all select 1, id, file_id, null, '{}', rules"
    " from disclosure_refusal where council_id = :council_id and disclosure_id = :disclosure_id"
    ") as each where (part, id) > (:part, :after) order by part, id limit :limit"
)
_FIRST = (-1, UUID(int=0))


def search_register(session: CouncilSession, caller: Caller, looked: Looked) -> Listing[DisclosureView]:
    """The disclosures and refusals that fit and that the caller may see, the newest first.

    Raises `Forbidden`, `InvalidInput`, `NotFound` for a client whose file is not there for the caller.
    """
    services = caller.require_somewhere(Permission.READ_SHARING)
    if not 1 <= looked.limit <= MOST:
        raise InvalidInput(f"A page has 1 to {MOST} lines.", where="limit")
    asked = {name: value for name in CONDITIONS if (value := getattr(looked, name, None)) is not None}
    if looked.recipient is not None:
        asked["recipient"] = recipient_key(*looked.recipient.split("/", 1))
    if services is not None:
        asked["services"] = sorted(services)
    if looked.after is not None:
        asked["after"], asked["after_id"] = decode_cursor(looked.after, tuple[datetime, UUID])
    always = {"council_id": session.council_id, "limit": looked.limit + 1}
    search = _search(frozenset(asked)), asked | always
    if looked.client is None:
        rows = [_view(row) for row in session.ask(*search)]
    else:
        of_file, found = session.ask_together(service_asked(session, looked.client), search)
        if not of_file or not caller.allows(Permission.READ_SHARING, of_file[0].service):
            raise NotFound(NO_FILE)
        rows = [_view(row) for row in found]
    about = looked.client or (rows[0].client if looked.reference is not None and rows else None)
    record(session, AuditEvent.REGISTER_SEARCHED, about, found=min(len(rows), looked.limit))
    return page_of(rows, looked.limit, lambda view: (view.at, view.id))


def view_disclosure(session: CouncilSession, caller: Caller, disclosure_id: UUID) -> DisclosureView:
    """One act of the register, also for who may disclose: what was given is fetched there. Raises `NotFound`,
    `Forbidden`."""
    services = caller.require_somewhere(Permission.READ_SHARING, Permission.DISCLOSE)
    act = _act(session, services, disclosure_id)
    record(session, AuditEvent.REGISTER_SEARCHED, disclosure_id, found=1)
    return _view(act)


def clients_in(
    session: CouncilSession, caller: Caller, disclosure_id: UUID, *, limit: int = 50, after: str | None = None
) -> Listing[ClientInDisclosure]:
    """The clients of one act, those of whom something was given first: whom to tell, say, when its recipient has lost
    it (UK GDPR Arts 33, 34). `after` is the `next` of the page before.

    Raises `NotFound`, `Forbidden` without the right to read the register, `InvalidInput`.
    """
    services = caller.require_somewhere(Permission.READ_SHARING)
    if not 1 <= limit <= MOST:
        raise InvalidInput(f"A page has 1 to {MOST} lines.", where="limit")
    part, last = _FIRST if after is None else decode_cursor(after, tuple[int, UUID])
    _act(session, services, disclosure_id)
    asked = {"disclosure_id": disclosure_id, "part": part, "after": last, "limit": limit + 1}
    rows = session.ask(_CLIENTS, {"council_id": session.council_id, **asked})
    record(session, AuditEvent.REGISTER_SEARCHED, disclosure_id, found=min(len(rows), limit))
    page = page_of(rows, limit, lambda row: (row.part, row.id))
    return Listing([msgspec.convert(row._asdict(), ClientInDisclosure) for row in page.items], page.next)


def is_payload(session: CouncilSession, context: Context, reference: UUID, payload: str) -> bool:
    """Whether a text is, to the byte, what left under a reference. Raises `NotFound` for an unknown one."""
    here = (LINE.c.council_id == session.council_id, LINE.c.id == reference)
    noted = session.scalar(select(LINE.c.payload_hash).where(*here))
    if noted is None:
        raise NotFound(NO_DISCLOSURE)
    keys = payload_keys(context, session.council_id)
    return any(hashlib.sha256(key + payload.encode()).digest() == noted for key in keys)


@lru_cache(maxsize=64)
def _search(asked: frozenset[str]) -> TextClause:
    """The statement for so many of the `CONDITIONS`."""
    found = OF_CLIENT if "client" in asked else OF_REFERENCE if "reference" in asked else ALL
    where = "".join(f" and {condition}" for name, condition in CONDITIONS.items() if name in asked)
    return text(f"{found}{where} order by d.at desc, d.id desc limit :limit")


def _act(session: CouncilSession, services: Collection[str] | None, disclosure_id: UUID) -> Any:
    """The row of one act, if it is of one of these services; None: of any. Raises `NotFound`."""
    rows = session.ask(_ONE, {"council_id": session.council_id, "id": disclosure_id})
    if not rows or (services is not None and rows[0].service not in services):
        raise NotFound(NO_DISCLOSURE)
    return rows[0]


def _view(row: Any) -> DisclosureView:
    return msgspec.convert(row._asdict(), DisclosureView)
