"""What is read for a disclosure grows with the clients it is about, and not by their square."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen, remove

from muniment.database.session import CouncilSession
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


@contextmanager
def worked(session: CouncilSession) -> Iterator[list[int]]:
    """How many rows the server handles, join filters included, for each statement of the block that reads records."""
    rows: list[int] = []
    connection = session.connection()

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "from record" in statement:
            with cursor.connection.transaction(force_rollback=True), cursor.connection.cursor() as other:
                other.execute(f"explain (analyze, format json) {statement}", parameters)
                rows.append(_handled(other.fetchone()[0][0]["Plan"]))

    listen(connection, "before_cursor_execute", explain)
    try:
        yield rows
    finally:
        remove(connection, "before_cursor_execute", explain)


def _handled(node: dict[str, Any]) -> int:
    below = sum(_handled(part) for part in node.get("Plans", ()))
    here = node["Actual Rows"] + node.get("Rows Removed by Join Filter", 0) + node.get("Rows Removed by Filter", 0)
    return int(here * node["Actual Loops"]) + below


def test_what_is_read_is_read_once_however_the_server_would_rather_join(house: House, files: tuple[UUID, ...]) -> None:
    order = Order(files=files, **asked({"format": "json", "fields": ("family-name", "personal.address")}))
    with house.session() as session:
        session.execute(text("set local enable_hashjoin = off"))
        session.execute(text("set local enable_mergejoin = off"))
        with worked(session) as rows:
            made = disclose(session, house.caller, house.context(session), house.store, order)
    assert made.given == CLIENTS
    assert len(rows) == 2, "one statement decides, one takes out"
    assert [handled for handled in rows if not CLIENTS < handled < 60 * CLIENTS] == []
