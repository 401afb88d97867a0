"""Holds over the API: one, what a query matches, many for one matter, those to look at again, ending them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.database.session import CouncilSession
from muniment.defaults.law import HoldGround
from muniment.retention.holds.cases import NewCase, place_case, release_case
from muniment.retention.holds.placing import (
    HoldView,
    NewHold,
    grounds,
    holds_to_review,
    place_hold,
    preview_query,
    release_hold,
)
from muniment.retention.holds.query import HoldQuery
from muniment.web.cursors import Listing
from muniment.web.unit_of_work import needs

__all__ = ["hold_routes"]

TAGS = ["retention"]

Asker = NamedDependency[Caller]
HOLDS = needs(Permission.HOLD_RECORDS)
OnceOnly = NamedDependency[Once]
Session = NamedDependency[CouncilSession]


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a hold ends, without personal data."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class CaseRelease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the holds of a case end, without personal data."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class Matching(msgspec.Struct, frozen=True):
    """How many records match, and of which classes."""

    records: int
    by_class: dict[str, int]


class Released(msgspec.Struct, frozen=True):
    """How many holds ended."""

    count: int


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


@get("/holds/grounds", sync_to_thread=True, tags=TAGS)
def hold_grounds(session: Session, caller: Asker) -> Listing[HoldGround]:
    """The legal grounds by which records may be held back today, with their provisions."""
    return Listing(list(grounds(session, caller)))


@get("/holds/to-review", sync_to_thread=True, tags=TAGS)
def holds_due_for_review(session: Session, caller: Asker) -> Listing[HoldView]:
    """The holds whose day of review has come, the longest due first."""
    return Listing(list(holds_to_review(session, caller)))


@post("/holds/preview", sync_to_thread=True, status_code=200, tags=TAGS, opt=HOLDS)
def matching(data: JSONBody[HoldQuery], session: Session, caller: Asker) -> Matching:
    """What a hold by this query would cover now. Nothing is placed."""
    by_class = preview_query(session, caller, data)
    return Matching(sum(by_class.values()), by_class)


@post("/hold-cases", sync_to_thread=True, tags=TAGS, opt=HOLDS)
def hold_many(data: JSONBody[NewCase], session: Session, caller: Asker, once: OnceOnly) -> Response[Any]:
    """Hold many files, persons or records for one matter. Each target is answered for, by its place in the list."""
    if (again := once.replay()) is not None:
        return again
    placed = place_case(session, caller, data)
    return once.answer(201, ids=[placed.case_id], body=placed)


@post("/hold-cases/{case_id:uuid}/release", sync_to_thread=True, status_code=200, tags=TAGS, opt=HOLDS)
def release_many(case_id: FromPath[UUID], data: JSONBody[CaseRelease], session: Session, caller: Asker) -> Released:
    """End every hold of a case that stands."""
    return Released(release_case(session, caller, case_id, data.reason))


hold_routes = [hold, release, hold_grounds, holds_due_for_review, matching, hold_many, release_many]
