"""Looking things up years later: by the reference that a recipient quotes, and page by page however many there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from muniment.sharing.matching import NewMatch, matches, receive_match
from muniment.sharing.register import Looked, search_register
from muniment.sharing.requests import receive_request, requests
from tests.integration.sharing.kit import SERVICE, House
from tests.integration.sharing.test_arrangements import new_request


def test_a_reference_that_a_recipient_quotes_finds_the_disclosure(houses: tuple[House, House]) -> None:
    house, theirs = houses
    file, other = house.register(address="1 Sample Street"), house.register(address="2 Sample Street")
    made = house.disclose(file, other, fields=("personal.address",))
    line = house.scalar("select id from disclosure_line where file_id = :f", f=file)

    def looked(by: House) -> list[Any]:
        with by.session() as session:
            return search_register(session, by.caller, Looked(reference=line)).items

    [found] = looked(house)
    assert (found.id, found.reference, found.client, found.fields, found.given) == (
        made.id, line, file, ("personal.address",), 2,
    )  # fmt: skip
    assert house.scalar("select subject from audit_event where event = 'sharing.register.searched'"
                        " order by id desc limit 1") == file  # fmt: skip
    assert looked(theirs) == []
    with house.session() as session:
        session.execute(text("delete from record where file_id = :f"), {"f": file})
        session.execute(text("delete from client_file where id = :f"), {"f": file})
    [gone] = looked(house)
    assert (gone.id, gone.reference, gone.client) == (made.id, line, None)


def test_a_body_is_looked_for_by_its_name_as_anybody_writes_it(house: House) -> None:
    file = house.register(address="1 Sample Street")
    house.agree(file, "support", "employers/looked for ltd", kind="permission")
    made = house.disclose(file, recipient="employers", body="Looked  FOR Ltd", fields=("personal.address",))
    assert made.given == 1
    with house.session() as session:
        [found] = search_register(session, house.caller, Looked(recipient="employers/Looked For  Ltd")).items
    assert found.id == made.id


def asked(house: House) -> UUID:
    with house.session() as session:
        return receive_request(session, house.caller, new_request(house.register(address="1 Sample Street")))


def matched(house: House) -> UUID:
    new = NewMatch(
        service=SERVICE, recipient="initiative", data_set="payroll", reference="G",
        received_on=house.database.clock.today(), finding="generated",
    )  # fmt: skip
    with house.session() as session:
        return receive_match(session, house.caller, new)


@pytest.mark.parametrize(("make", "read"), [(asked, requests), (matched, matches)], ids=["requests", "matches"])
def test_what_is_many_is_read_page_by_page(house: House, make: Callable[[House], UUID], read: Any) -> None:
    made = {make(house) for _ in range(3)}
    found, after = list[UUID](), None
    while True:
        with house.session() as session:
            page = read(session, house.caller, limit=2, after=after)
        found += [one.id for one in page.items]
        assert len(page.items) <= 2
        if (after := page.next) is None:
            break
    assert made <= set(found)
    assert len(found) == len(set(found))
