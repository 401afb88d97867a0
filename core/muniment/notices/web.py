"""Notices over the API: versions, publishing, earlier documents, who was given what; and their list on the console.

The public pages stand in `muniment.notices.pages`.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from muniment.accounts.idempotency import Once
from muniment.clock import Clock
from muniment.database.session import CouncilSession
from muniment.defaults.law import law_in_force
from muniment.notices.beside import given_pages
from muniment.notices.document import notices_of
from muniment.notices.given import (
    EarlierView,
    GivenView,
    NewEarlier,
    NewGiven,
    earlier_documents,
    give_notice,
    notices_given,
    register_earlier,
)
from muniment.notices.pages import public_pages
from muniment.notices.shelf import Shelf
from muniment.notices.versions import Approval, Draft, Published, VersionView, publish, versions_published
from muniment.notices.web_documents import document_menu, document_pages, document_routes
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins
from muniment.policy.store import adopted
from muniment.web.callers import Caller, Permission
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, SHOWN, Listing, decode_cursor, page_of
from muniment.web.pages import MenuEntry, Page
from muniment.web.unit_of_work import needs

__all__ = ["api_routes", "menu", "pages"]

PUBLISHES = needs(Permission.PUBLISH_NOTICES)


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to publish: the notices of a service, or all. `ground` is that of the decision to publish what the law asks
    and the council's documents lack, taken by whoever asks."""

    service: str | None = None
    ground: str | None = None


@get("/notices/versions", sync_to_thread=True, tags=["notices"])
def versions_of_council(
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    after: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = SHOWN,
) -> Listing[VersionView]:
    """The published versions, the newest first, each language by itself."""
    return _versions(session, caller, after, limit)


@get("/console/notices", sync_to_thread=True)
def versions_page(
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    page: NamedDependency[Page],
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """The published versions, each with its public address."""
    found = _versions(session, caller, after, SHOWN)
    return page.render("notices/published.html", caller=caller, found=found, after=after)


@post("/notices/publications", sync_to_thread=True, status_code=201, tags=["notices"], opt=PUBLISHES)
def publish_notices(
    data: JSONBody[Publication],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    council: NamedDependency[CouncilRef],
    clock: NamedDependency[SkipValidation[Clock]],
    once: NamedDependency[Once],
    plugins: NamedDependency[SkipValidation[Plugins]],
    words: NamedDependency[SkipValidation[Words]],
    shelf: NamedDependency[SkipValidation[Shelf]],
) -> Response[Any]:
    """Publish what the adopted policy says now; notices in which a reader would find nothing new keep their version."""
    if (again := once.replay()) is not None:
        return again
    policy = adopted(session)
    law = law_in_force(clock.today())
    facade = plugins.facade(council.slug, policy.council.uses)
    approval = None if data.ground is None else Approval(str(caller.actor.id or caller.actor.name), data.ground)
    results: list[Published] = [
        publish(session, caller, Draft(policy, ref, words, law), facade, approval)
        for ref in notices_of(policy, data.service)
    ]
    session.after_commit(lambda: shelf.forget(council.id))
    ids = [view.id for result in results if result.new for view in result.versions]
    return once.answer(201 if ids else 200, body=results, ids=ids)


@get("/notices/documents", sync_to_thread=True, tags=["notices"])
def documents_of_council(
    session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]
) -> Listing[EarlierView]:
    """Documents that people were given before Muniment published one."""
    caller.require_somewhere(Permission.READ_POLICY)
    return Listing(earlier_documents(session))


@post("/notices/documents", sync_to_thread=True, status_code=201, tags=["notices"], opt=PUBLISHES)
def register_document(
    data: JSONBody[NewEarlier],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    once: NamedDependency[Once],
) -> Response[Any]:
    """Register an earlier document by service, title, version, date and, of a programme's own notice, that programme;
    registering it again changes nothing."""
    if (again := once.replay()) is not None:
        return again
    document = register_earlier(session, caller, data)
    view = EarlierView(document, data.service, data.title, data.version, data.dated, data.programme)
    return once.answer(201, body=view, ids=[document])


@get("/clients/{file_id:uuid}/notices", sync_to_thread=True, tags=["notices"])
def notices_of_client(
    file_id: FromPath[UUID], session: NamedDependency[CouncilSession], caller: NamedDependency[Caller]
) -> Listing[GivenView]:
    """Which notices a client was given, and when."""
    return Listing(notices_given(session, caller, file_id))


@post(
    "/clients/{file_id:uuid}/notices",
    sync_to_thread=True,
    status_code=201,
    tags=["notices"],
    opt=needs(Permission.WRITE_CLIENTS),
)
def give_notice_to_client(
    file_id: FromPath[UUID],
    data: JSONBody[NewGiven],
    session: NamedDependency[CouncilSession],
    caller: NamedDependency[Caller],
    once: NamedDependency[Once],
) -> Response[Any]:
    """Note that a client was given a notice; a running Art 14 clock stops."""
    return once.making(lambda: give_notice(session, caller, file_id, data))


def _versions(session: CouncilSession, caller: Caller, after: str | None, limit: int) -> Listing[VersionView]:
    caller.require_somewhere(Permission.READ_POLICY)
    before = None if after is None else decode_cursor(after, tuple[UUID])[0]
    return page_of(versions_published(session, before=before, limit=limit + 1), limit, lambda view: (view.id,))


menu = [MenuEntry("notices", "Notices", Permission.READ_POLICY), *document_menu]
pages = [*public_pages, versions_page, *given_pages, *document_pages]
api_routes = [
    versions_of_council,
    publish_notices,
    documents_of_council,
    register_document,
    notices_of_client,
    give_notice_to_client,
    *document_routes,
]
