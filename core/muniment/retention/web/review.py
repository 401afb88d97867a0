"""The review queue over the API and on the console: what is proposed, proposing, and deciding about one or many."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, URLEncodedBody
from litestar.response import Redirect
from msgspec import Meta

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.retention.approval.deciding import (
    Answer,
    Decision,
    Outcome,
    ProposalCount,
    ProposalView,
    State,
    decide,
    decide_one,
    queue,
    queue_counts,
)
from muniment.retention.approval.proposing import MOST, NewProposals, Proposed, propose
from muniment.retention.clocks.fulfilling import Unfulfilled, fulfil, unfulfilled
from muniment.web.council import CouncilRef
from muniment.web.cursors import MAX_LIMIT, Listing, decode_cursor, page_of
from muniment.web.pages import Page
from muniment.web.unit_of_work import needs

__all__ = ["review_pages", "review_routes"]

TAGS = ["retention"]
REVIEWS = needs(Permission.REVIEW_DISPOSAL)
FULFILS = needs(Permission.SWEEP_RETENTION)

Asker = NamedDependency[Caller]
Session = NamedDependency[CouncilSession]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]

PAGE = 100
"""Lines of the queue on one page of the console."""


class Decided(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One decision about several proposals."""

    proposals: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=MOST)]
    decision: Decision


class Fulfilment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records of which somebody did elsewhere what their rule says, and the day on which it was done."""

    records: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=MOST)]
    done_on: date


class Fulfilled(msgspec.Struct, frozen=True):
    """Of how many records it was confirmed."""

    count: int


class DecideForm(msgspec.Struct, frozen=True):
    """The fields of the console's form: the keys that are ticked, and what is decided about them all."""

    outcome: Outcome
    proposal: list[UUID] | UUID = []  # a form with a single tick sends no list
    until: str = ""
    reason: str = ""


@get("/proposals", sync_to_thread=True, tags=TAGS)
def proposals(
    session: Session,
    caller: Asker,
    standing: FromQuery[State] = "open",
    record_class: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
    limit: Limit = 100,
) -> Listing[ProposalView]:
    """What is proposed for disposal, the longest due first: in a state, and of one class (`SERVICE/CLASS`) or all."""
    position = None if after is None else decode_cursor(after, tuple[date, UUID])
    found = queue(session, caller, state=standing, record_class=record_class, after=position, limit=limit + 1)
    return page_of(found, limit, lambda line: (line.due_on, line.id))


@get("/proposals/counts", sync_to_thread=True, tags=TAGS)
def proposal_counts(session: Session, caller: Asker) -> Listing[ProposalCount]:
    """How many proposals of each class there are in each state."""
    return Listing(list(queue_counts(session, caller)))


@post("/proposals", sync_to_thread=True, status_code=200, tags=TAGS, opt=needs(Permission.PROPOSE_DISPOSAL))
def propose_records(data: JSONBody[NewProposals], session: Session, caller: Asker) -> Proposed:
    """Propose records whose rule asks for a review: by key, or those of a class that fall due by a day."""
    return propose(session, caller, data)


@post("/proposals/decisions", sync_to_thread=True, status_code=200, tags=TAGS, opt=REVIEWS)
def decide_many(data: JSONBody[Decided], session: Session, caller: Asker) -> Listing[Answer]:
    """Decide about up to 1,000 proposals in the same way; an answer for each, in the order asked."""
    return Listing(list(decide(session, caller, data.proposals, data.decision)))


@post("/proposals/{proposal_id:uuid}/decision", sync_to_thread=True, status_code=204, tags=TAGS, opt=REVIEWS)
def decide_about(proposal_id: FromPath[UUID], data: JSONBody[Decision], session: Session, caller: Asker) -> None:
    """Approve, defer or reject one proposal. Conflict if somebody has decided already, or the record has changed."""
    decide_one(session, caller, proposal_id, data)


@get("/retention/unfulfilled", sync_to_thread=True, tags=TAGS)
def due_elsewhere(session: Session, caller: Asker, limit: Limit = 100) -> Listing[Unfulfilled]:
    """What is due to be published, or for its holder to dispose of, the longest due first."""
    return Listing(list(unfulfilled(session, caller, limit)))


@post("/retention/fulfilments", sync_to_thread=True, status_code=200, tags=TAGS, opt=FULFILS)
def done_elsewhere(data: JSONBody[Fulfilment], session: Session, caller: Asker) -> Fulfilled:
    """Confirm that records were published, or disposed of by their holder: all of those named or none."""
    return Fulfilled(fulfil(session, caller, data.records, done_on=data.done_on))


@get("/console/review", sync_to_thread=True)
def review_page(
    session: Session, caller: Asker, page: NamedDependency[Page], decided: FromQuery[int] = 0, left: FromQuery[int] = 0
) -> Response[str]:
    """The queue: how much of each class, and the open proposals with the form that decides about them."""
    return page.render(
        "retention/review.html",
        caller=caller,
        counts=queue_counts(session, caller),
        lines=queue(session, caller, limit=PAGE),
        may_review=lambda line: caller.allows(Permission.REVIEW_DISPOSAL, line.record_class.partition("/")[0]),
        may_any=Permission.REVIEW_DISPOSAL in caller.grants,
        decided=decided,
        left=left,
    )


@post("/console/review", sync_to_thread=True, status_code=303, opt=REVIEWS)
def decide_on_page(
    data: URLEncodedBody[DecideForm], session: Session, caller: Asker, council: NamedDependency[CouncilRef]
) -> Redirect:
    """Decide about what is ticked on the page."""
    ticked = data.proposal if isinstance(data.proposal, list) else [data.proposal]
    decision = Decision(outcome=data.outcome, until=_day(data.until.strip()), reason=data.reason)
    answers = decide(session, caller, ticked, decision)
    decided = sum(answer.decided for answer in answers)
    where = f"/{council.slug}/console/review?decided={decided}&left={len(answers) - decided}"
    return Redirect(where, status_code=303)


def _day(written: str) -> date | None:
    try:
        return parse_date(written, "%d/%m/%Y") if written else None
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where="until") from None


review_routes: list[Any] = [proposals, proposal_counts, propose_records, decide_many, decide_about, due_elsewhere,
                            done_elsewhere]  # fmt: skip
review_pages: list[Any] = [review_page, decide_on_page]
