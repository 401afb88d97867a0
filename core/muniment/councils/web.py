"""A council's policy over the API and on the console: reading it, what it leaves open, deciding, adopting."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from litestar import MediaType, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation, URLEncodedBody
from litestar.response import Redirect
from sqlalchemy import select

from muniment.councils.adopting import (
    Adoption,
    adopt_policy,
    compiled_now,
    decide_policy,
    plan_policy,
    withdraw_decision,
)
from muniment.councils.tables import Council
from muniment.database.session import CouncilSession
from muniment.defaults.law import law_in_force
from muniment.plugins.manager import Plugins
from muniment.policy.check import check
from muniment.policy.deciding import Proposal
from muniment.policy.documents import approved_paths
from muniment.policy.findings import LEVELS, Finding
from muniment.policy.model import Decision, canonical
from muniment.policy.plan import Foresee, Plan
from muniment.policy.store import adopted, adopted_or_none, decisions_of
from muniment.web.callers import Caller, Permission
from muniment.web.console import ConsoleSection
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.pages import MenuEntry, Page
from muniment.web.unit_of_work import needs

__all__ = ["api_routes", "menu", "pages", "policy_section"]

Session = NamedDependency[CouncilSession]
Asker = NamedDependency[Caller]
Installed = NamedDependency[SkipValidation[Plugins]]
Foreseeing = NamedDependency[SkipValidation[Foresee]]
DECIDES = needs(Permission.DECIDE_POLICY)


class CouncilAnswer(msgspec.Struct, frozen=True):
    """A council: its services by slug, and the hash of its adopted policy, null before the first."""

    slug: str
    name: str
    policy_hash: str | None
    services: list[str]


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is decided for a path: plain data, the ground it rests on, a day to look at it again, and what the data
    protection officer advised."""

    value: Any
    ground: str
    review_on: date | None = None
    advice: str = ""


class WithdrawalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a decision is withdrawn."""

    ground: str


class AdoptForm(msgspec.Struct, frozen=True):
    """The form that adopts: the hash of the plan that was shown."""

    plan: str = ""


class Decided(msgspec.Struct, frozen=True):
    """The paths decided; empty when the same stood already. It takes effect when the policy is adopted."""

    paths: list[str]


@get("/", sync_to_thread=True, tags=["policy"])
def the_council(session: Session, caller: Asker, council: NamedDependency[CouncilRef]) -> CouncilAnswer:
    """The council of the address."""
    caller.require_somewhere(Permission.READ_POLICY)
    policy = adopted_or_none(session)
    services = sorted(policy.services) if policy is not None else []
    return CouncilAnswer(council.slug, council.name, session.policy_hash, services)


@get("/policy", sync_to_thread=True, tags=["policy"])
def the_policy(session: Session, caller: Asker) -> Response[bytes]:
    """The adopted policy as canonical JSON: its sha256 is the hash that consents, disclosures and disposals cite."""
    caller.require_somewhere(Permission.READ_POLICY)
    policy = adopted(session)
    return Response(canonical(policy), media_type=MediaType.JSON, headers={"ETag": f'"{policy.hash}"'})


@get("/policy/findings", sync_to_thread=True, tags=["policy"])
def findings(
    session: Session, caller: Asker, council: NamedDependency[CouncilRef], plugins: Installed
) -> Listing[Finding]:
    """What today's law finds in what the council declares and decided, worst first."""
    caller.require_somewhere(Permission.READ_POLICY)
    return Listing(list(_findings(session, plugins, council.slug)))


@get("/policy/decisions", sync_to_thread=True, tags=["policy"])
def decisions(session: Session, caller: Asker) -> Listing[Decision]:
    """The decisions that stand, in order of path."""
    caller.require_somewhere(Permission.READ_POLICY)
    return Listing(list(decisions_of(session)))


@put("/policy/decisions/{path:str}", sync_to_thread=True, tags=["policy"], opt=DECIDES)
def decide_path(
    path: FromPath[str],
    data: JSONBody[DecisionBody],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    plugins: Installed,
) -> Decided:
    """Settle what the council's documents leave open at `path`. Sending it again changes nothing."""
    caller.require(Permission.DECIDE_POLICY)
    proposal = Proposal(
        path=path,
        value=data.value,
        ground=data.ground,
        decided_by=_key_of(caller),
        review_on=data.review_on,
        advice=data.advice,
    )
    return Decided([made.path for made in decide_policy(session, plugins.facade(council.slug), [proposal])])


