"""One exchange with the server: statements that need not wait for each other go out together (libpq's pipeline mode).

psycopg's own pipeline sends each statement by itself and looks for an answer after each, which wakes the server, and
whoever asked, as often as there are statements. Here all go out in one piece, and their answers are fetched together.
The rest is psycopg's, as for all else on a connection: it adapts values, makes the errors, and keeps count of what is
prepared on the server (`_prepared`, for which it has no public name: what it deallocates must be prepared anew).
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg import generators, pq
from psycopg._preparing import Prepare
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from sqlalchemy import ClauseElement, Connection, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler

from muniment.database.errors import of_driver
from muniment.database.packed import Keys

__all__ = ["COMMIT", "Asked", "Statement", "exchange", "written"]

Driver = psycopg.Connection[Any]
Result = pq.abc.PGresult

NUMBERED = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # the library leaves it untyped
DONE = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
END = pq.ExecStatus.PIPELINE_SYNC


class Statement:
    """A statement as the server takes it, and what its rows are: it names its columns, which are the same each time.

    `constants` are the values that it was made with, by the names of its parameters: they need not be given.
    """

    def __init__(self, statement: ClauseElement) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=NUMBERED, compile_kwargs={"render_postcompile": True}))
        self.query = str(compiled).encode()
        self.constants = {name: value for name, value in compiled.params.items() if value is not None}
        self.names: Sequence[str] = compiled.positiontup or ()
        self.formats = [PyFormat.AUTO] * len(self.names)
        self._row: Callable[[Sequence[Any]], Any] | None = None

    def row(self, result: Result) -> Callable[[Sequence[Any]], Any]:
        """What makes a row of its values."""
        if self._row is None:
            names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
            self._row = namedtuple("Row", names, rename=True)._make  # type: ignore[attr-defined]
        return self._row


class _Written:
    """What writes a statement, as a key of what is remembered: what has the same key writes the same."""

    def __init__(self, key: tuple[object, ...], write: Callable[[], ClauseElement]) -> None:
        self._key, self.write = key, write

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and other._key == self._key


@lru_cache(maxsize=2_000)
def _written(asked: _Written) -> Statement:
    statement = Statement(asked.write())
    if any(isinstance(value, UUID | Keys) for value in statement.constants.values()):
        raise ValueError("a statement that stands has the key of a council or a row in it")
    return statement


def written(key: tuple[object, ...], write: Callable[[], ClauseElement]) -> Statement:
    """The statement that was written for this key, or the one that `write` makes, remembered from now on.

    The key names whatever the text goes by. What differs from one council or day to the next is given each time. Raises
    `ValueError` where the key of a council or a row is written into it.
    """
    return _written(_Written(key, write))


@lru_cache(maxsize=256)
def _statement(statement: ClauseElement) -> Statement:
    return Statement(statement)


Asked = tuple[ClauseElement | Statement, Mapping[str, object]]
"""A statement that stands (it is written once, and is the same object each time) and its parameters by name. Each is
given as the driver takes it: no type of SQLAlchemy's does anything to it, so that JSON is a `Jsonb` or a text."""

COMMIT: Asked = (text("commit"), {})
_BEGIN: Asked = (text("begin"), {})


def exchange(connection: Connection, asked: Sequence[Asked]) -> list[list[Any]]:
    """Send statements together, and before them what begins a transaction if none has begun; the rows of each, with
    their columns by name, once all are answered.

    Errors are as SQLAlchemy's, of the first statement that failed; those after it were not carried out.
    """
    driver = cast("Driver", connection.connection.driver_connection)
    begins = driver.pgconn.transaction_status == pq.TransactionStatus.IDLE
    try:
        sent = [_Sent(each, driver) for each in ([_BEGIN, *asked] if begins else asked)]
        _carry_out(driver, sent)
        return [each.rows() for each in sent][begins:]
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate()
        raise of_driver(error, lost=driver.closed) from None


class _Sent:
    """A statement with its values as the server takes them. `query` and `types` are what psycopg knows it by."""

    def __init__(self, asked: Asked, driver: Driver) -> None:
        statement, values = asked
        self._statement = statement if isinstance(statement, Statement) else _statement(statement)
        self._transformer = Transformer(driver)
        given = {**self._statement.constants, **values} if self._statement.constants else values
        named = [given[name] for name in self._statement.names]
        self._values = self._transformer.dump_sequence(named, self._statement.formats)
        self.query, self.types = self._statement.query, self._transformer.types or ()
        self._prepared: Any = driver._prepared  # of a statement it looks at these two alone

    def send(self, pgconn: pq.abc.PGconn) -> None:
        """Leave it in the connection's buffer, behind what prepares it if it is not prepared yet."""
        prepare, name = self._prepared.get(self, prepare=True)
        if prepare is Prepare.SHOULD:
            pgconn.send_prepare(name, self.query, self.types)
        pgconn.send_query_prepared(name, self._values, self._transformer.formats)
        self._kept = self._prepared.maybe_add_to_cache(self, prepare, name), prepare, name

    def take(self, answers: Iterator[Result]) -> None:
        """Take its own from the answers to all."""
        key, prepare, name = self._kept
        self._results = list(islice(answers, 2 if prepare is Prepare.SHOULD else 1))
        if key is not None:
            self._prepared.validate(key, prepare, name, self._results[-1:])

    def rows(self) -> list[Any]:
        """Its rows. Raises what the server has said against it."""
        for result in self._results:
            if result.status not in DONE:
                raise error_from_result(result)
        if not result.ntuples:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, self._statement.row(result))


def _carry_out(driver: Driver, sent: Sequence[_Sent]) -> None:
    pgconn = driver.pgconn
    try:
        pgconn.enter_pipeline_mode()
        for each in sent:
            each.send(pgconn)
        pgconn.pipeline_sync()
        answers = iter(driver.wait(_answers(pgconn)))
        pgconn.exit_pipeline_mode()
    except BaseException:
        driver.close()  # an answer left behind would be taken for that to something else
        raise
    for each in sent:
        each.take(answers)
    driver.wait(driver._prepared.maintain_gen(driver))


def _answers(pgconn: pq.abc.PGconn) -> PQGen[list[Result]]:
    """One result for each command. Raises what the server says as it closes the connection."""
    yield from generators.send(pgconn)
    answers: list[Result] = []
    while results := (yield from generators.fetch_many(pgconn)):
        if results[0].status == END:
            return answers
        answers += results
    raise error_from_result(answers[-1]) if answers else psycopg.OperationalError("the connection is closed")
