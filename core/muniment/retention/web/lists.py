"""The lists of retention, page by page, over the API and on the console: holds, sweeps, certificates."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from muniment.accounts.permissions import Caller
from muniment.database.session import CouncilSession
from muniment.retention.disposal.sweep import RunView, runs
from muniment.retention.evidence.certificates import CertificateView, certificates
from muniment.retention.holds.placing import HoldView, holds
from muniment.web.cursors import MAX_LIMIT, SHOWN, Listing, decode_cursor, page_of
from muniment.web.pages import Page

__all__ = ["list_pages", "list_routes"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
After = FromQuery[str | None]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]


@get("/holds", sync_to_thread=True, tags=TAGS)
def standing_holds(session: Session, caller: Asker, after: After = None, limit: Limit = SHOWN) -> Listing[HoldView]:
    """The holds that stand, the oldest first."""
    return _holds(session, caller, after, limit)


@get("/sweeps", sync_to_thread=True, tags=TAGS)
def all_sweeps(session: Session, caller: Asker, after: After = None, limit: Limit = SHOWN) -> Listing[RunView]:
    """The sweeps, the newest first."""
    return _sweeps(session, caller, after, limit)


@get("/certificates", sync_to_thread=True, tags=TAGS)
def all_certificates(
    session: Session, caller: Asker, run: FromQuery[UUID | None] = None, after: After = None, limit: Limit = SHOWN
) -> Listing[CertificateView]:
    """Certificates, the newest first; `run` asks for those of one sweep."""
    return _certificates(session, caller, run, after, limit)


@get("/console/holds", sync_to_thread=True)
def holds_page(session: Session, caller: Asker, page: NamedDependency[Page], after: After = None) -> Response[str]:
    """The holds that stand."""
    found = _holds(session, caller, after, SHOWN)
    return page.render("retention/holds.html", caller=caller, found=found, after=after, today=session.clock.today())


@get("/console/sweeps", sync_to_thread=True)
def sweeps_page(session: Session, caller: Asker, page: NamedDependency[Page], after: After = None) -> Response[str]:
    """The sweeps and what each came to."""
    found = _sweeps(session, caller, after, SHOWN)
    return page.render("retention/sweeps.html", caller=caller, found=found, after=after)


@get("/console/certificates", sync_to_thread=True)
def certificates_page(
    session: Session,
    caller: Asker,
    page: NamedDependency[Page],
    run: FromQuery[UUID | None] = None,
    after: After = None,
) -> Response[str]:
    """The certificates, of all sweeps or of one."""
    found = _certificates(session, caller, run, after, SHOWN)
    return page.render("retention/certificates.html", caller=caller, found=found, after=after, run=run)


def _holds(session: CouncilSession, caller: Caller, after: str | None, limit: int) -> Listing[HoldView]:
    found = holds(session, caller, after=_moment(after), limit=limit + 1)
    return page_of(found, limit, lambda hold: (hold.placed_at, hold.id))


def _sweeps(session: CouncilSession, caller: Caller, after: str | None, limit: int) -> Listing[RunView]:
    found = runs(session, caller, before=_moment(after), limit=limit + 1)
    return page_of(found, limit, lambda run: (run.asked_at, run.id))


def _certificates(
    session: CouncilSession, caller: Caller, run: UUID | None, after: str | None, limit: int
) -> Listing[CertificateView]:
    found = certificates(session, caller, run_id=run, before=_moment(after), limit=limit + 1)
    return page_of(found, limit, lambda certificate: (certificate.issued_at, certificate.id))


def _moment(after: str | None) -> tuple[datetime, UUID] | None:
    return None if after is None else decode_cursor(after, tuple[datetime, UUID])


list_routes = [standing_holds, all_sweeps, all_certificates]
list_pages = [holds_page, sweeps_page, certificates_page]
