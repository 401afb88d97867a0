"""Whose data one act of the register was about: all of them, page by page, whatever became of the files since."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from uuid import UUID

import pytest
from click.testing import Result
from litestar import Litestar
from litestar.testing import TestClient

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Forbidden, InvalidInput, NotFound
from muniment.database.ids import new_id
from muniment.sharing.register import ClientInDisclosure, clients_in
from tests.integration.sharing.kit import API, CONSOLE, SERVICE, House, page

Client = TestClient[Litestar]
FIELDS = ("personal.address",)


def listed(
    house: House, disclosure_id: UUID, limit: int = 50, caller: Caller | None = None
) -> list[list[ClientInDisclosure]]:
    """All pages."""
    pages, after = [], None
    while True:
        with house.session() as session:
            found = clients_in(session, caller or house.caller, disclosure_id, limit=limit, after=after)
        pages.append(found.items)
        if (after := found.next) is None:
            return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_every_client_of_an_act_is_on_one_page(house: House, limit: int) -> None:
    given = [house.register(address="1 Sample Street") for _ in range(3)]
    refused = [house.register(address="2 Sample Street") for _ in range(2)]
    for file in refused:
        house.limit(file)
    made = house.disclose(*given, *refused, fields=FIELDS)
    pages = listed(house, made.id, limit)
    assert [len(each) for each in pages] == [min(limit, 5 - start) for start in range(0, 5, limit)]
    found = list(chain.from_iterable(pages))
    references = dict(house.all("select file_id, id from disclosure_line where disclosure_id = :id", id=made.id))
    assert {one.client: (one.reference, one.fields, one.rules) for one in found[:3]} == {
        file: (references[file], FIELDS, ()) for file in given
    }
    assert {(one.client, one.reference, one.fields, one.rules) for one in found[3:]} == {
        (file, None, (), ("restriction",)) for file in refused
    }
    facts = house.all("select facts from audit_event where subject = :id and event like '%.searched'", id=made.id)
    assert [row.facts["found"] for row in facts] == [len(each) for each in pages]


def test_a_client_whose_file_has_gone_is_known_by_the_reference_alone(house: House) -> None:
    file = house.register(address="1 Sample Street")
    made = house.disclose(file, fields=FIELDS)
    [[before]] = listed(house, made.id)
    house.run("delete from record where file_id = :f", f=file)
    house.run("delete from client_file where id = :f", f=file)
    [[after]] = listed(house, made.id)
    assert (before.client, after.client) == (file, None)
    assert after.reference == before.reference is not None


def test_the_register_is_for_those_who_may_read_it(houses: tuple[House, House]) -> None:
    ours, theirs = houses
    made = ours.disclose(ours.register(address="1 Sample Street"), fields=FIELDS)
    actor = ours.caller.actor
    for stranger, error in (
        (Caller(actor, ours.id, {Permission.DISCLOSE: frozenset({SERVICE})}), Forbidden),
        (Caller(actor, ours.id, {Permission.READ_SHARING: frozenset({"gardens"})}), NotFound),
    ):
        with pytest.raises(error):
            listed(ours, made.id, caller=stranger)
    for house, key in ((theirs, made.id), (ours, new_id())):
        with pytest.raises(NotFound):
            listed(house, key)
    for limit in (0, 201):
        with pytest.raises(InvalidInput):
            listed(ours, made.id, limit)


def test_it_is_the_same_for_programs_and_on_the_page(
    house: House,
    http: Client,
    headers: dict[str, str],
    cookie: str,
) -> None:
    files = [house.register(address="1 Sample Street") for _ in range(52)]
    refused = house.register(address="2 Sample Street")
    house.limit(refused)
    made = house.disclose(*files, refused, fields=FIELDS)
    place = f"{API}/disclosures/{made.id}/clients"
    first_page = http.get(place, headers=headers).json()
    next_page = http.get(place, params={"after": first_page["next"]}, headers=headers).json()
    assert next_page["next"] is None
    asked = first_page["items"] + next_page["items"]
    assert sorted(one["client"] for one in asked) == sorted(str(file) for file in [*files, refused])
    assert http.get(place, params={"after": "no"}, headers=headers).json()["code"] == "invalid-cursor"

    first = page(http, cookie, f"/disclosures/{made.id}")
    address = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = page(http, cookie, address.removeprefix(CONSOLE))
    shown = [text.count(f'href="{CONSOLE}/clients/') for text in (first.text, second.text)]
    assert shown == [50, 3]
    assert "No restriction stands" in second.text


def test_a_command_lists_them_all(house: House, monkeypatch: pytest.MonkeyPatch, share: Callable[..., Result]) -> None:
    files = [house.register(address="1 Sample Street") for _ in range(3)]
    made = house.disclose(*files, fields=FIELDS)
    monkeypatch.setattr("muniment.cli.sharing.MOST", 2)
    told = share("clients", "alpha", str(made.id))
    assert told.exit_code == 0, told.stderr
    lines = " ".join(told.stdout.split())
    assert all(f"client {file}: personal.address, as " in lines for file in files)
    found = json.loads(share("clients", "alpha", str(made.id), "--json").stdout)
    assert {one["client"] for one in found} == {str(file) for file in files}
    nobody = share("clients", "alpha", str(new_id()))
    assert (nobody.exit_code, nobody.stderr.strip()) == (1, "muniment: There is no such disclosure.")
