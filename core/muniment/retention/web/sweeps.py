"""Sweeps over the API and on the console: one of them, asking for one, and how the last one went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.retention.disposal.lateness import late_since
from muniment.retention.disposal.sweep import RunView, run_view, runs, start_sweep
from muniment.retention.evidence.certificates import CertificateView, certificates
from muniment.web.console import ConsoleSection
from muniment.web.council import CouncilRef
from muniment.web.pages import Page

__all__ = ["retention_section", "sweep_routes"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
Council = NamedDependency[CouncilRef]
OnceOnly = NamedDependency[Once]
Session = NamedDependency[CouncilSession]


@get("/sweeps/{run_id:uuid}", sync_to_thread=True, tags=TAGS)
def one_sweep(run_id: FromPath[UUID], session: Session, caller: Asker) -> RunView:
    """One sweep and how far it is."""
    return run_view(session, caller, run_id)


@post("/sweeps", sync_to_thread=True, tags=TAGS)
def sweep_now(session: Session, caller: Asker, council: Council, once: OnceOnly) -> Response[Any]:
    """Ask for a sweep, or join the one under way; a worker does it."""
    if (again := once.replay()) is not None:
        return again
    run_id = start_sweep(session, caller)
    where = f"/api/v1/councils/{council.slug}/sweeps/{run_id}"
    return once.answer(202, location=where, ids=[run_id], body=run_view(session, caller, run_id))


def _last_sweep(session: CouncilSession, caller: Caller, page: Page) -> str:
    run = next(iter(runs(session, caller, limit=1)), None)
    issued: Sequence[CertificateView] = certificates(session, caller, limit=5)
    return page.text("retention/section.html", caller, run=run, certificates=issued, late=late_since(session))


retention_section = ConsoleSection("retention", "Retention", Permission.READ_RETENTION, _last_sweep)

sweep_routes = [one_sweep, sweep_now]
