"""Over the API and on the console: what is left of records that were made anonymous."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from muniment.accounts.permissions import Caller
from muniment.database.session import CouncilSession
from muniment.retention.disposal.anonymising import AnonymousGroup, statistics
from muniment.web.cursors import Listing
from muniment.web.pages import Page

__all__ = ["statistics_pages", "statistics_routes"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]


@get("/retention/statistics", sync_to_thread=True, tags=["retention"])
def anonymous_groups(
    session: Session, caller: Asker, record_class: FromQuery[str | None] = None
) -> Listing[AnonymousGroup]:
    """How many records that were made anonymous agree in which facts: of one class (`SERVICE/CLASS`) or all."""
    return Listing(list(statistics(session, caller, record_class)))


@get("/console/statistics", sync_to_thread=True)
def statistics_page(session: Session, caller: Asker, page: NamedDependency[Page]) -> Response[str]:
    """The same as a page, class by class."""
    by_class: dict[str, list[AnonymousGroup]] = {}
    for group in statistics(session, caller):
        by_class.setdefault(group.record_class, []).append(group)
    return page.render("retention/statistics.html", caller=caller, by_class=by_class)


statistics_routes: list[Any] = [anonymous_groups]
statistics_pages: list[Any] = [statistics_page]
