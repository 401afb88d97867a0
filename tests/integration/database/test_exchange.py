"""One exchange: statements that go out together, what they answer, and what is left of a connection when one fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID, uuid4

import pytest
from psycopg import generators
from sqlalchemy import Connection, Select, bindparam, literal, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from muniment.database.engine import PREPARED, open_engine
from muniment.database.errors import DatabaseAway, DatabaseBusy
from muniment.database.exchange import COMMIT, Asked, exchange, written
from muniment.database.ids import random_keys
from muniment.database.packed import any_of
from muniment.settings import Settings

TABLE = text("create temporary table thing (id int primary key, name text)")
ADD = text("insert into thing values (:id, :name) returning id, name")
LOOK = text("select id, name from thing order by id")
IS_PREPARED = text("select statement, name from pg_prepared_statements where statement like 'insert into thing%'")


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    assert settings.database_url is not None
    engine = open_engine(settings.database_url, pool_size=1)
    with engine.connect() as connection:
        connection.execute(TABLE)
        connection.commit()
        yield connection
    engine.dispose()


def add(number: int, name: str = "x") -> Asked:
    return ADD, {"id": number, "name": name}


def names(connection: Connection) -> list[str]:
    with connection.begin():
        return list(connection.scalars(text("select name from thing order by id")))


def test_what_goes_out_together_is_answered_in_order_by_name(connection: Connection) -> None:
    answers = exchange(connection, [add(2, "b"), add(1, "a"), (LOOK, {}), COMMIT])
    assert [[tuple(row) for row in rows] for rows in answers] == [[(2, "b")], [(1, "a")], [(1, "a"), (2, "b")], []]
    assert [row.name for row in answers[2]] == ["a", "b"]
    assert names(connection) == ["a", "b"]


@pytest.mark.parametrize("count", [0, 1, 3, 1_000])
def test_keys_come_as_an_array(connection: Connection, count: int) -> None:
    keys, asked = random_keys(count), text("select cast(:keys as uuid[]) as keys")
    ((row,),) = exchange(connection, [(asked, {"keys": keys})])
    assert row.keys == list(keys)
    assert connection.scalar(asked, {"keys": keys}) == list(keys)
    assert connection.scalar(select(any_of(literal(UUID(int=0)), keys))) is False
    assert [connection.scalar(select(any_of(literal(key), keys))) for key in keys[:2]] == [True] * len(keys[:2])


def test_values_come_back_as_they_went(connection: Connection) -> None:
    values = {"id": uuid4(), "on": date(2026, 11, 30), "none": None, "some": ["ä", "b"], "facts": {"a": [1]}}
    asked = text(
        'select cast(:id as uuid) as id, cast(:on as date) as "on", cast(:none as text) as none,'
        " cast(:some as text[]) as some, jsonb_build_object('a', jsonb_build_array(1)) as facts, '50 %' as said"
    )
    ((row,),) = exchange(connection, [(asked, values)])
    assert row._asdict() == {**values, "said": "50 %"}


def test_of_one_that_fails_nothing_after_it_is_carried_out(connection: Connection) -> None:
    exchange(connection, [add(1), COMMIT])
    for _ in range(2):  # the second time it is prepared
        with pytest.raises(IntegrityError, match="23505"):
            exchange(connection, [add(2), add(1), add(3), COMMIT])
        connection.connection.rollback()
    assert names(connection) == ["x"]
    exchange(connection, [add(2), COMMIT])
    assert names(connection) == ["x", "x"]


def test_a_value_that_cannot_be_sent_is_not_quoted_and_leaves_nothing_behind(connection: Connection) -> None:
    with pytest.raises(DBAPIError) as caught:
        exchange(connection, [add(1), add(2, "Generated\0Person"), COMMIT])
    assert "Generated" not in str(caught.value)
    exchange(connection, [add(1), COMMIT])
    assert names(connection) == ["x"]


def test_a_statement_is_prepared_once_and_anew_when_the_driver_has_let_go_of_it(connection: Connection) -> None:
    def prepared() -> list[str]:
        with connection.begin():
            return [row.name for row in connection.execute(IS_PREPARED)]

    for number in range(3):
        exchange(connection, [add(number), COMMIT])
    (first,) = prepared()
    with connection.begin():
        savepoint = connection.begin_nested()
        exchange(connection, [add(10)])
        savepoint.rollback()  # on which psycopg deallocates all
        exchange(connection, [add(11)])
        connection.execute(text("drop table if exists pg_temp.other"))  # and on this
        exchange(connection, [add(12)])
    exchange(connection, [add(13), COMMIT])
    with connection.begin() as transaction:
        exchange(connection, [add(14)])
        transaction.rollback()
    exchange(connection, [add(15), COMMIT])
    (last,) = prepared()
    assert last != first
    with connection.begin():
        assert list(connection.scalars(text("select id from thing order by id"))) == [0, 1, 2, 11, 12, 13, 15]


def test_a_statement_is_written_once_for_what_its_text_goes_by(connection: Connection) -> None:
    wanted = uuid4()

    def write() -> Select[str]:
        return select((literal("written for ") + bindparam("whom")).label("said"))

    statement = written(("said", wanted), write)
    assert written(("said", wanted), lambda: select(literal("written again").label("said"))) is statement
    assert exchange(connection, [(statement, {"whom": "one"})]) == [[("written for one",)]]
    assert exchange(connection, [(statement, {"whom": "another"})]) == [[("written for another",)]]
    with pytest.raises(KeyError):
        exchange(connection, [(statement, {})])
    with pytest.raises(ValueError, match="key of a council or a row"):
        written(("of one", wanted), lambda: select(literal(wanted)))


def test_what_is_rolled_back_leaves_what_is_prepared(connection: Connection) -> None:
    pids = text("select name from pg_prepared_statements where name like '\\_pg3%' order by name")
    make = text("create temporary table made (id int)")
    fill, look = text("insert into made values (1)"), text("select id from made")
    for _ in range(8):  # psycopg prepares what was executed five times
        with connection.begin() as transaction:
            connection.execute(make)
            connection.execute(fill)
            assert [[row.id for row in rows] for rows in exchange(connection, [(look, {})])] == [[1]]
            assert connection.scalar(look) == 1
            transaction.rollback()
    with connection.begin() as transaction:
        before = list(connection.scalars(pids))
        transaction.rollback()
    with connection.begin():
        assert before
        assert list(connection.scalars(pids))[: len(before)] == before


def test_no_more_is_prepared_than_a_connection_keeps(connection: Connection) -> None:
    for number in range(PREPARED + 20):
        exchange(connection, [(text(f"select {number}"), {}), COMMIT])
    with connection.begin():
        assert connection.scalar(text("select count(*) from pg_prepared_statements")) == PREPARED


def test_a_time_limit_holds_and_the_connection_goes_on(connection: Connection) -> None:
    limit: Asked = (text("select set_config('statement_timeout', '50', true)"), {})
    with pytest.raises(DatabaseBusy, match="57014"):
        exchange(connection, [limit, (text("select pg_sleep(5)"), {}), COMMIT])
    connection.connection.rollback()
    exchange(connection, [add(1), COMMIT])
    assert names(connection) == ["x"]


def test_a_connection_that_is_lost_in_the_middle_is_away(connection: Connection) -> None:
    end = text("select pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DatabaseAway):
        exchange(connection, [(end, {}), add(1), COMMIT])
    assert connection.invalidated


def test_an_exchange_that_is_broken_off_costs_the_connection(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[None]:
        yield from ()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(generators, "fetch_many", interrupted)
        with pytest.raises(KeyboardInterrupt):
            exchange(connection, [add(1), COMMIT])
    assert connection.connection.driver_connection.closed  # type: ignore[union-attr]
