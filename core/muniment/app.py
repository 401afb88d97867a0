"""The composition root of HTTP: which domains are mounted, what they are given, what surrounds them.

`create_app` is handed everything that exists once in a process (database, clock, keys, what the domains bring) and
makes of it one ASGI application. It reads no environment and opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from uuid import UUID

import msgspec
from jinja2 import BaseLoader, PackageLoader
from litestar import Litestar
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from sqlalchemy import text

import muniment.accounts.web
import muniment.audit.web
import muniment.clients.pages
import muniment.clients.web
import muniment.consent.pages
import muniment.consent.web
import muniment.councils.web
import muniment.notices.web
import muniment.retention.web
import muniment.schema  # every table is known before the first query
import muniment.sharing.web
from muniment.accounts.callers import settle_caller
from muniment.accounts.idempotency import once, read_key
from muniment.accounts.limits import ApiAllowance
from muniment.accounts.sent_once import once_sent, read_fields
from muniment.clients.pages import BesideFile, find_section
from muniment.clients.pretending import refuse_real_people
from muniment.clock import Clock
from muniment.consent.pages import beside_file_of
from muniment.councils.directory import slugs_of_hosts
from muniment.councils.web import policy_section
from muniment.database.gauges import Gauge
from muniment.database.session import CouncilSession, Database
from muniment.files.store import FileStore
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.notices.beside import beside_file as notices_beside_file
from muniment.notices.shelf import Shelf
from muniment.notices.words import Words
from muniment.plugins.manager import Plugins
from muniment.policy.store import adopted_or_none
from muniment.retention.clocks.planning import foresee
from muniment.retention.disposal.lateness import remark_on_late
from muniment.retention.disposal.restore import RestoreCheck
from muniment.retention.explain import explain_file
from muniment.retention.web import retention_section
from muniment.retention.web.files import beside_file as keeping_beside_file
from muniment.settings import Settings
from muniment.web.callers import Caller
from muniment.web.console import ConsoleSection, console_routes
from muniment.web.council import CouncilRef
from muniment.web.forms import read_credentials
from muniment.web.health import ReadinessCheck, health_routes
from muniment.web.hosts import Hosts
from muniment.web.metrics import Metrics, metrics_routes
from muniment.web.openapi import openapi_config
from muniment.web.pages import Assets, MenuEntry, Pages
from muniment.web.security import MAX_BODY, Edge, security_headers
from muniment.web.shared import SharedAnswers, not_modified
from muniment.web.surface import (
    ONCE_SENT,
    Councils,
    api_router,
    council_of_address,
    page_for_request,
    page_router,
    respond_to_error,
    static_routes,
)
from muniment.web.unit_of_work import HandlerNeeds, Places, asker_first
from muniment.wiring import gauges

__all__ = ["Surface", "create_app", "open_application", "surface_of"]


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """What the domains bring to HTTP, in the order of the layers."""

    api_routes: Sequence[HTTPRouteHandler] = ()
    pages: Sequence[HTTPRouteHandler] = ()
    templates: Mapping[str, BaseLoader] = {}
    """Loaders by the domain's name, which begins the names of its templates."""
    sections: Sequence[ConsoleSection] = ()
    menu: Sequence[MenuEntry] = ()
    readiness: Sequence[ReadinessCheck] = ()
    refuse_council: Callable[[UUID, str], None] = lambda _id, _slug: None
    """Asked of a council's id and slug before anything is answered in its name; raises what is awaited."""
    gauges: Sequence[Gauge] = ()
    things: Mapping[str, object] = {}
    """What handlers may name besides what the shell gives them; the same for every request."""


