"""What is left without a basis when consent is withdrawn: found, said, taken away; and what stays says why."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from muniment.api.errors import Forbidden
from muniment.clients.limiting import NewLimit, place_limit
from muniment.consent.asking import NamedRecipient
from muniment.consent.holdings import holdings
from muniment.retention.disposal.unfounded import NO_BASIS, Unfounded, take_away, unfounded, unfounded_values
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.holds.placing import NewHold, place_hold, release_hold
from muniment.web.callers import Caller, Permission
from muniment.wiring import wire
from tests.integration.consent.acts import answer, take_back
from tests.integration.consent.kit import TODAY, House


@pytest.fixture(autouse=True)
def _listeners() -> None:
    wire()


def found(house: House, file_id: UUID) -> list[Unfounded]:
    with house.session() as session:
        return [line for line in unfounded(session, house.caller, limit=1000) if line.file_id == file_id]


def remove(house: House, *record_ids: UUID) -> tuple[UUID, ...]:
    with house.session() as session:
        ledger = Ledger(session.ledger_dir, house.id)
        return take_away(session, house.caller, ledger, record_ids, house.context(session).facade)


def counted(house: House) -> dict[str, float]:
    """The gauge, by state."""
    with house.session() as session:
        figures = unfounded_values(session)
    assert figures is not None
    return {state: figure for (state,), figure in figures.items()}


def fields(house: House, file_id: UUID) -> set[str]:
    [row] = house.all("select values from record where file_id = :file", file=file_id)
    return set(row.values)


def held(house: House, file_id: UUID) -> dict[str, tuple[bool, list[tuple[str, str]]]]:
    with house.session() as session:
        lines = holdings(session, house.caller, house.context(session), file_id)
    return {line.field: (line.on_nothing, [(basis.held, basis.because) for basis in line.bases]) for line in lines}


@pytest.fixture
def told(house: House) -> UUID:
    """Somebody whose story is told with their consent, and who is supported without."""
    file_id = house.register({"personal.note": ("support", "stories"), "personal.story": ("stories",)})
    answer(house, file_id, on=TODAY - timedelta(days=3))
    return file_id


def test_every_value_says_what_it_is_held_on(house: House, told: UUID) -> None:
    task = ("stands", "public task (UK GDPR Art 6(1)(e))")
    assert held(house, told)["personal.story"] == (False, [("stands", "consent is given until 2027-11-17")])
    take_back(house, told)
    assert held(house, told) == {
        "personal.note": (False, [task, ("gone", "consent was withdrawn")]),
        "personal.story": (True, [("gone", "consent was withdrawn")]),
    }
    never = house.register({"personal.story": ("stories",)})
    assert held(house, never)["personal.story"] == (
        False, [("not-proven", "it rests on consent, and none is written down")],
    )  # fmt: skip
    assert found(house, never) == []


def test_what_has_no_purpose_left_is_found_and_taken_away_and_the_rest_stays(house: House, told: UUID) -> None:
    assert found(house, told) == []
    take_back(house, told, on=TODAY - timedelta(days=1))
    [line] = found(house, told)
    assert (line.fields, line.since, line.due_on) == (
        ("personal.story",), TODAY - timedelta(days=1), date(2026, 12, 19),
    )  # fmt: skip
    assert remove(house, line.record_id) == (line.record_id,)
    assert fields(house, told) == {"personal.note"}
    assert found(house, told) == []
    [certificate] = house.all("select * from certificate where rule = :rule order by id desc limit 1", rule=NO_BASIS.id)
    assert (certificate.action, certificate.disposed, certificate.record_class) == ("redact", 1, "advice/case")
    assert remove(house, line.record_id) == ()


def test_consent_given_again_keeps_it(house: House, told: UUID) -> None:
    take_back(house, told)
    [line] = found(house, told)
    answer(house, told)
    assert found(house, told) == []
    assert remove(house, line.record_id) == ()
    assert fields(house, told) == {"personal.note", "personal.story"}


def test_a_value_of_two_purposes_is_held_on_nothing_when_both_have_gone(house: House) -> None:
    file_id = house.register({"personal.note": ("stories", "vacancies"), "personal.story": ("vacancies",)})
    answer(house, file_id, on=TODAY - timedelta(days=3))
    employer = NamedRecipient("employers", "Generated Works Ltd")
    answer(house, file_id, "vacancies", recipients=(employer,), on=TODAY - timedelta(days=3))
    take_back(house, file_id)
    assert found(house, file_id) == []
    take_back(house, file_id, "vacancies")
    [line] = found(house, file_id)
    assert line.fields == ("personal.note", "personal.story")


def test_the_gauge_tells_what_is_in_time_what_is_late_and_what_is_held(house: House, told: UUID) -> None:
    before = counted(house)
    long_ago = house.register({"personal.note": ("support", "stories"), "personal.story": ("stories",)})
    answer(house, long_ago, on=TODAY - timedelta(days=90))
    take_back(house, told)
    take_back(house, long_ago, on=TODAY - timedelta(days=60))
    assert counted(house) == before | {"in-time": before["in-time"] + 1, "late": before["late"] + 1}
    with house.session() as session:
        new = NewHold(
            scope="file", target=str(long_ago), ground="a generated claim", authoriser="solicitor", review_on=TODAY
        )
        hold_id = place_hold(session, house.caller, new).id
    assert counted(house) == before | {"in-time": before["in-time"] + 1, "held": before["held"] + 1}
    with house.session() as session:
        release_hold(session, house.caller, hold_id, "settled")
    remove(house, *(line.record_id for file_id in (told, long_ago) for line in found(house, file_id)))
    assert counted(house) == before


def test_a_hold_keeps_it_until_it_is_released(house: House, told: UUID) -> None:
    take_back(house, told)
    [line] = found(house, told)
    with house.session() as session:
        new = NewHold(
            scope="file", target=str(told), ground="a generated claim", authoriser="solicitor",
            review_on=TODAY + timedelta(days=30),
        )  # fmt: skip
        hold_id = place_hold(session, house.caller, new).id
    assert remove(house, line.record_id) == ()
    with house.session() as session:
        release_hold(session, house.caller, hold_id, "settled")
    assert remove(house, line.record_id) == (line.record_id,)


def test_what_is_restricted_is_only_stored_and_not_taken_away(house: House, told: UUID) -> None:
    take_back(house, told)
    [line] = found(house, told)
    with house.session() as session:
        place_limit(session, house.caller, told, NewLimit(ground="18.1.c"))
    assert remove(house, line.record_id) == ()
    assert "personal.story" in fields(house, told)


def test_who_may_not_decide_takes_nothing_away(house: House, told: UUID) -> None:
    take_back(house, told)
    [line] = found(house, told)
    reader = Caller(house.caller.actor, house.id, {Permission.READ_RETENTION: None})
    with house.session() as session, pytest.raises(Forbidden):
        take_away(session, reader, Ledger(session.ledger_dir, house.id), [line.record_id], None)
    elsewhere = Caller(house.caller.actor, house.id, {Permission.REVIEW_DISPOSAL: frozenset({"elsewhere"})})
    with house.session() as session:
        assert take_away(session, elsewhere, Ledger(session.ledger_dir, house.id), [line.record_id], None) == ()


def test_another_council_finds_and_takes_nothing(house: House, other: House, told: UUID) -> None:
    take_back(house, told)
    [line] = found(house, told)
    assert found(other, told) == []
    assert remove(other, line.record_id) == ()
    assert "personal.story" in fields(house, told)
