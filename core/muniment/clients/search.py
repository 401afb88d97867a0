"""Finding client files by reference, name, date of birth or postcode.

Each of the four is a plain comparison of a stored key that an index serves under row-level security; a test explains
every query as the application role. Pages are cut by key (`name_key`, `id`), so the last of a long list costs what the
first does. A search is an audit event that says how it was asked and how many were shown, never for whom.

A file that is restricted, every use of it, is found and shown as that: with its reference and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, and_, select

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.limits import stands
from muniment.clients.normalise import END, name_key, postcode_key, reference_key
from muniment.clients.tables import ClientFile
from muniment.clients.use import file_in_use
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession

__all__ = ["MOST", "Found", "FoundPage", "Search", "query_of", "search"]

MOST = 100

_SHOWN = (
    ClientFile.id,
    ClientFile.service,
    ClientFile.source,
    ClientFile.reference,
    ClientFile.given_names,
    ClientFile.family_name,
    ClientFile.born_on,
    ClientFile.postcode,
    stands(ClientFile.__table__).label("restricted"),
)


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of the person; all that is given must fit. `family_name` may be its beginning when no given name
    is known; `given_names` are the first of them, or their beginning. `after` is the last file of the page before."""

    reference: str | None = None
    family_name: str | None = None
    given_names: str | None = None
    born_on: date | None = None
    postcode: str | None = None
    service: str | None = None
    limit: int = 20
    after: UUID | None = None


class Found(msgspec.Struct, frozen=True):
    """One line of what was found. Of a file that is `restricted` only the reference is shown."""

    id: UUID
    service: str
    source: str
    reference: str | None
    given_names: str | None
    family_name: str | None
    born_on: date | None
    postcode: str | None
    restricted: bool


class FoundPage(msgspec.Struct, frozen=True):
    """A page of what was found. `next` is the key to send as `after` for the page after it, null at the end."""

    items: list[Found]
    next: UUID | None


def search(session: CouncilSession, caller: Caller, asked: Search) -> FoundPage:
    """The files that fit and that the caller may read, a page at a time.

    Raises `Forbidden`, and `InvalidInput` if nothing or a given name alone is asked for.
    """
    services = caller.require_somewhere(Permission.READ_CLIENTS)
    if asked.service is not None:
        caller.require(Permission.READ_CLIENTS, asked.service)
        services = frozenset({asked.service})
    if not 1 <= asked.limit <= MOST:
        raise InvalidInput(f"A page has 1 to {MOST} files.", where="limit")
    query = query_of(session.council_id, asked)
    if services is not None:
        query = query.where(ClientFile.service.in_(sorted(services)))
    if asked.after is not None:
        last = session.get(ClientFile, (session.council_id, asked.after))
        if last is None:
            raise InvalidInput("The last file of the page before is gone: begin again.", where="after")
        query = query.where(_after(asked, last))
    rows: Sequence[Any] = session.execute(query.limit(asked.limit + 1)).all()
    shown = [_shown(Found(*row)) for row in rows[: asked.limit]]
    record(session, AuditEvent.FILES_SEARCHED, by=_how(asked), found=len(shown))
    return FoundPage(shown, shown[-1].id if len(rows) > asked.limit else None)


def query_of(council_id: UUID, asked: Search) -> Select[*tuple[Any, ...]]:
    """The named query behind a search, in the order of the index that serves it. Raises `InvalidInput`."""
    by = _how(asked).split(" ")
    wanted = select(*_SHOWN).where(ClientFile.council_id == council_id, file_in_use(table_of(ClientFile)))
    if "reference" in by:
        wanted = wanted.where(ClientFile.reference_key == reference_key(asked.reference or ""))
    if "postcode" in by:
        wanted = wanted.where(ClientFile.postcode_key == postcode_key(asked.postcode or ""))
    if "born_on" in by:
        wanted = wanted.where(ClientFile.born_on == asked.born_on)
    if "name" in by:
        prefix = name_key(asked.family_name, asked.given_names)
        wanted = wanted.where(ClientFile.name_key >= prefix, ClientFile.name_key < prefix + END)
    return wanted.order_by(*(ClientFile.__table__.c[name] for name in _order(by)))


def _shown(found: Found) -> Found:
    if not found.restricted:
        return found
    return msgspec.structs.replace(found, given_names=None, family_name=None, born_on=None, postcode=None)


def _how(asked: Search) -> str:
    given = {
        "reference": asked.reference and reference_key(asked.reference),
        "postcode": asked.postcode and postcode_key(asked.postcode),
        "born_on": asked.born_on,
        "name": asked.family_name and name_key(asked.family_name, None),
    }
    by = " ".join(name for name, value in given.items() if value)
    if not by:
        message = "Ask for a reference, a family name, a date of birth or a postcode."
        raise InvalidInput(message, where="family_name", code="nothing-asked")
    if asked.given_names and "name" not in by:
        raise InvalidInput("Ask for a given name together with the family name.", where="family_name")
    return by


def _order(by: Sequence[str]) -> tuple[str, ...]:
    """By name where a name is asked for, so that its index gives the order; else by key."""
    return ("name_key", "id") if by == ["name"] else ("id",)


def _after(asked: Search, last: ClientFile) -> Any:
    if _order(_how(asked).split(" ")) == ("id",):
        return ClientFile.id > last.id
    same_name = and_(ClientFile.name_key == last.name_key, ClientFile.id > last.id)
    return (ClientFile.name_key >= last.name_key) & ((ClientFile.name_key > last.name_key) | same_name)
