"""Finding is by index under row-level security, and looks at no more rows when there are many files."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, text

from muniment.api.errors import InvalidInput
from muniment.clients.search import Search, query_of, search
from tests.integration.clients.kit import House

QUESTIONS = {
    "reference": (Search(reference="C-77"), "uq_client_file_reference"),
    "name": (Search(family_name="Specimen77"), "ix_client_file_name"),
    "full name": (Search(family_name="Specimen77", given_names="An"), "ix_client_file_name"),
    "birth": (Search(born_on=date(1980, 3, 18)), "ix_client_file_born_on"),
    "postcode": (Search(postcode="zz 770aa"), "ix_client_file_postcode"),
    "birth and name": (Search(born_on=date(1980, 3, 18), family_name="Specimen77"), "ix_client_file_"),
}

FILL = text(
    "with person as (insert into person (council_id, id) select :c, gen_random_uuid() from generate_series(1, :n)"
    " returning id), numbered as (select id, row_number() over () as n from person),"
    " file as (insert into client_file (council_id, id, person_id, service, source, reference, reference_key,"
    " given_names, family_name, name_key, born_on, postcode, postcode_key, opened_on, generated)"
    " select :c, gen_random_uuid(), id, 'advice', 'client', 'C-' || n, 'c' || n, 'Ann', 'Specimen' || n,"
    " 'specimen' || n || ' ann', date '1980-01-01' + (n % 9000)::int, 'ZZ' || n || ' 0AA', 'zz' || n || '0aa',"
    " date '2020-01-01', true from numbered returning id)"
    " insert into record (council_id, id, file_id, record_class, medium, recorded_on)"
    " select :c, gen_random_uuid(), id, 'advice/case', 'digital', '2020-01-01' from file"
)


def fill(house: House, superuser: Engine, count: int) -> None:
    with superuser.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))  # foreign keys hold by construction
        connection.execute(FILL, {"c": house.id, "n": count})
    with superuser.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze client_file, record"))


def plan_of(house: House, asked: Search) -> str:
    query = query_of(house.id, asked).limit(21)
    compiled = query.compile(dialect=house.database.engine.dialect, compile_kwargs={"literal_binds": True})
    return "\n".join(
        str(line[0]) for line in house.all(f"explain (costs off) {str(compiled).replace(':', chr(92) + ':')}")
    )


@pytest.fixture
def many(houses: tuple[House, House], superuser_engine: Engine) -> House:
    for house in houses:
        fill(house, superuser_engine, 3_000)
    return houses[0]


def test_every_question_is_answered_by_its_index(many: House) -> None:
    for name, (asked, index) in QUESTIONS.items():
        plan = plan_of(many, asked)
        assert index in plan, f"{name}:\n{plan}"
        assert "Seq Scan" not in plan, f"{name}:\n{plan}"


def test_pages_go_through_everything_once(many: House) -> None:
    for asked in (Search(family_name="Specimen1", limit=100), Search(born_on=date(1980, 1, 8), limit=1)):
        seen: list[Any] = []
        after = None
        while True:
            with many.session() as session:
                page = search(session, many.caller, Search(**{**as_dict(asked), "after": after}))
            seen += [entry.id for entry in page.items]
            if page.next is None:
                break
            after = page.next
        with many.session() as session:
            expected = session.execute(query_of(many.id, asked)).all()
        assert seen == [entry.id for entry in expected] != []
        assert len(seen) == len(set(seen))


def as_dict(asked: Search) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in Search.__struct_fields__}


@pytest.mark.parametrize(
    "asked", [Search(), Search(given_names="Ann"), Search(reference="--"), Search(family_name="x", limit=0)]
)
def test_nothing_asked_is_refused(house: House, asked: Search) -> None:
    with house.session() as session, pytest.raises(InvalidInput):
        search(session, house.caller, asked)


def test_a_search_is_an_event_that_names_nobody(many: House) -> None:
    with many.session() as session:
        search(session, many.caller, Search(family_name="Specimen77"))
    facts = many.scalar("select facts::text from audit_event where event = 'clients.file.searched'")
    assert "name" in facts
    assert "pecimen" not in facts


READ = text(
    "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0) from pg_stat_xact_user_tables"
    " where relname in ('client_file', 'record')"
)
"""How many client files and records the server has looked at for this connection, and not yet told of elsewhere."""


@pytest.mark.slow
def test_as_many_files_are_looked_at_among_four_hundred_thousand(house: House, superuser_engine: Engine) -> None:
    fill(house, superuser_engine, 400_000)
    for name, (asked, _) in QUESTIONS.items():
        with house.session() as session:
            before = session.scalars(READ).one()
            found = search(session, house.caller, asked)
            looked_at = session.scalars(READ).one() - before
        assert 0 < len(found.items) <= looked_at <= 100, f"{name}: {looked_at}"
