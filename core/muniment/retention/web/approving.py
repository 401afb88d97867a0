"""Letting rules act, over the API and on the console: what each would dispose of, arming it and taking that back."""

from __future__ import annotations

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, URLEncodedBody
from litestar.response import Redirect

from muniment.accounts.idempotency import Made, Once
from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.retention.approval.arming import Preview, arm, disarm, preview, previews
from muniment.web.council import CouncilRef
from muniment.web.cursors import Listing
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["approval_pages", "approval_routes"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
Council = NamedDependency[CouncilRef]
OnceOnly = NamedDependency[Once]
Session = NamedDependency[CouncilSession]
ARMS = needs(Permission.ARM_RETENTION)


class ClassToArm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rule is approved: the class as `SERVICE/CLASS`, and the rule's hash from the preview that was looked at."""

    record_class: str
    rule_hash: str


class ClassToDisarm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The class whose approval is taken back."""

    record_class: str


class ArmForm(msgspec.Struct, frozen=True):
    """The fields of the console's form that arms a rule."""

    record_class: str
    rule_hash: str


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
    return once.making(lambda: arm(session, caller, data.record_class, data.rule_hash))


@post("/retention/disarmings", sync_to_thread=True, status_code=204, tags=TAGS, opt=ARMS)
def disarm_rule(data: JSONBody[ClassToDisarm], session: Session, caller: Asker) -> None:
    """Take an approval back."""
    disarm(session, caller, data.record_class)


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


approval_routes = [all_previews, one_preview, arm_rule, disarm_rule]
approval_pages = [retention_page, arm_on_page]
