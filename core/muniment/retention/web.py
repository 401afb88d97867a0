"""Retention over the API and on the console: why, what would go, approving it, holding it back, what went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation, URLEncodedBody
from litestar.response import Redirect
from msgspec import Meta

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.plugins.manager import Plugins
from muniment.retention.approval.arming import Preview, arm, disarm, preview, previews
from muniment.retention.disposal.lateness import late_since
from muniment.retention.disposal.sweep import RunView, run_view, runs, start_sweep
from muniment.retention.evidence.certificates import CertificateView, certificates
from muniment.retention.explain import Explanation, explain, facade_in_force
from muniment.retention.holds.placing import NewHold, place_hold, release_hold
from muniment.retention.web_archive import archive_pages, archive_routes
from muniment.retention.web_certificates import certificate_pages, certificate_routes
from muniment.retention.web_destructions import destruction_pages, destruction_routes
from muniment.retention.web_files import file_pages, file_routes
from muniment.retention.web_forecast import forecast_pages, forecast_routes
from muniment.retention.web_holds import hold_routes
from muniment.retention.web_lists import list_pages, list_routes
from muniment.retention.web_review import review_pages, review_routes
from muniment.retention.web_statistics import statistics_pages, statistics_routes
from muniment.retention.web_unfounded import unfounded_routes
from muniment.web.console import ConsoleSection
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.pages import MenuEntry, Page
from muniment.web.unit_of_work import needs

__all__ = ["api_routes", "menu", "pages", "retention_section"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
Council = NamedDependency[CouncilRef]
OnceOnly = NamedDependency[Once]
Session = NamedDependency[CouncilSession]
Installed = NamedDependency[SkipValidation[Plugins]]
HOLDS = needs(Permission.HOLD_RECORDS)
ARMS = needs(Permission.ARM_RETENTION)


class Made(msgspec.Struct, frozen=True):
    """The key of what was made."""

    id: UUID


class ClassToArm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rule is approved: the class as `SERVICE/CLASS`, and the rule's hash from the preview that was looked at."""

    record_class: str
    rule_hash: str


class ClassToDisarm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The class whose approval is taken back."""

    record_class: str


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a hold ends, without personal data."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class ArmForm(msgspec.Struct, frozen=True):
    """The fields of the console's form that arms a rule."""

    record_class: str
    rule_hash: str


@get("/records/{record_id:uuid}/retention", sync_to_thread=True, tags=TAGS)
def why(record_id: FromPath[UUID], session: Session, caller: Asker, plugins: Installed) -> Explanation:
    """Why a record (or register) is kept until when, and what stands in the way. The reading is an audit event."""
    return explain(session, caller, record_id, facade_in_force(session, plugins))


@get("/retention/previews", sync_to_thread=True, tags=TAGS)
def all_previews(session: Session, caller: Asker) -> Listing[Preview]:
    """For each record class, what its rule would let the next sweep dispose of."""
    return Listing(list(previews(session, caller)))


@get("/retention/previews/{service:str}/{class_id:str}", sync_to_thread=True, tags=TAGS)
def one_preview(service: FromPath[str], class_id: FromPath[str], session: Session, caller: Asker) -> Preview:
    """What the rule of one class would let the next sweep dispose of."""
    return preview(session, caller, f"{service}/{class_id}")


@post("/retention/armings", sync_to_thread=True, tags=TAGS, opt=ARMS)
def arm_rule(data: JSONBody[ClassToArm], session: Session, caller: Asker, once: OnceOnly) -> Response[Made]:
    """Approve that the rule in force disposes of a class. Conflict if it is not the rule that was looked at."""
    if (again := once.replay()) is not None:
        return again
    arming_id = arm(session, caller, data.record_class, data.rule_hash)
    return once.answer(201, ids=[arming_id], body=Made(arming_id))


@post("/retention/disarmings", sync_to_thread=True, status_code=204, tags=TAGS, opt=ARMS)
def disarm_rule(data: JSONBody[ClassToDisarm], session: Session, caller: Asker) -> None:
    """Take an approval back."""
    disarm(session, caller, data.record_class)


@post("/holds", sync_to_thread=True, tags=TAGS, opt=HOLDS)
def hold(data: JSONBody[NewHold], session: Session, caller: Asker, once: OnceOnly) -> Response[Any]:
    """Hold records back from disposal. The answer says what sweeps under way had disposed of before."""
    if (again := once.replay()) is not None:
        return again
    placed = place_hold(session, caller, data)
    return once.answer(201, ids=[placed.id], body=placed)


@post("/holds/{hold_id:uuid}/release", sync_to_thread=True, status_code=204, tags=TAGS, opt=HOLDS)
def release(hold_id: FromPath[UUID], data: JSONBody[Release], session: Session, caller: Asker) -> None:
    """End a hold. Others on the same records go on."""
    release_hold(session, caller, hold_id, data.reason)


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


@get("/console/retention", sync_to_thread=True)
def retention_page(session: Session, caller: Asker, page: NamedDependency[Page]) -> Response[str]:
    """Every class with the preview of its rule, and the form that arms it for those who may."""
    return page.render("retention/previews.html", caller=caller, previews=previews(session, caller), may_arm=may_arm)


@post("/console/retention", sync_to_thread=True, status_code=303, opt=ARMS)
def arm_on_page(data: URLEncodedBody[ArmForm], session: Session, caller: Asker, council: Council) -> Redirect:
    """Arm the rule whose preview the page showed."""
    arm(session, caller, data.record_class, data.rule_hash)
    return Redirect(f"/{council.slug}/console/retention", status_code=303)


def may_arm(caller: Caller, record_class: str) -> bool:
    """Whether the page offers to arm a class."""
    return caller.allows(Permission.ARM_RETENTION, record_class.partition("/")[0])


def _last_sweep(session: CouncilSession, caller: Caller, page: Page) -> str:
    run = next(iter(runs(session, caller, limit=1)), None)
    issued: Sequence[CertificateView] = certificates(session, caller, limit=5)
    return page.text("retention/section.html", caller, run=run, certificates=issued, late=late_since(session))


retention_section = ConsoleSection("retention", "Retention", Permission.READ_RETENTION, _last_sweep)

menu = [
    MenuEntry("retention", "Rules", Permission.READ_RETENTION),
    MenuEntry("retention/forecast", "Forecast", Permission.READ_RETENTION),
    MenuEntry("review", "Review", Permission.READ_RETENTION),
    MenuEntry("holds", "Holds", Permission.READ_RETENTION),
    MenuEntry("sweeps", "Sweeps", Permission.READ_RETENTION),
    MenuEntry("destructions", "Destructions", Permission.READ_RETENTION),
    MenuEntry("archive", "Archive", Permission.READ_RETENTION),
    MenuEntry("certificates", "Certificates", Permission.READ_RETENTION),
    MenuEntry("statistics", "Statistics", Permission.READ_RETENTION),
]

api_routes = [
    why,
    all_previews,
    one_preview,
    arm_rule,
    disarm_rule,
    hold,
    release,
    one_sweep,
    sweep_now,
    *list_routes,
    *certificate_routes,
    *destruction_routes,
    *file_routes,
    *review_routes,
    *forecast_routes,
    *hold_routes,
    *statistics_routes,
    *archive_routes,
    *unfounded_routes,
]
pages = [
    *list_pages,
    *certificate_pages,
    *destruction_pages,
    retention_page,
    arm_on_page,
    *file_pages,
    *review_pages,
    *forecast_pages,
    *statistics_pages,
    *archive_pages,
]
