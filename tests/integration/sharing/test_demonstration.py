"""The demonstration is about the same people in every run, whoever is registered between two of them."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from uuid import UUID

from muniment.cli.demonstration.questions import somebody
from muniment.cli.demonstration.run import Demonstration
from muniment.settings import Settings
from tests.integration.sharing.kit import SERVICE, House

FIELDS = ("family-name", "personal.address")


def registered(house: House, opened_on: date) -> UUID:
    file_id = house.register(address="1 Sample Street")
    house.run("update client_file set opened_on = :on where id = :f", on=opened_on, f=file_id)
    return file_id


def test_whoever_is_registered_between_two_runs_takes_nobodys_part(house: House, settings: Settings) -> None:
    older, newer = registered(house, date(2026, 1, 1)), registered(house, date(2026, 1, 2))

    def run(*parts: str) -> list[UUID | None]:
        demonstration = Demonstration(settings, Path())
        with house.session() as session:
            return [demonstration.whom(part, partial(somebody, session, SERVICE, FIELDS)) for part in parts]

    assert run("first", "second") == [newer, older], "each part has a client of its own"
    registered(house, date(2026, 1, 3))
    assert run("first", "second") == [newer, older]
    for table, key in (("record", "file_id"), ("client_file", "id")):
        house.run(f"delete from {table} where {key} = :f", f=newer)
    assert run("first", "second") == [None, older], "of somebody who has gone nothing is told"
