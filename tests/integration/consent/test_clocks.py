"""A rule that counts from a withdrawal counts from the ledger's: the right consent's, as long as it is withdrawn."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from muniment.consent.asking import NamedRecipient
from muniment.retention.explain import explain_file
from muniment.wiring import wire
from tests.integration.consent.acts import answer, take_back
from tests.integration.consent.kit import RETENTION, TODAY, House


@pytest.fixture(autouse=True)
def _listeners() -> None:
    wire()


def clock(house: House, file_id: UUID) -> tuple[str, date | None]:
    [row] = house.all("select state, due_on from record where file_id = :file", file=file_id)
    return row.state, row.due_on


def test_the_clock_starts_with_the_withdrawal_and_stops_when_it_is_given_again(house: House) -> None:
    file_id = house.register({"personal.story": ("stories",)}, "portrait")
    assert clock(house, file_id) == ("running", None)
    answer(house, file_id, on=TODAY - timedelta(days=9))
    assert clock(house, file_id) == ("running", None)
    take_back(house, file_id, on=TODAY - timedelta(days=1))
    assert clock(house, file_id) == ("dated", date(2026, 12, 19))
    with house.session() as session:
        [explained] = explain_file(session, house.caller, file_id)
    assert "from the consent ledger" in " ".join(explained.lines)
    answer(house, file_id)
    assert clock(house, file_id) == ("running", None)


def test_another_consents_withdrawal_moves_no_clock(house: House) -> None:
    """Nor does taking back a permission, nor withdrawing for one recipient of several."""
    file_id = house.register({"personal.note": ("support",)}, "portrait")
    answer(house, file_id)
    take_back(house, file_id)
    answer(house, file_id, "support", "permission", wording="I agree.", recipients=())
    take_back(house, file_id, "support", "permission")
    assert clock(house, file_id) == ("running", None)
    told = house.register({"personal.story": ("vacancies",)}, "portrait")
    for body in ("works", "Bakery"):
        answer(house, told, "vacancies", recipients=(NamedRecipient("employers", body),))
    take_back(house, told, "vacancies", recipients=(NamedRecipient("employers", "Bakery"),))
    assert clock(house, told) == ("running", None)
    take_back(house, told, "vacancies")
    assert clock(house, told) == ("dated", date(2026, 12, 20))


def test_a_rule_may_name_the_consent(house: House) -> None:
    from_stories: dict[str, Any] = {"event": "consent-withdrawn", "purpose": "stories"}
    named = [
        {**rule, "clause": [{**rule["clause"][0], "from": from_stories}]} if rule["id"] == "portrait" else rule
        for rule in RETENTION["rule"]
    ]
    house.adopt(retention={**RETENTION, "rule": named})
    try:
        file_id = house.register({}, "portrait")  # without values: what it is held for is not known
        answer(house, file_id)
        take_back(house, file_id)
        assert clock(house, file_id) == ("dated", date(2026, 12, 20))
    finally:
        house.adopt()
    other = house.register({}, "portrait")
    answer(house, other)
    take_back(house, other)
    assert clock(house, other) == ("running", None)
