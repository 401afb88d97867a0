"""What became of things to be destroyed elsewhere, over the API and on the console: destroyed, lost, still needed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation, URLEncodedBody
from litestar.response import Redirect
from msgspec import Meta

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import InvalidInput
from muniment.clients.parsing import BadValue, parse_date
from muniment.database.session import CouncilSession
from muniment.retention.disposal.confirming import Confirmed, confirm
from muniment.retention.disposal.outcomes import Searched, accept_lost, not_found, still_needed
from muniment.retention.evidence.ledger import Ledger
from muniment.web.council import CouncilRef
from muniment.web.unit_of_work import needs

__all__ = ["outcome_pages", "outcome_routes"]

TAGS = ["retention"]
SWEEPS = needs(Permission.SWEEP_RETENTION)
READS = needs(Permission.READ_RETENTION)
NOTED = {
    "destroyed": ("Destroyed", Permission.SWEEP_RETENTION),
    "not-found": ("Looked for, not found", Permission.SWEEP_RETENTION),
    "lost": ("Accepted as lost", Permission.REVIEW_DISPOSAL),
    "still-needed": ("Still needed", Permission.HOLD_RECORDS),
}
"""What may be noted on the page, in words, and what somebody must hold for it."""

SHOWN_AS = {"destroyed": "confirmed", "not-found": "searched", "lost": "lost", "still-needed": "kept"}
"""What the page is asked to say, by outcome."""

Asker = NamedDependency[Caller]
LedgerFolder = NamedDependency[SkipValidation[Path]]
Session = NamedDependency[CouncilSession]
Keys = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=1000)]
Words = Annotated[str, Meta(min_length=1, max_length=2000)]


class Destroyed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Things on paper or in other systems that were destroyed: their records' keys, on which day, and how.

    `in_system`: they were erased by hand in the systems that are asked for them, too.
    """

    records: Keys
    destroyed_on: date
    method: Words
    in_system: bool = False


class NotFoundThings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Things that somebody looked for on a day and did not find: their records' keys."""

    records: Keys
    searched_on: date


class LostThings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Things that were looked for and not found, and why it is accepted that they are lost."""

    records: Keys
    reason: Words


class AcceptedAsLost(msgspec.Struct, frozen=True):
    """How many things were accepted as lost."""

    count: int


class NeededThings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Things that are still needed: their records' keys, and the words of the hold on each, as for any hold."""

    records: Keys
    basis: str = "other"
    ground: Words
    authoriser: Words
    review_on: date


class Withheld(msgspec.Struct, frozen=True):
    """The holds that keep things from being destroyed, in the order of their records' keys."""

    holds: list[UUID]


class OutcomeForm(msgspec.Struct, frozen=True):
    """What is ticked on the page and what became of it. Which fields are asked for depends on the outcome."""

    outcome: Literal["destroyed", "not-found", "lost", "still-needed"] = "destroyed"
    destroyed_on: str = ""
    method: str = ""
    basis: str = "other"
    authoriser: str = ""
    review_on: str = ""
    record: UUID | list[UUID] = msgspec.field(default_factory=list)


@post("/destructions", sync_to_thread=True, status_code=200, tags=TAGS, opt=SWEEPS)
def confirm_destroyed(
    data: JSONBody[Destroyed], session: Session, caller: Asker, ledger_dir: LedgerFolder
) -> Confirmed:
    """Confirm that things were destroyed: all of those named or none. Conflict if a hold stands on one.

    Of what lies in a system that is asked, too, the paper alone is settled, unless `in_system` says otherwise.
    """
    return confirm(
        session, caller, Ledger(ledger_dir, session.council_id), data.records,
        destroyed_on=data.destroyed_on, method=data.method, in_system=data.in_system,
    )  # fmt: skip


@post("/destructions/searches", sync_to_thread=True, status_code=200, tags=TAGS, opt=SWEEPS)
def note_search(data: JSONBody[NotFoundThings], session: Session, caller: Asker, ledger_dir: LedgerFolder) -> Searched:
    """Note that things were looked for and not found. What somebody else had looked for before is lost now."""
    ledger = Ledger(ledger_dir, session.council_id)
    return not_found(session, caller, ledger, data.records, searched_on=data.searched_on)


@post("/destructions/losses", sync_to_thread=True, status_code=200, tags=TAGS, opt=needs(Permission.REVIEW_DISPOSAL))
def accept_losses(
    data: JSONBody[LostThings], session: Session, caller: Asker, ledger_dir: LedgerFolder
) -> AcceptedAsLost:
    """Accept that things which somebody else looked for are lost: all of those named or none."""
    ledger = Ledger(ledger_dir, session.council_id)
    return AcceptedAsLost(accept_lost(session, caller, ledger, data.records, reason=data.reason))


@post("/destructions/holds", sync_to_thread=True, status_code=201, tags=TAGS, opt=needs(Permission.HOLD_RECORDS))
def keep_needed(data: JSONBody[NeededThings], session: Session, caller: Asker, ledger_dir: LedgerFolder) -> Withheld:
    """Keep things from being destroyed that are still needed: a hold on each, all of those named or none."""
    holds = still_needed(
        session, caller, Ledger(ledger_dir, session.council_id), data.records,
        basis=data.basis, ground=data.ground, authoriser=data.authoriser, review_on=data.review_on,
    )  # fmt: skip
    return Withheld(list(holds))


@post("/console/destructions", sync_to_thread=True, status_code=303, opt=READS)
def note_on_page(
    data: URLEncodedBody[OutcomeForm],
    session: Session,
    caller: Asker,
    ledger_dir: LedgerFolder,
    council: NamedDependency[CouncilRef],
) -> Redirect:
    """Note what became of what is ticked on the page: of all of it or of none. It depends on the outcome who may."""
    caller.require_somewhere(NOTED[data.outcome][1])
    ticked = data.record if isinstance(data.record, list) else [data.record]
    ledger, asked = Ledger(ledger_dir, session.council_id), 0
    match data.outcome:
        case "destroyed":
            day = _day(data.destroyed_on, "destroyed_on")
            confirmed = confirm(session, caller, ledger, ticked, destroyed_on=day, method=data.method)
            count, asked = confirmed.count, confirmed.asked
        case "not-found":
            day = _day(data.destroyed_on, "destroyed_on")
            count = not_found(session, caller, ledger, ticked, searched_on=day).noted
        case "lost":
            count = accept_lost(session, caller, ledger, ticked, reason=data.method)
        case "still-needed":
            day = _day(data.review_on, "review_on")
            holds = still_needed(
                session, caller, ledger, ticked, basis=data.basis, ground=data.method, authoriser=data.authoriser,
                review_on=day,
            )  # fmt: skip
            count = len(holds)
    shown = f"{SHOWN_AS[data.outcome]}={count}" + (f"&asked={asked}" if asked else "")
    return Redirect(f"/{council.slug}/console/destructions?{shown}", status_code=303)


def _day(written: str, where: str) -> date:
    try:
        return parse_date(written.strip(), "%d/%m/%Y")
    except BadValue:
        raise InvalidInput("Write the day as in 31/03/2030.", where=where) from None


outcome_routes = [confirm_destroyed, note_search, accept_losses, keep_needed]
outcome_pages = [note_on_page]
