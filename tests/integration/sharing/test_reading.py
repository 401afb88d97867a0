"""What is read for a disclosure grows with the clients it is about, and not by their square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, text

from muniment.database.exchange import Asked, Statement, exchange
from muniment.sharing.disclosing import Order, disclose
from tests.integration.sharing.kit import House, asked

CLIENTS = 500

FILL = """
with made as (select gen_random_uuid() as id, number from generate_series(1, :clients) number),
people as (insert into person (council_id, id) select :council, id from made),
files as (
    insert into client_file (council_id, id, person_id, service, name_key, family_name, opened_on, source, generated)
    select :council, id, id, 'advice', 'generated', 'Generated', date '2026-01-01', 'client', true from made
), records as (
    insert into record (council_id, id, file_id, record_class, medium, recorded_on, values)
    select :council, gen_random_uuid(), id, 'advice/case', 'digital', date '2026-01-01',
        jsonb_build_object('personal.address', jsonb_build_object('v', number || ' Sample Street', 's', 'client',
            'on', '2026-01-01', 'p', jsonb_build_array('support')))
    from made
), given as (
    insert into notice_given (council_id, id, file_id, document_id, given_on, channel)
    select :council, gen_random_uuid(), id, :document, date '2026-01-02', 'post' from made
)
select id from made
"""


@pytest.fixture(scope="module")
def files(houses: tuple[House, House]) -> tuple[UUID, ...]:
    """Client files with a record each, all of whom were given the notice."""
    house = houses[0]
    found = house.all(FILL, council=house.id, clients=CLIENTS, document=house.document())
    return tuple(row.id for row in found)


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows the server handles, join filters included, for each statement that reads records."""
    rows: list[int] = []

    def explained(connection: Connection, asked: Sequence[Asked]) -> list[list[Any]]:
        driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        for statement, values in asked:
            if isinstance(statement, Statement) and b"from record" in statement.query:
                with driver.transaction(force_rollback=True), psycopg.RawCursor(driver) as cursor:
                    given = [values[name] for name in statement.names]
                    cursor.execute(b"explain (analyze, format json) " + statement.query, given)
                    rows.append(_handled(cursor.fetchall()[0][0][0]["Plan"]))
        return exchange(connection, asked)

    monkeypatch.setattr("muniment.database.session.exchange", explained)
    return rows


def _handled(node: dict[str, Any]) -> int:
    below = sum(_handled(part) for part in node.get("Plans", ()))
    here = node["Actual Rows"] + node.get("Rows Removed by Join Filter", 0) + node.get("Rows Removed by Filter", 0)
    return int(here * node["Actual Loops"]) + below


def test_what_is_read_is_read_once_however_the_server_would_rather_join(
    house: House, files: tuple[UUID, ...], worked: list[int]
) -> None:
    order = Order(files=files, **asked({"format": "json", "fields": ("family-name", "personal.address")}))
    with house.session() as session:
        session.execute(text("set local enable_hashjoin = off"))
        session.execute(text("set local enable_mergejoin = off"))
        made = disclose(session, house.caller, house.context(session), house.store, order)
    assert made.given == CLIENTS
    assert len(worked) == 2, "one statement decides, one takes out"
    assert [handled for handled in worked if not CLIENTS < handled < 60 * CLIENTS] == []
