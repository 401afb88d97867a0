"""The audit log over the API: its last events with what proves them."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from msgspec import Meta

from muniment.audit.extracts import MOST, LogExtract, extract
from muniment.database.session import CouncilSession
from muniment.web.callers import Caller, Permission
from muniment.web.council import CouncilRef
from muniment.web.unit_of_work import needs

__all__ = ["api_routes"]

Session = NamedDependency[CouncilSession]
Asker = NamedDependency[Caller]
Council = NamedDependency[CouncilRef]


@get("/audit/log", sync_to_thread=True, tags=["audit"], opt=needs(Permission.READ_AUDIT))
def last_events(
    session: Session, caller: Asker, council: Council, last: FromQuery[Annotated[int, Meta(ge=1, le=MOST)]] = 100
) -> LogExtract:
    """The last sealed events of the council's log, with what proves that none was changed, left out or put in.

    `muniment audit verify --extract FILE --key KEYS` checks the answer without any database. Asking is an event itself.
    """
    return extract(session, caller, council.slug, last)


api_routes = [last_events]
