"""What is known around a question, the same for every client: agreements, a decided request, a stop, policy documents.

Whoever ends one of these, or a programme that people are in, takes the council's lock alone; whoever is about to give
something away shares it. So a disclosure either sees that it ended, or is committed before.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from muniment.api.errors import NotFound
from muniment.database.advisory import take_alone, take_shared
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import ProgrammeChanged
from muniment.policy.documents import documented
from muniment.policy.model import Policy
from muniment.sharing.arrangement_tables import SharingAgreement, SharingRequest, SharingStop
from muniment.sharing.question import AgreementKnown, Circumstances, RequestKnown
from muniment.sharing.terms import Terms

__all__ = ["REQUEST", "circumstances", "ending", "giving", "on_programme_changed"]

AGREEMENT = table_of(SharingAgreement)
REQUEST = table_of(SharingRequest)
STOP = table_of(SharingStop)

NAME = "muniment.sharing"
NO_REQUEST = "There is no such request."


def giving(session: CouncilSession) -> None:
    """Hold off whoever would end an agreement, a request or place a stop, until this transaction ends."""
    take_shared(session, NAME)


def ending(session: CouncilSession) -> None:
    """Wait for disclosures under way, and hold off the next until this transaction ends."""
    take_alone(session, NAME)


def on_programme_changed(session: CouncilSession, _changed: ProgrammeChanged) -> None:
    """A programme has ended, or is said to have ended on another day: who is in it decides what its funder is given."""
    ending(session)


def circumstances(
    session: CouncilSession, policy: Policy, terms: Terms, request_id: UUID | None
) -> tuple[Circumstances, UUID | None]:
    """What is known around a question today, and the file that the request is about, if one is named.

    Raises `NotFound` for a request that is not there, or is another service's.
    """
    question, today = terms.question, session.clock.today()
    here = (
        AGREEMENT.c.council_id == session.council_id,
        AGREEMENT.c.service == question.service,
        AGREEMENT.c.recipient == terms.recipient_key,
        AGREEMENT.c.from_on <= today,
        or_(AGREEMENT.c.last_day.is_(None), AGREEMENT.c.last_day >= today),
    )
    agreements = tuple(
        AgreementKnown(frozenset(row.purposes), frozenset(row.categories))
        for row in session.execute(select(AGREEMENT.c.purposes, AGREEMENT.c.categories).where(*here))
    )
    stopped = session.scalar(
        select(STOP.c.id)
        .where(
            STOP.c.council_id == session.council_id,
            STOP.c.service == question.service,
            STOP.c.recipient.in_((terms.recipient_key, question.recipient)),
            STOP.c.ended_on.is_(None),
        )
        .limit(1)
    )
    row = None if request_id is None else _request(session, request_id, question.service)
    known = Circumstances(
        documented=documented(session, policy, question.service),
        agreements=agreements,
        request=None if row is None else _known(row, terms, today),
        stopped=stopped is not None,
    )
    return known, None if row is None else row.file_id


def _request(session: CouncilSession, request_id: UUID, service: str) -> Any:
    here = (REQUEST.c.council_id == session.council_id, REQUEST.c.id == request_id, REQUEST.c.service == service)
    row = session.execute(select(REQUEST).where(*here)).one_or_none()
    if row is None:
        raise NotFound(NO_REQUEST)
    return row


def _known(row: Any, terms: Terms, today: Any) -> RequestKnown:
    """What a request allows: nothing that it was not decided for, and nothing to anybody else."""
    fits = row.recipient == terms.recipient_key and row.purpose == terms.question.purpose
    return RequestKnown(
        shared=row.state == "share" and fits,
        open=row.last_day is None or row.last_day >= today,
        fields=frozenset(row.decided_fields),
        untold=row.kind != "one-off" and row.person_told is False,
    )
