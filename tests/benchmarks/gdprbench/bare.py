"""The same operations as plain SQL by a superuser: the same rows in the same tables with the same indexes, and no more.

No council is set, nobody is asked for a permission, nothing is audited, computed or certified. Every operation is one
statement, which commits by itself and which the server has prepared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from muniment.clients.views import _READ  # the very statement that ours sends
from muniment.database.ids import new_id
from tests.benchmarks.gdprbench.filled import Filled
from tests.benchmarks.gdprbench.mixes import Op, Step
from tests.benchmarks.gdprbench.town import NEWS, OVER, SERVICE, TENS, data_of, key_in, purpose_of

__all__ = ["Bare"]

DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # the library leaves it untyped
READ = str(_READ.compile(dialect=DIALECT))
INSERT = """
with new_person as (insert into person (council_id, id) values (%(council_id)s, %(person_id)s)),
new_file as (insert into client_file (council_id, id, person_id, service, given_names, family_name, name_key, born_on,
    postcode, postcode_key, opened_on, source, generated)
  values (%(council_id)s, %(file_id)s, %(person_id)s, %(service)s, 'Generated', %(name)s, %(name)s, %(born_on)s,
    'ZZ1 1ZZ', 'ZZ11ZZ', %(today)s, %(source)s, true))
insert into record (council_id, id, file_id, record_class, medium, recorded_on, values, state)
  values (%(council_id)s, %(id)s, %(file_id)s, %(class)s, 'digital', %(today)s, %(values)s, 'running')
"""
READ_PURPOSE = (
    "select id, file_id, values from record"
    " where council_id = %(council_id)s and record_class = %(class)s and disposal is null"
)
READ_CONSENTS = """
select e.* from consent_subject s join consent_event e on e.council_id = s.council_id and e.subject_id = s.id
  where s.council_id = %(council_id)s and s.file_id = %(file_id)s
"""
READ_DISCLOSURES = """
select d.*, l.fields from disclosure_line l
  join disclosure d on d.council_id = l.council_id and d.id = l.disclosure_id
  where l.council_id = %(council_id)s and l.file_id = %(file_id)s order by d.at desc limit 50
"""
UPDATE = "update record set values = %(values)s where council_id = %(council_id)s and id = %(id)s"
UPDATE_PURPOSE = """
update record set due_on = %(due_on)s, rule_hash = %(rule)s
  where council_id = %(council_id)s and record_class = %(class)s and disposal is null
"""
WITHDRAW = """
insert into consent_event (council_id, id, subject_id, number, kind, state, purpose, at, recorded_at, policy_hash, channel)
  select council_id, %(id)s, id, 2, 'consent', 'withdrawn', %(purpose)s, now(), now(), '', 'email'
  from consent_subject where council_id = %(council_id)s and file_id = %(file_id)s
"""  # noqa: E501
OBJECT = """
insert into client_limit (council_id, id, file_id, kind, ground, purposes, state, placed_at, decided_at)
  values (%(council_id)s, %(id)s, %(file_id)s, 'objection', '21.2', array[%(purpose)s], 'upheld', now(), now())
