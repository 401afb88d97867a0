"""What stands is read off the ledger, and agrees with the plain telling of it whatever happened in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from muniment.consent.ledger import Entry, on_erased
from muniment.consent.standing import standing, standings
from muniment.database.errors import sqlstate_of
from muniment.database.signals import Erased
from tests.integration.consent.kit import SERVICE, TODAY, House
from tests.integration.consent.reference import LIVE, reference

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
BODIES = ("newspaper", "radio", "employers/works")
STATES = ("requested", "given", "refused", "reconfirmed", "withdrawn", "expired", "superseded")


def entry(house: House, state: Any, purpose: str = "stories", kind: Any = "consent", **changes: Any) -> Entry:
    """An event as the ledger takes it."""
    proof: dict[str, Any] = {"wording": "I agree.", "language": "en", "channel": "in-person", "how": "signed"}
    names = changes.get("recipients", ())
    return Entry(
        kind=kind,
        state=state,
        purpose=purpose,
        policy_hash=house.policy.hash,
        **{
            "at": NOON,
            "named": names,
            **(proof | {"document_id": house.document} if state in LIVE else {}),
            **({"about": uuid4()} if state in ("expired", "superseded") else {}),
            **changes,
        },
    )


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What happened: states, recipients, days (not always in the order of writing down) and expiry."""
    return draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "state": st.sampled_from(STATES),
                    "purpose": st.sampled_from(("stories", "vacancies")),
                    "kind": st.sampled_from(("consent", "consent", "permission")),
                    "recipients": st.lists(st.sampled_from(BODIES), max_size=2, unique=True).map(tuple),
                    "at": st.integers(0, 4).map(lambda day: NOON + timedelta(days=day)),
                    "explicit": st.booleans(),
                    "days": st.sampled_from((None, None, -1, 0, 1)),
                }
            ),
            max_size=9,
        )
    )


def told(state: str, day: int, *recipients: str) -> dict[str, Any]:
    """One of those events."""
    return {"state": state, "purpose": "stories", "kind": "consent", "recipients": recipients,
            "at": NOON + timedelta(days=day), "explicit": False, "days": None}  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
@example(history=[told("given", 3, "newspaper"), told("withdrawn", 1)])  # written down late, and earlier all the same
@example(history=[told("given", 1, "newspaper"), {**told("given", 2, "radio"), "days": -1}])  # one of two has run out
@example(history=[told("refused", 1, "newspaper"), told("requested", 3)])  # asked again: the refusal still stands
def test_what_stands_agrees_with_the_plain_telling(house: House, history: list[dict[str, Any]]) -> None:
    entries = []
    for event in history:
        days = event.pop("days") if event["state"] in LIVE else (event.pop("days"), None)[1]
        entries.append(entry(house, **event, expires_on=None if days is None else TODAY + timedelta(days=days)))
    file_id = house.register()
    house.append(file_id, *entries)
    with house.session() as session:
        shown = {(each.kind, each.purpose): each for each in standings(session, file_id)}
        for kind in ("consent", "permission"):
            for purpose in ("stories", "vacancies"):
                mine = [each for each in entries if (each.kind, each.purpose) == (kind, purpose)]
                found = standing(session, [file_id, uuid4()], SERVICE, purpose, kind)
                one = found.get(file_id)
                told = None if one is None else (one.state, one.recipients, one.explicit)
                assert told == reference(mine, TODAY)
                assert shown.get((kind, purpose)) == one


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
def test_after_a_withdrawal_nothing_is_live_whatever_came_before(house: House, history: list[dict[str, Any]]) -> None:
    entries = [entry(house, **{name: value for name, value in each.items() if name != "days"}) for each in history]
    file_id = house.register()
    house.append(file_id, *entries, entry(house, "withdrawn", at=NOON + timedelta(days=5)))
    found = house.standing(file_id, "stories")
    assert found is not None
    assert (found.state, found.live, found.recipients) == ("withdrawn", False, ())


def test_the_ledger_only_grows(house: House) -> None:
    """The application can add an event, and neither change one nor take it away."""
    file_id = house.register()
    house.append(file_id, entry(house, "given", recipients=("newspaper",)))
    before = set(map(repr, house.all("select * from consent_event")))
    for attempt in ("update consent_event set state = 'withdrawn'", "delete from consent_event"):
        with pytest.raises(ProgrammingError) as refused:
            house.all(attempt)
        assert sqlstate_of(refused.value) == "42501"
    house.append(file_id, entry(house, "withdrawn", at=NOON + timedelta(hours=1)))
    assert before < set(map(repr, house.all("select * from consent_event")))


def test_another_council_is_told_nothing(house: House, other: House) -> None:
    file_id = house.register()
    house.append(file_id, entry(house, "given"))
    assert house.standing(file_id, "stories") is not None
    assert other.standing(file_id, "stories") is None
    with house.session() as session:
        assert standing(session, [file_id], "elsewhere", "stories") == {}


def test_when_the_file_has_gone_the_ledger_stays_and_names_nobody(house: House) -> None:
    file_id = house.register()
    event_id = house.append(file_id, entry(house, "given"))[0]
    with house.session() as session:
        session.execute(text("delete from record where file_id = :file"), {"file": file_id})
        session.execute(text("delete from client_file where id = :file"), {"file": file_id})
        on_erased(session, Erased("client_file", [file_id]))
    assert house.standing(file_id, "stories") is None
    left = house.all(
        "select s.file_id, s.ended_on, e.wording from consent_event e join consent_subject s on s.id = e.subject_id"
        " where e.id = :id",
        id=event_id,
    )
    assert left == [(None, TODAY, "I agree.")]
