"""What is known around a question, the same for every client: agreements, a decided request, a stop, policy documents.

Whoever ends one of these or a programme that people are in, withdraws a document or adopts another policy takes the
council's lock alone; whoever is about to give something away shares it. So a disclosure either sees that, or is
committed before.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, text

from muniment.api.errors import NotFound
from muniment.consent.acts import keys_of
from muniment.database.advisory import take_alone, take_shared
from muniment.database.exchange import Asked
from muniment.database.registry import table_of
from muniment.database.session import CouncilSession
from muniment.database.signals import DocumentWithdrawn, PolicyAdopted, ProgrammeChanged
from muniment.policy.documents import documented
from muniment.policy.model import Policy
from muniment.sharing.arrangement_tables import SharingRequest
from muniment.sharing.question import AgreementKnown, Circumstances, RequestKnown
from muniment.sharing.tables import Disclosure
from muniment.sharing.terms import Terms

__all__ = [
    "REQUEST", "circumstances", "ending", "giving", "on_document_withdrawn", "on_policy_adopted",
    "on_programme_changed", "open_on",
]  # fmt: skip

DISCLOSURE = table_of(Disclosure)
REQUEST = table_of(SharingRequest)

_AGREEMENTS = text(
    "select purposes, categories from sharing_agreement where council_id = :council_id and service = :service"
    " and recipient = :recipient and from_on <= :today and ended_because is null"
    " and (last_day is null or last_day >= :today)"
)
_STOPS = text(
    "select 1 from sharing_stop where council_id = :council_id and service = :service and ended_on is null"
    " and (recipient = any(cast(:recipients as text[])) or known_as && cast(:recipients as text[])) limit 1"
)

NAME = "muniment.sharing"
NO_REQUEST = "There is no such request."


def giving(session: CouncilSession, *then: Asked) -> list[list[Any]]:
    """Hold off whoever would end an agreement or a request, place a stop or adopt a policy, until this transaction
    ends; the rows of each statement that is asked `then`."""
    return take_shared(session, NAME, *then)


def ending(session: CouncilSession) -> None:
    """Wait for disclosures under way, and hold off the next until this transaction ends."""
    take_alone(session, NAME)


def on_programme_changed(session: CouncilSession, _changed: ProgrammeChanged) -> None:
    """A programme has ended, or is said to have ended on another day: who is in it decides what its funder is given."""
    ending(session)


def on_document_withdrawn(session: CouncilSession, _withdrawn: DocumentWithdrawn) -> None:
    """A policy document is out of force: nothing rests on its condition once that is committed."""
    ending(session)


def on_policy_adopted(session: CouncilSession, _adopted: PolicyAdopted) -> None:
    """Another policy is in force, which may give less: nothing is given under the old one once it is committed."""
    ending(session)


def circumstances(
    session: CouncilSession, policy: Policy, terms: Terms, request_id: UUID | None, answering: UUID | None = None
) -> tuple[Circumstances, UUID | None]:
    """What is known around a question today, and the file that the request is about, if one is named. The disclosure
    `answering` it does not count as its answer.

    Raises `NotFound` for a request that is not there, or is another service's.
    """
    question, today = terms.question, session.clock.today()
    here = {"council_id": session.council_id, "service": question.service}
    agreed, stops = session.ask_together(
        (_AGREEMENTS, {**here, "recipient": terms.recipient_key, "today": today}),
        (_STOPS, {**here, "recipients": sorted(_stopping(terms))}),
    )
    agreements = tuple(AgreementKnown(frozenset(row.purposes), frozenset(row.categories)) for row in agreed)
    row = None if request_id is None else _request(session, request_id, question.service)
    known = Circumstances(
        documented=documented(session, policy, question.service),
        agreements=agreements,
        request=None if row is None else _known(session, row, terms, answering),
        stopped=bool(stops),
    )
    return known, None if row is None else row.file_id


def _stopping(terms: Terms) -> frozenset[str]:
    """The keys of the stops that stop this: of the body, by whatever name it was stopped, or of the whole kind."""
    question, recipient = terms.question, terms.recipient
    body = frozenset[str]() if recipient is None or question.body is None else keys_of(recipient, question.body)
    return body | {terms.recipient_key, question.recipient}


def _request(session: CouncilSession, request_id: UUID, service: str) -> Any:
    here = (REQUEST.c.council_id == session.council_id, REQUEST.c.id == request_id, REQUEST.c.service == service)
    # Locked, so that two who answer it at once do not both find it unanswered.
    row = session.execute(select(REQUEST).where(*here).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(NO_REQUEST)
    return row


def open_on(today: date, answering: UUID | None = None) -> ColumnElement[bool]:
    """The condition on a request that it may be answered still: until its last day or, without one, once, the
    disclosure `answering` it left aside."""
    answered = select(DISCLOSURE.c.id).where(
        DISCLOSURE.c.council_id == REQUEST.c.council_id,
        DISCLOSURE.c.service == REQUEST.c.service,
        DISCLOSURE.c.recipient == REQUEST.c.recipient,
        DISCLOSURE.c.request_id == REQUEST.c.id,
        DISCLOSURE.c.given > 0,
        DISCLOSURE.c.id.is_distinct_from(answering),
    )
    return or_(REQUEST.c.last_day >= today, REQUEST.c.last_day.is_(None) & ~answered.correlate(REQUEST).exists())


def _known(session: CouncilSession, row: Any, terms: Terms, answering: UUID | None) -> RequestKnown:
    """What a request allows: nothing that it was not decided for, and nothing to anybody else."""
    fits = row.recipient == terms.recipient_key and row.purpose == terms.question.purpose
    this = (REQUEST.c.council_id == session.council_id, REQUEST.c.id == row.id)
    return RequestKnown(
        shared=row.state == "share" and fits,
        open=bool(session.scalar(select(open_on(session.clock.today(), answering)).where(*this))),
        fields=frozenset(row.decided_fields),
        untold=row.kind != "one-off" and row.person_told is False,
    )