@post("/policy/decisions/{path:str}/withdrawal", sync_to_thread=True, status_code=200, tags=["policy"], opt=DECIDES)
def withdraw_path(path: FromPath[str], data: JSONBody[WithdrawalBody], session: Session, caller: Asker) -> Decided:
    """Withdraw the decision that stands for `path`, from the next adoption on."""
    caller.require(Permission.DECIDE_POLICY)
    withdraw_decision(session, path, by=_key_of(caller), ground=data.ground)
    return Decided([path])


@get("/policy/plan", sync_to_thread=True, tags=["policy"])
def plan(
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    plugins: Installed,
    foresee: Foreseeing,
) -> Plan:
    """What adopting now would change, due dates and approvals included. Conflict while the policy has errors."""
    caller.require_somewhere(Permission.READ_POLICY)
    return plan_policy(session, plugins.facade(council.slug), foresee)


@post("/policy/adoption", sync_to_thread=True, status_code=200, tags=["policy"])
def adopt_now(
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    plugins: Installed,
    foresee: Foreseeing,
    plan: FromQuery[str | None] = None,
) -> Adoption:
    """Adopt what the council declares and decided; Conflict while there are errors. Again, it changes nothing.

    With `plan`, a plan's hash, exactly that is adopted: Conflict where anything it rests on has changed since.
    """
    caller.require(Permission.ADOPT_POLICY)
    facade = plugins.facade(council.slug)
    return adopt_policy(session, facade, by=_key_of(caller), plan=plan, foresee=foresee)


@get("/console/policy", sync_to_thread=True)
def plan_page(
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    plugins: Installed,
    foresee: Foreseeing,
    page: NamedDependency[Page],
) -> Response[str]:
    """What adopting now would change, and the form that adopts exactly that for those who may."""
    caller.require_somewhere(Permission.READ_POLICY)
    planned = plan_policy(session, plugins.facade(council.slug), foresee)
    return page.render(
        "councils/plan.html", caller=caller, plan=planned, may_adopt=caller.allows(Permission.ADOPT_POLICY, None)
    )


@post("/console/policy", sync_to_thread=True, status_code=303, opt=needs(Permission.ADOPT_POLICY))
def adopt_on_page(
    data: URLEncodedBody[AdoptForm],
    session: Session,
    caller: Asker,
    council: NamedDependency[CouncilRef],
    plugins: Installed,
    foresee: Foreseeing,
) -> Redirect:
    """Adopt the plan that the page showed."""
    caller.require(Permission.ADOPT_POLICY)
    facade = plugins.facade(council.slug)
    adopt_policy(session, facade, by=_key_of(caller), plan=data.plan, foresee=foresee)
    return Redirect(f"/{council.slug}/console/policy", status_code=303)


def policy_section(plugins: Plugins) -> ConsoleSection:
    """The part of the console that shows the policy with its gaps and decisions."""

    def render(session: CouncilSession, caller: Caller, page: Page) -> str:
        slug = session.execute(select(Council.slug).where(Council.id == session.council_id)).scalar_one()
        found = _findings(session, plugins, slug)
        return page.text(
            "councils/policy.html",
            caller,
            policy=adopted_or_none(session),
            decisions=decisions_of(session),
            counts={level: sum(finding.level == level for finding in found) for level in LEVELS},
            findings=[finding for finding in found if finding.level in ("error", "gap")],
        )

    return ConsoleSection("policy", "Policy", Permission.READ_POLICY, render)


def _findings(session: CouncilSession, plugins: Plugins, slug: str) -> tuple[Finding, ...]:
    today = session.clock.today()
    compiled = compiled_now(session, plugins.facade(slug))
    documents = frozenset[str]() if compiled.policy is None else approved_paths(session, compiled.policy)
    return check(compiled, law_in_force(today), today, documents)


def _key_of(caller: Caller) -> str:
    """Who decides, as an opaque key: the permission is the information asset owner's alone."""
    return f"{caller.actor.kind} {caller.actor.id}" if caller.actor.id is not None else caller.actor.name


api_routes = [
    the_council,
    the_policy,
    findings,
    decisions,
    decide_path,
    withdraw_path,
    plan,
    adopt_now,
]
pages = [plan_page, adopt_on_page]
menu = [MenuEntry("policy", "Policy", Permission.READ_POLICY)]
