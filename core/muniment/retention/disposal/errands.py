"""What a walk of the sweep is out for: a sweep walks what is due once for each errand that armed rules give it.

The plain one destroys what its rule says is to be destroyed. Where a rule asks for a review, one carries out what each
approver has approved, and the last proposes what nobody has looked at. Where it says that records go to an archive, one
destroys what the archive has, others what it refused and a reviewer approved, and the last packs the rest. What is to
be redacted or pseudonymised and lies on paper or in another system too is proposed: somebody sees to what lies there,
and then approves that it is done here. So is a register that is to go to an archive or to be made anonymous: somebody
hands it over, or writes its figures down, and then approves that it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from sqlalchemy import ColumnElement, and_, select, true

from muniment.database.registry import table_of
from muniment.database.session import Actor, CouncilSession
from muniment.retention.approval.deciding import approvers
from muniment.retention.approval.proposing import fingerprint, needs_proposing
from muniment.retention.approval.tables import Proposal
from muniment.retention.disposal.archiving import has_been_received, needs_packing
from muniment.retention.rules.clock_sql import MOST_MARKED
from muniment.retention.rules.compile import (
    ANONYMISE,
    ARCHIVE,
    DESTROY,
    PSEUDONYMISE,
    REDACT,
    RESTRICT,
    REVIEW,
    TRANSFER,
    Clock,
)
from muniment.retention.subjects import RECORDS, Subject

__all__ = ["DESTROYING", "PROPOSING", "Errand", "errands"]

PROPOSAL = table_of(Proposal)


def _every(_subject: Subject, _today: date) -> ColumnElement[bool]:
    return true()


@dataclass(frozen=True)
class Errand:
    """Rows whose clock says `action`, and of which `also` is true: they are destroyed, proposed to a reviewer,
    packed for an archive, or changed and kept. `approver` decided about each of them, where somebody did. Of what
    `hands_over` somebody else has the thing itself now: its paper is nowhere to be destroyed. `method` is how it was
    done, in the words of a certificate, where that differs from the action's."""

    action: str
    also: Callable[[Subject, date], ColumnElement[bool]] = _every
    approver: Actor | None = None
    does: Literal["destroy", "propose", "pack", "change"] = "destroy"
    hands_over: bool = False
    method: str | None = None

    @property
    def certified_as(self) -> str:
        """The action that a certificate names: of what a reviewer approved, that it was destroyed, unless they saw to
        the action itself."""
        destroyed = self.approver is not None and self.does == "destroy" and self.method is None
        return DESTROY if destroyed else self.action


DESTROYING = Errand(DESTROY)
PROPOSING = Errand(REVIEW, needs_proposing, does="propose")


def errands(session: CouncilSession, subject: Subject, armed: Mapping[str, Clock]) -> list[Errand]:
    """What is to be done in a clocked table, in order, under rules that are armed."""
    actions = {entry.action for clock in armed.values() for entry in clock.clauses if entry.stage < MOST_MARKED}
    found = [DESTROYING]
    if REVIEW in actions:
        found += [_approved_by(approver, REVIEW) for approver in approvers(session, subject)]
        found.append(PROPOSING)
    if subject is RECORDS and ARCHIVE in actions:
        found.append(Errand(ARCHIVE, has_been_received, hands_over=True))
        found += [_approved_by(approver, ARCHIVE) for approver in approvers(session, subject)]
        found.append(Errand(ARCHIVE, needs_packing, does="pack"))
    if subject is RECORDS:
        found += [errand for errand in OF_RECORDS if errand.action in actions]
        for action in sorted(SEEN_TO & actions):
            found += [_approved_by(approver, action, "change") for approver in approvers(session, subject)]
            found.append(Errand(action, _to_be_seen_to, does="propose"))
    else:
        for action in sorted(BY_HAND.keys() & actions):
            approved = [_approved_by(approver, action) for approver in approvers(session, subject)]
            found += [replace(errand, hands_over=action == ARCHIVE, method=BY_HAND[action]) for errand in approved]
            found.append(Errand(action, needs_proposing, does="propose"))
    return found


def _lies_here_alone(subject: Subject, _today: date) -> ColumnElement[bool]:
    return subject.lies_here_alone


def _to_be_seen_to(subject: Subject, today: date) -> ColumnElement[bool]:
    """What lies elsewhere too, where nothing stands in the review queue about it."""
    return and_(~subject.lies_here_alone, needs_proposing(subject, today))


BY_HAND: Mapping[str, str] = {
    ANONYMISE: "figures written down by whoever approved it; register deleted, key noted for erasure from backups",
    ARCHIVE: "handed to the archive by whoever approved it; register deleted, key noted for erasure from backups",
}
"""What is done about a register once somebody has seen to it, and how, in the words of a certificate."""

SEEN_TO = frozenset({PSEUDONYMISE, REDACT})
"""What is done about a record that lies elsewhere too once somebody has seen to what lies there."""

OF_RECORDS = (
    Errand(REDACT, _lies_here_alone, does="change"),
    Errand(TRANSFER, does="change"),
    Errand(RESTRICT, does="change"),
    Errand(PSEUDONYMISE, _lies_here_alone, does="change"),
    Errand(ANONYMISE),
)


def _approved_by(approver: Actor, action: str, does: Literal["destroy", "change"] = "destroy") -> Errand:
    def still_approved(subject: Subject, today: date) -> ColumnElement[bool]:
        """Approved by them, in time, and since then unchanged."""
        table = subject.table
        approval = select(PROPOSAL.c.id).where(
            and_(PROPOSAL.c.council_id == table.c.council_id, PROPOSAL.c.record_id == table.c.id),
            PROPOSAL.c.state == "approved",
            PROPOSAL.c.until >= today,
            PROPOSAL.c.decided_kind == approver.kind,
            PROPOSAL.c.decided_role == approver.role,
            PROPOSAL.c.decided_by.is_not_distinct_from(approver.id),
            PROPOSAL.c.fingerprint == fingerprint(subject),
        )
        return approval.correlate(table).exists()

    return Errand(action, still_approved, approver, does)
