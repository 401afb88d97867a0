"""What declared schedules ask for besides destruction is carried out on the day that their rows come to.

The rows and examples are those of `test_rows_of_schedules`; whatever of them comes to a day and one of these actions is
written, swept on the day after, and looked at.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import pytest

from muniment.files.store import FileStore
from muniment.keys import KeyRing
from muniment.policy.store import adopt
from muniment.retention.approval import arming
from muniment.settings import Settings
from muniment.wiring import wire
from tests.integration.retention.kit import House
from tests.integration.retention.test_archive import Office
from tests.integration.retention.test_rows_of_schedules import COUNCILS, Example, Row, Writer, policy_of, rows_of

ACTIONS = {"restrict", "pseudonymise", "archive", "anonymise", "redact", "transfer"}


def asked_for(slug: str) -> list[tuple[date, str, Row, Example]]:
    found = []
    for row in rows_of(slug).rows:
        for example in row.examples:
            day, _, action = example.comes.partition(" ")
            if action in ACTIONS and not example.clause and not example.decided:
                found.append((date.fromisoformat(day), action, row, example))
    return sorted(found, key=lambda entry: entry[0])


WITH_ACTIONS = [slug for slug in COUNCILS if asked_for(slug)]


def test_there_is_something_of_most_kinds() -> None:
    kinds = {action for slug in WITH_ACTIONS for _, action, _, _ in asked_for(slug)}
    assert {"restrict", "pseudonymise", "archive"} <= kinds


@pytest.mark.parametrize("slug", WITH_ACTIONS)
def test_each_is_carried_out_the_day_after(house: House, slug: str, keys: KeyRing, settings: Settings) -> None:
    wire()
    policy, office = policy_of(slug), Office(house, FileStore(settings.files_dir, keys), settings)
    with house.session() as session:
        adopt(session, policy, house.clock, by="test")
    written: list[tuple[date, str, UUID, str]] = []
    with house.session() as session:
        writer = Writer(session, policy)
        for programme, ended in rows_of(slug).ended.items():
            writer.end(programme, ended)
        for day, action, row, example in asked_for(slug):
            written.append((day, action, writer.write(row, example), row.rule))
    house.clock_all()
    classes = house.ids("select distinct record_class from record union select record_class from register")
    for record_class in sorted(str(name) for name in classes):
        with house.session() as session:
            seen = arming.preview(session, house.caller, record_class)
            arming.arm(session, house.caller, record_class, seen.rule_hash)
    for day, of_day in groupby(written, key=lambda entry: entry[0]):
        due = list(of_day)
        house.clock.move_to(day)
        office.sweep()
        assert [rule for _, action, record_id, rule in due if done(house, action, record_id)] == [], "on its last day"
        house.clock.move_to(day + timedelta(days=1))
        office.sweep()
        assert [rule for _, action, record_id, rule in due if not done(house, action, record_id)] == []


def done(house: House, action: str, record_id: UUID) -> Any:
    """Whether it was done about a record."""
    match action:
        case "restrict":
            return house.scalar("select restricted_on from record where id = :id", id=record_id)
        case "archive":
            return house.scalar("select count(*) from archive_item where record_id = :id", id=record_id)
        case "pseudonymise":
            return house.scalar(
                "select count(*) from client_file where pseudonymous"
                " and not exists (select from record where id = :id)", id=record_id
            )  # fmt: skip
        case "anonymise":
            return house.scalar("select sum(records) from anonymous_count")
    return house.scalar("select stage from record where id = :id", id=record_id)
