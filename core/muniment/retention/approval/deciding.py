"""Deciding about proposals: a reviewer who is not the proposer approves, defers or rejects, one or a thousand at once.

An approval destroys nothing by itself: the next sweep carries it out under the approver's authority, if the record is
still what it was, no hold stands and its day is over. One that is not carried out in time lapses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, NoReturn
from uuid import UUID

import msgspec
from sqlalchemy import Date, Integer, func, literal, select, tuple_, update

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, Forbidden, InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record_many
from muniment.clients.facts import RECORD, REGISTER
from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession
from muniment.retention.approval.proposing import MOST, fingerprint
from muniment.retention.approval.tables import Proposal
from muniment.retention.rules.clock_sql import with_ids
from muniment.retention.rules.compile import REVIEW
from muniment.retention.subjects import SUBJECTS, Subject

__all__ = [
    "Answer", "Decision", "ProposalCount", "ProposalView", "approvers", "decide", "decide_one", "queue", "queue_counts",
]  # fmt: skip

PROPOSAL = table_of(Proposal)

APPROVAL_COUNTS: Final = timedelta(days=30)
"""How long after the decision (or, where it was made ahead, after the record's last day) an approval is carried out."""

Outcome = Literal["approve", "defer", "reject"]
State = Literal["open", "approved", "deferred", "rejected"]
Problem = Literal["not-found", "forbidden", "own", "program", "decided", "changed"]

STATES: Final[Mapping[Outcome, tuple[State, AuditEvent]]] = {
    "approve": ("approved", AuditEvent.DISPOSAL_APPROVED),
    "defer": ("deferred", AuditEvent.DISPOSAL_DEFERRED),
    "reject": ("rejected", AuditEvent.DISPOSAL_REJECTED),
}
PROBLEMS: Final[Mapping[Problem, str]] = {
    "not-found": "There is no such proposal: it was proposed anew, or its record is gone.",
    "forbidden": "This needs the permission retention.review for the service of the record.",
    "own": "Whoever proposed a disposal cannot decide about it: somebody else must.",
    "program": "A program is no second person: what a person or another program proposed, a person decides about.",
    "decided": "Somebody has decided about this proposal already.",
    "changed": "The record has changed since it was proposed: the next sweep proposes it anew.",
}


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is decided: `approve` (carried out by the next sweep after its day), `defer` (kept, and proposed again on
    `until`, a date in London) or `reject` (kept; proposed again only if it changes). The last two need a `reason`."""

    outcome: Outcome
    until: date | None = None
    reason: str = ""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one proposal: decided, or why not. Problems: `not-found`, `forbidden`, `own` (the proposer's),
    `program` (no second person), `decided` (by somebody else meanwhile), `changed` (the record)."""

    proposal: UUID
    decided: bool
    problem: Problem | None = None
    detail: str = ""


class ProposalView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the queue. `again` is why it was proposed anew: `changed`, `deferred` (its day has come) or `lapsed`.

    `until` is the last day on which an approval counts, or the day on which what was deferred is proposed again.
    `action` is what the next sweep does once it is approved: with `redact` and `pseudonymise` the record lies on paper
    or in another system too, and whoever approves has seen to what lies there; with all others it is destroyed. Of a
    register (`file_id` is null) that is for the `archive`, or to be made anonymous, whoever approves has seen to that.
    Kinds and keys say who, as in the audit log.
    """

    id: UUID
    record_id: UUID
    file_id: UUID | None
    record_class: str
    action: str
    due_on: date
    state: State
    again: str | None
    proposed_at: datetime
    proposed_kind: str
    proposed_by: UUID | None
    until: date | None
    reason: str | None
    decided_at: datetime | None
    decided_kind: str | None
    decided_by: UUID | None


class ProposalCount(msgspec.Struct, frozen=True):
    """How many proposals of a class are in each state."""

    record_class: str
    states: Mapping[str, int]


def decide(
    session: CouncilSession, caller: Caller, proposals: Sequence[UUID], decision: Decision
) -> tuple[Answer, ...]:
    """Decide about proposals in the same way; an answer for each, in the order given.

    Of two who decide about the same one the second is told so. Raises `InvalidInput`, and `Forbidden` for somebody who
    may decide about none.
    """
    caller.require_somewhere(Permission.REVIEW_DISPOSAL)
    wanted = list(dict.fromkeys(proposals))
    if not wanted or len(wanted) > MOST:
        raise InvalidInput(f"Name from 1 to {MOST} proposals.", where="proposals")
    _check(decision, session.clock.today())
    found = {
        row.id: row
        for row in session.execute(
            select(PROPOSAL).where(with_ids(session, wanted)(PROPOSAL)).order_by(PROPOSAL.c.record_id).with_for_update()
        )
    }
    now_is = _fingerprints(session, [row.record_id for row in found.values()])
    problems = {key: _problem(caller, found.get(key), now_is) for key in wanted}
    _write(session, caller.actor, [found[key] for key in wanted if problems[key] is None], decision)
    return tuple(
        Answer(key, True) if problem is None else Answer(key, False, problem, PROBLEMS[problem])
        for key, problem in problems.items()
    )


def decide_one(session: CouncilSession, caller: Caller, proposal: UUID, decision: Decision) -> None:
    """Decide about one proposal. Raises `NotFound`, `Forbidden`, `Conflict`, `InvalidInput`."""
    [answer] = decide(session, caller, [proposal], decision)
    if answer.problem is not None:
        _raise(answer.problem)


def queue(
    session: CouncilSession,
    caller: Caller,
    *,
    state: State = "open",
    record_class: str | None = None,
    after: tuple[date, UUID] | None = None,
    limit: int = 100,
) -> tuple[ProposalView, ...]:
    """Proposals in a state, the longest due first, of the services that the caller may see; `after` is the last day
    and key of the line before."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    query = (
        select(PROPOSAL, RECORD.c.file_id, func.coalesce(RECORD.c.action, REGISTER.c.action, REVIEW).label("action"))
        .outerjoin(RECORD, (RECORD.c.council_id == PROPOSAL.c.council_id) & (RECORD.c.id == PROPOSAL.c.record_id))
        .outerjoin(REGISTER, (REGISTER.c.council_id == PROPOSAL.c.council_id) & (REGISTER.c.id == PROPOSAL.c.record_id))
        .where(PROPOSAL.c.council_id == session.council_id, PROPOSAL.c.state == state)
        .order_by(PROPOSAL.c.due_on, PROPOSAL.c.id)
    )
    if record_class is not None:
        query = query.where(PROPOSAL.c.record_class == record_class)
    if services is not None:
        query = query.where(func.split_part(PROPOSAL.c.record_class, "/", 1).in_(sorted(services)))
    if after is not None:
        query = query.where(tuple_(PROPOSAL.c.due_on, PROPOSAL.c.id) > tuple_(*after))
    names = ProposalView.__struct_fields__
    return tuple(
        ProposalView(**{name: getattr(row, name) for name in names}) for row in session.execute(query.limit(limit))
    )


