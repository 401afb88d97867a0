"""Who listens is told which values are no longer what they were, however they were changed, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from muniment.clients.files import change_stub
from muniment.clients.records import NewValue, change_values
from muniment.clients.stub import Stub
from muniment.database.session import CouncilSession
from muniment.database.signals import FieldsChanged, fields_changed
from tests.integration.clients.kit import House, case, row


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], bool]]:
    """The fields told of, and whether they were erased, in order."""
    heard: list[tuple[set[str], bool]] = []

    def listen(_session: CouncilSession, changed: FieldsChanged) -> None:
        heard.extend((set(names), changed.erased) for names in changed.fields.values())

    listeners: list[Callable[[CouncilSession, FieldsChanged], Any]] = [listen]
    monkeypatch.setattr(fields_changed, "_listeners", listeners)
    return heard


def test_an_import_tells_what_it_refreshes(house: House, told: list[tuple[set[str], bool]]) -> None:
    house.take_in([row(1), row(2, Work="")])
    house.take_in([row(1), row(2, Work="Employed")])
    assert told == []  # nothing was there before, or nothing differs
    house.take_in([row(1, Postcode="zz2 2bb"), row(2, Work="Employed")])
    assert told == [({"postcode"}, False)]


def test_what_staff_set_and_take_away_is_told(house: House, told: list[tuple[set[str], bool]]) -> None:
    file_id = house.register(record=case(note="first"), postcode="ZZ1 1AA")
    record_id = house.scalar("select id from record where file_id = :f", f=file_id)

    def change(**values: str | None) -> None:
        new = {
            f"personal.{name}": None if value is None else NewValue(value, "client", ("support",))
            for name, value in values.items()
        }
        with house.session() as session:
            change_values(session, house.caller, house.context(session), file_id, record_id, new)

    change(ni="QQ123456C")
    change(note="first")
    assert told == []
    change(note="second", ni=None)
    assert told == [({"personal.note"}, False), ({"personal.ni"}, True)]
    told.clear()
    with house.session() as session:
        change_stub(session, house.caller, file_id, Stub(family_name="Other", given_names="Specimen"))
    assert told == [({"family-name"}, False), ({"postcode"}, True)]
