"""What programs ask about sharing: deciding, disclosing, the register, exports. Translate and leave.

Agreements, requests, notifications and results of matching stand in `muniment.sharing.web_arrangements`, the staff's
pages in `muniment.sharing.pages`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation
from litestar.response import Stream

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.clients.context import Context
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.sharing.deciding import Answer, Asked, ask
from muniment.sharing.disclosing import Order, disclose
from muniment.sharing.handing_out import open_export
from muniment.sharing.list_pages import list_pages, menu
from muniment.sharing.pages import beside_file, share_pages
from muniment.sharing.register import (
    ClientInDisclosure,
    DisclosureView,
    Looked,
    clients_in,
    search_register,
    view_disclosure,
)
from muniment.sharing.web_arrangements import arrangement_routes
from muniment.web.council import CouncilRef
from muniment.web.cursors import SHOWN, Listing
from muniment.web.unit_of_work import needs

__all__ = ["api_routes", "beside_file", "menu", "pages"]

TAGS = ["sharing"]

Session = NamedDependency[CouncilSession]
Asker = NamedDependency[Caller]
Keys = NamedDependency[KeyRing]
Installed = NamedDependency[SkipValidation[Plugins]]
Store = NamedDependency[SkipValidation[FileStore]]
DISCLOSES = needs(Permission.DISCLOSE)
READS = needs(Permission.READ_SHARING)


@post("/disclosures/decide", sync_to_thread=True, status_code=200, tags=TAGS, opt=DISCLOSES)
def decide(data: JSONBody[Asked], session: Session, caller: Asker, keys: Keys, plugins: Installed) -> Answer:
    """May these fields of these clients go to this recipient for this purpose now? Every reason, for and against.

    Asking changes nothing.
    """
    return ask(session, caller, Context.of(session, plugins, keys), data)


@post("/disclosures", sync_to_thread=True, status_code=201, tags=TAGS, opt=DISCLOSES)
def make_disclosure(
    data: JSONBody[Order], session: Session, caller: Asker, keys: Keys, plugins: Installed, file_store: Store,
    council: NamedDependency[CouncilRef], once: NamedDependency[Once],
) -> Response[Any]:  # fmt: skip
    """Give what the gate allows, of as many clients as it allows, and write all of it into the register."""
    if (again := once.replay()) is not None:
        return again
    made = disclose(session, caller, Context.of(session, plugins, keys), file_store, data)
    location = f"/api/v1/councils/{council.slug}/disclosures/{made.id}"
    return once.answer(201, location=location, ids=[made.id], body=made.view)


@post("/disclosures/search", sync_to_thread=True, status_code=200, tags=TAGS, opt=READS)
def find_disclosures(data: JSONBody[Looked], session: Session, caller: Asker) -> Listing[DisclosureView]:
    """The register by client, recipient or period, the newest first."""
    return search_register(session, caller, data)


@get("/disclosures/{disclosure_id:uuid}", sync_to_thread=True, tags=TAGS)
def read_disclosure(disclosure_id: FromPath[UUID], session: Session, caller: Asker) -> DisclosureView:
    """One act of the register."""
    return view_disclosure(session, caller, disclosure_id)


@get("/disclosures/{disclosure_id:uuid}/clients", sync_to_thread=True, tags=TAGS, opt=READS)
def list_clients_in(
    disclosure_id: FromPath[UUID], session: Session, caller: Asker, limit: FromQuery[int] = SHOWN,
    after: FromQuery[str | None] = None,
) -> Listing[ClientInDisclosure]:  # fmt: skip
    """Whose data left in one act, which fields of each, and of whom nothing did, with the rules against it."""
    return clients_in(session, caller, disclosure_id, limit=limit, after=after)


@post("/disclosures/{disclosure_id:uuid}/export", sync_to_thread=True, status_code=200, tags=TAGS, opt=DISCLOSES)
def fetch_export(
    disclosure_id: FromPath[UUID], session: Session, caller: Asker, keys: Keys, plugins: Installed, file_store: Store
) -> Response[Any]:
    """The file that was made for the recipient. It is handed out once, and who fetched it is noted; on a later day the
    gate is asked again first."""
    opened = open_export(session, caller, Context.of(session, plugins, keys), file_store, disclosure_id)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(opened.name, safe='')}"}
    return Stream(opened.content, media_type=opened.media_type, headers=headers)


api_routes = [
    decide, make_disclosure, find_disclosures, read_disclosure, list_clients_in, fetch_export, *arrangement_routes,
]  # fmt: skip
pages = [*share_pages, *list_pages]