"""
LOGS = "select * from audit_event where council_id = %(council_id)s order by id desc limit %(amount)s"
DELETE = """
with gone as (delete from record where council_id = %(council_id)s and file_id = %(file_id)s),
the_file as (delete from client_file where council_id = %(council_id)s and id = %(file_id)s returning person_id)
delete from person where council_id = %(council_id)s and id in (select person_id from the_file)
"""


class Bare:
    """Plain SQL on one database. Any number of threads may call `do`; each has a connection of its own."""

    def __init__(self, filled: Filled, url: str, today: date) -> None:
        self.filled, self.town, self._url, self._today = filled, filled.town, url, today
        self.wrong: list[int] = []
        self._local = threading.local()
        self._connections: list[psycopg.Connection[Any]] = []
        self._steps: Mapping[Op, Callable[[UUID, Step], None]] = {
            Op.INSERT: self._insert,
            Op.READ: self._read,
            Op.READ_PURPOSE: self._read_purpose,
            Op.READ_USER: self._read_user,
            Op.UPDATE: self._update,
            Op.UPDATE_PURPOSE: self._update_purpose,
            Op.UPDATE_USER: self._update_user,
            Op.DELETE: self._delete,
            Op.LOGS: self._logs,
            Op.PROBE: self._probe,
        }

    def do(self, step: Step) -> None:
        """One operation."""
        self._steps[step.op](self.filled.councils[self.town.council_of(step.key)], step)

    def close(self) -> None:
        """Close the threads' connections."""
        for connection in self._connections:
            connection.close()

    def _execute(self, statement: str, **values: Any) -> psycopg.Cursor[dict[str, Any]]:
        connection: psycopg.Connection[dict[str, Any]] | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = psycopg.connect(self._url, autocommit=True, row_factory=dict_row)
            self._local.connection = connection
            self._connections.append(connection)
        return connection.execute(statement, values, prepare=True)

    def _insert(self, council_id: UUID, step: Step) -> None:
        self._execute(
            INSERT,
            **{"class": _class_of(step.key)},
            council_id=council_id,
            person_id=new_id(),
            file_id=new_id(),
            id=new_id(),
            service=SERVICE,
            name=f"New {step.key}",
            born_on=OVER,
            today=self._today,
            source=f"source-{step.key % TENS}",
            values=_values_of(step.key, 0),
        )

    def _read(self, council_id: UUID, step: Step) -> None:
        row = self._execute(READ, council_id=council_id, restricted=False, id=self.town.file_of(step.key)).fetchone()
        if row is None:
            raise RuntimeError("the record asked for is gone")
        council = self.town.council_of(step.key)
        found = [key_in(value["v"]) for record in row["records"] for value in record["values"].values()]
        self.wrong += [key for key in found if self.town.council_of(key) != council]

    def _read_purpose(self, council_id: UUID, step: Step) -> None:
        council = self.town.council_of(step.key)
        rows = self._execute(READ_PURPOSE, council_id=council_id, **{"class": _class_of(step.key)}).fetchall()
        if not rows:
            raise RuntimeError("nothing is held for the purpose")
        found = [key_in(value["v"]) for row in rows for value in row["values"].values()]
        self.wrong += [key for key in found if key < self.town.records and self.town.council_of(key) != council]

    def _read_user(self, council_id: UUID, step: Step) -> None:
        self._read(council_id, step)
        for statement in (READ_CONSENTS, READ_DISCLOSURES):
            self._execute(statement, council_id=council_id, file_id=self.town.file_of(step.key)).fetchall()

    def _update(self, council_id: UUID, step: Step) -> None:
        record_id, values = self.town.id_of("record", step.key), _values_of(step.key, step.amount)
        _see(self._execute(UPDATE, council_id=council_id, id=record_id, values=values))

    def _update_purpose(self, council_id: UUID, step: Step) -> None:
        due_on = self._today + timedelta(days=step.amount)
        changed = {"class": _class_of(step.key), "rule": f"{step.amount:064d}"}
        _see(self._execute(UPDATE_PURPOSE, council_id=council_id, due_on=due_on, **changed))

    def _update_user(self, council_id: UUID, step: Step) -> None:
        statement = WITHDRAW if step.amount % 2 else OBJECT
        file_id = self.town.file_of(step.key)
        _see(self._execute(statement, council_id=council_id, file_id=file_id, id=new_id(), purpose=NEWS))

    def _delete(self, council_id: UUID, step: Step) -> None:
        _see(self._execute(DELETE, council_id=council_id, file_id=self.town.file_of(step.key)))

    def _logs(self, council_id: UUID, step: Step) -> None:
        self._execute(LOGS, council_id=council_id, amount=step.amount).fetchall()

    def _probe(self, council_id: UUID, step: Step) -> None:
        if self._execute(READ, council_id=council_id, restricted=False, id=new_id()).fetchone() is not None:
            raise RuntimeError("something was found that never was")


def _see(cursor: psycopg.Cursor[Any]) -> None:
    if cursor.rowcount < 1:
        raise RuntimeError("nothing was changed")


def _class_of(key: int) -> str:
    return f"{SERVICE}/{purpose_of(key)}"


def _values_of(key: int, version: int) -> Jsonb:
    value = {"v": data_of(key, version), "s": f"source-{(key + version) % TENS}", "on": "2026-11-20",
             "p": [purpose_of(key)]}  # fmt: skip
    return Jsonb({f"category-{key % TENS}.data": value})