def create_app(
    settings: Settings,
    database: Database,
    clock: Clock,
    keys: KeyRing,
    surface: Surface,
) -> Litestar:
    """The application."""
    places = Places(database, settings.pool_size)
    assets = Assets()
    metrics = Metrics(surface.gauges)
    answers, hosts = SharedAnswers(), Hosts(lambda: _host_names(database), places)
    templates = {"accounts": PackageLoader("muniment.accounts"), **surface.templates}
    needs = HandlerNeeds(
        things={"clock": clock, "keys": keys, "ledger_dir": settings.ledger_dir, **surface.things},
        before={
            "council": council_of_address,
            "credentials": read_credentials,
            "sent_key": read_key,
            "sent_fields": read_fields,
        },
        inside={"caller": settle_caller, "page": page_for_request, "once": once, ONCE_SENT: once_sent},
    )
    pages = [*muniment.accounts.web.pages, *console_routes(surface.sections), *surface.pages]
    database_answers = ReadinessCheck("database", lambda: _ask(database))
    app = Litestar(
        [
            api_router([*muniment.accounts.web.api_routes, *surface.api_routes], needs, places),
            page_router(pages, needs, places),
            *health_routes([database_answers, *surface.readiness]),
            *metrics_routes(metrics),
            *static_routes(assets),
        ],
        state=State(
            {
                "places": places,
                "councils": Councils(_finder(database, surface.refuse_council), places),
                "allowance": ApiAllowance(database),
                "pages": Pages(assets, templates, surface.menu),
            }
        ),
        exception_handlers={Exception: respond_to_error},
        after_exception=[asker_first],
        before_send=[security_headers, answers.keep, not_modified, metrics.count],
        lifespan=[places.close_at_end],
        openapi_config=openapi_config(version("muniment")),
        request_max_body_size=MAX_BODY,
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = Edge(app.asgi_handler, answers, hosts)
    return app


def open_application(deployment: Deployment) -> Litestar:
    """The application of a deployment with every domain there is: what `muniment serve` serves.

    Raises `SettingsError` where a day is pretended and there are real people.
    """
    refuse_real_people(deployment.database)
    store = FileStore(deployment.settings.files_dir, deployment.keys)
    nothing_is_back = RestoreCheck(deployment.database, deployment.settings.ledger_dir)
    surface = msgspec.structs.replace(
        surface_of(deployment.plugins, store),
        readiness=[
            ReadinessCheck("erasures", nothing_is_back),
            ReadinessCheck("plugins", lambda: out_of_service(deployment.plugins)),
            ReadinessCheck("sweeps", lambda: remark_on_late(deployment.database)),
        ],
        refuse_council=nothing_is_back.council,
        gauges=gauges(deployment),
    )
    return create_app(deployment.settings, deployment.database, deployment.clock, deployment.keys, surface)


def surface_of(plugins: Plugins, store: FileStore) -> Surface:
    """What each domain brings, in the order of the layers; the console begins with what is asked for most."""
    words, shelf = Words.of(plugins), Shelf()
    return Surface(
        api_routes=[
            *muniment.audit.web.api_routes,
            *muniment.councils.web.api_routes,
            *muniment.clients.web.api_routes,
            *muniment.notices.web.api_routes,
            *muniment.consent.web.api_routes,
            *muniment.sharing.web.api_routes,
            *muniment.retention.web.api_routes,
        ],
        pages=[
            *muniment.councils.web.pages,
            *muniment.clients.pages.pages,
            *muniment.notices.web.pages,
            *muniment.consent.pages.pages,
            *muniment.sharing.web.pages,
            *muniment.retention.web.pages,
        ],
        templates={
            domain: PackageLoader(f"muniment.{domain}")
            for domain in ("councils", "clients", "notices", "consent", "sharing", "retention")
        },
        sections=[find_section, retention_section, policy_section(plugins)],
        menu=[
            *muniment.retention.web.menu,
            *muniment.sharing.web.menu,
            *muniment.notices.web.menu,
            *muniment.councils.web.menu,
        ],
        things={
            "plugins": plugins,
            "file_store": store,
            "why_kept": why_kept,
            "beside_file": _one_below_the_other(
                notices_beside_file, beside_file_of(words), muniment.sharing.web.beside_file, keeping_beside_file
            ),
            "foresee": foresee,
            "words": words,
            "shelf": shelf,
        },
    )


def out_of_service(plugins: Plugins) -> str | None:
    """The remark of the readiness check: one council's broken plugin keeps nobody else from being served."""
    slugs = ", ".join(sorted(plugins.out_of_service))
    return f"Out of service while their plugins fail (see `muniment plugin check`): {slugs}." if slugs else None


def why_kept(session: CouncilSession, caller: Caller, file_id: UUID) -> dict[UUID, tuple[str, ...]]:
    """Retention's answer for the page of a client file."""
    return {entry.record_id: entry.lines for entry in explain_file(session, caller, file_id)}


def _one_below_the_other(*parts: BesideFile) -> BesideFile:
    """What the domains above clients show below a client's file, in the order of the layers."""
    return lambda session, caller, file_id, page: "".join(part(session, caller, file_id, page) for part in parts)


def _host_names(database: Database) -> dict[str, str]:
    with database.platform() as session:
        return slugs_of_hosts(session)


def _finder(database: Database, refuse: Callable[[UUID, str], None]) -> Callable[[str], CouncilRef | None]:
    """Look a council up by slug, unless it is refused; colour and first language are those of its adopted policy."""

    def find(slug: str) -> CouncilRef | None:
        with database.platform() as session:
            row = session.execute(text("select id, slug, name from council where slug = :slug"), {"slug": slug}).first()
        if row is None:
            return None
        refuse(row.id, row.slug)
        with database.council(row.id) as council_session:
            policy = adopted_or_none(council_session)
        if policy is None:
            return CouncilRef(row.id, row.slug, row.name)
        council = policy.council
        return CouncilRef(row.id, row.slug, row.name, council.branding.colour, council.languages[0])

    return find


def _ask(database: Database) -> None:
    with database.platform() as session:
        session.execute(text("select 1"))
