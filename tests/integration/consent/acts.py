"""Quick ways to record what somebody of a test answered, and that they take it back."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from muniment.consent.acting import NewWithdrawal, Withdrawn, record_answer, withdraw
from muniment.consent.asking import NamedRecipient, NewAnswer
from muniment.consent.history import events_of, with_evidence
from tests.integration.consent.kit import TODAY, House

__all__ = ["IN_PERSON", "answer", "take_back", "told"]

IN_PERSON: Final[dict[str, Any]] = {"channel": "in-person", "how": "signed", "language": "en"}


def answer(house: House, file_id: UUID, purpose: str = "stories", kind: Any = "consent", **changes: Any) -> UUID:
    """Record an answer about the stories, given in person unless it is changed; the event's key. One of an earlier day
    was given on the leaflet of before, as were the words."""
    shown: dict[str, Any] = {"version": house.version}
    if changes.get("on") not in (None, TODAY):
        shown = {"document": house.document, "wording": "I agree.", "recipients": (NamedRecipient("newspaper"),)}
    new = NewAnswer(**{"purpose": purpose, "answer": "given", **shown, **IN_PERSON, **changes})
    with house.session() as session:
        context = house.context(session)
        return record_answer(session, house.caller, context, house.store, file_id, kind, new)


def take_back(
    house: House, file_id: UUID, purpose: str = "stories", kind: Any = "consent", **changes: Any
) -> Withdrawn:
    """Withdraw by telephone, unless it is changed."""
    new = NewWithdrawal(**{"channel": "telephone", **changes})
    with house.session() as session:
        return withdraw(session, house.caller, house.context(session), file_id, kind, purpose, new)


def told(house: House, file_id: UUID) -> list[Any]:
    """Every event about somebody, with what was handed in."""
    with house.session() as session:
        return list(with_evidence(session, events_of(session, file_id)))