def queue_counts(session: CouncilSession, caller: Caller) -> tuple[ProposalCount, ...]:
    """How much is in the queue of each class, of the services that the caller may see, in order of class."""
    services = caller.require_somewhere(Permission.READ_RETENTION)
    grouped = (
        select(PROPOSAL.c.record_class, PROPOSAL.c.state, func.count())
        .where(PROPOSAL.c.council_id == session.council_id)
        .group_by(PROPOSAL.c.record_class, PROPOSAL.c.state)
    )
    by_class: dict[str, dict[str, int]] = {}
    for record_class, state, count in session.execute(grouped.order_by(PROPOSAL.c.record_class, PROPOSAL.c.state)):
        if services is None or record_class.partition("/")[0] in services:
            by_class.setdefault(record_class, {})[state] = count
    return tuple(ProposalCount(record_class, states) for record_class, states in by_class.items())


def approvers(session: CouncilSession, subject: Subject) -> list[Actor]:
    """Whoever has approved anything of a clocked table that has not gone yet."""
    who = (PROPOSAL.c.decided_kind, PROPOSAL.c.decided_role, PROPOSAL.c.decided_by)
    here = PROPOSAL.c.council_id == session.council_id, PROPOSAL.c.kept_in == subject.name
    mine = select(*who).where(*here, PROPOSAL.c.state == "approved").distinct()
    return [Actor(row.decided_kind, row.decided_by, role=row.decided_role) for row in session.execute(mine)]


def _check(decision: Decision, today: date) -> None:
    if decision.outcome != "approve" and not decision.reason.strip():
        raise InvalidInput("Say why.", where="reason")
    if (decision.outcome == "defer") != (decision.until is not None):
        raise InvalidInput("A day goes with deferring, and with nothing else.", where="until")
    if decision.until is not None and decision.until <= today:
        raise InvalidInput("Defer to a day after today.", where="until")


def _problem(caller: Caller, row: Any, now_is: Mapping[UUID, str]) -> Problem | None:
    if row is None:
        return "not-found"
    service = row.record_class.partition("/")[0]
    if not caller.allows(Permission.REVIEW_DISPOSAL, service):
        return "forbidden" if caller.allows(Permission.READ_RETENTION, service) else "not-found"
    if row.state != "open":
        return "decided"
    proposer = Actor(row.proposed_kind, row.proposed_by, role=row.proposed_role)
    if (no_second := caller.actor.not_second_to(proposer)) is not None:
        return no_second
    return None if now_is.get(row.record_id) == row.fingerprint else "changed"


def _fingerprints(session: CouncilSession, record_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What the records come to now."""
    these = with_ids(session, list(record_ids))
    found: dict[UUID, str] = {}
    for subject in SUBJECTS:
        table = subject.table
        rows = session.execute(select(table.c.id, fingerprint(subject)).where(these(table), table.c.disposal.is_(None)))
        found |= {row[0]: row[1] for row in rows}
    return found


def _write(session: CouncilSession, actor: Actor, rows: Sequence[Any], decision: Decision) -> None:
    state, event = STATES[decision.outcome]
    reason = decision.reason.strip() or None
    decided: dict[str, Any] = {"state": state, "reason": reason, "decided_at": session.clock.now()}
    decided |= {"decided_kind": actor.kind, "decided_role": actor.role, "decided_by": actor.id}
    until: Any = decision.until
    if decision.outcome == "approve":
        counts_from = func.greatest(PROPOSAL.c.due_on, literal(session.clock.today(), Date))
        until = counts_from.op("+", return_type=Date())(literal(APPROVAL_COUNTS.days, Integer))
    these = with_ids(session, [row.id for row in rows])(PROPOSAL)
    session.execute(update(PROPOSAL).where(these).values(until=until, **decided))
    facts = {"until": decision.until} if decision.until else {}
    record_many(session, event, [row.record_id for row in rows], **facts)


def _raise(problem: Problem) -> NoReturn:
    message = PROBLEMS[problem]
    match problem:
        case "not-found":
            raise NotFound(message)
        case "forbidden" | "own" | "program":
            raise Forbidden(message)
        case _:
            raise Conflict(message, code=f"proposal-{problem}")
