"""What every table must be like: walked over all tables of all domains, as declared and as the database has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Table, UniqueConstraint, text

from muniment.database.base import council_tables, is_council_table
from muniment.database.registry import clocked_tables, impersonal_tables, personal_tables
from muniment.database.roles import APPLICATION
from muniment.schema import metadata
from tests.server import TestServer

WITHOUT_COUNCIL = {
    "council": "the tenants themselves; the first statement of a transaction reads it before there is a scope",
    "council_host": "a host name is looked up before the council is known",
    "lease": "the schedule belongs to the deployment",
}
"""The closed list of tables without row-level security. Adding to it is a decision: nothing about a person."""

COUNCIL_TABLES = council_tables(metadata)
each_council_table = pytest.mark.parametrize("table", COUNCIL_TABLES, ids=lambda table: table.name)


def test_tables_without_a_council_are_a_closed_list() -> None:
    assert {table.name for table in metadata.sorted_tables if not is_council_table(table)} == set(WITHOUT_COUNCIL)


def test_every_table_is_in_the_register_of_personal_data_once() -> None:
    assert personal_tables().keys() & impersonal_tables().keys() == set()
    assert personal_tables().keys() | impersonal_tables().keys() == set(metadata.tables)


def test_no_table_without_a_council_holds_personal_data() -> None:
    assert personal_tables().keys() & set(WITHOUT_COUNCIL) == set()


def test_what_hangs_below_is_registered_too() -> None:
    for entry in personal_tables().values():
        if entry.hangs_below is not None:
            assert entry.hangs_below.name in metadata.tables
    for clocked in clocked_tables():
        assert clocked.table.name in metadata.tables
        assert clocked.lock.name in metadata.tables


@each_council_table
def test_the_council_comes_first_in_every_key(table: Table) -> None:
    assert next(iter(table.primary_key.columns)).name == "council_id"
    for unique in unique_columns(table):
        assert unique[0] == "council_id", f"a violation of {unique} would tell of another council's row"


@each_council_table
def test_foreign_keys_stay_inside_the_council(table: Table) -> None:
    for key in table.foreign_key_constraints:
        pairs = [(element.parent.name, element.target_fullname) for element in key.elements]
        if key.referred_table.name == "council":
            assert pairs == [("council_id", "council.id")]
        else:
            assert is_council_table(key.referred_table)
            assert pairs[0] == ("council_id", f"{key.referred_table.name}.council_id")
        assert (key.ondelete or "").upper() != "SET NULL"


@each_council_table
def test_row_level_security_is_forced(table: Table, schema: dict[str, dict[str, object]]) -> None:
    found = schema[table.name]
    assert found["enabled"]
    assert found["forced"]
    assert found["policies"] == [("PERMISSIVE", "ALL", ["public"], True)]


@each_council_table
def test_no_statistics_are_kept_of_councils(table: Table, schema: dict[str, dict[str, object]]) -> None:
    assert schema[table.name]["statistics"] == 0


@each_council_table
def test_every_row_points_to_its_council_once(table: Table) -> None:
    """To the council itself, or to a row of its council that it always hangs below; not to both."""
    to_council = [key for key in table.foreign_key_constraints if key.column_keys == ["council_id"]]
    to_parents = [
        key
        for key in table.foreign_key_constraints
        if len(key.columns) > 1 and not any(column.nullable for column in key.columns)
    ]
    assert len(to_council) == (0 if to_parents else 1)


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_the_application_may_do_what_the_table_says(table: Table, schema: dict[str, dict[str, object]]) -> None:
    may = {"INSERT", "SELECT"}
    if not table.info["append_only"]:
        may |= {"DELETE", "UPDATE"}
    elif table.info["goes_by_rule"]:
        may |= {"DELETE"}
    assert schema[table.name]["may"] == may


def unique_columns(table: Table) -> Iterator[list[str]]:
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield [column.name for column in constraint.columns]
    for index in table.indexes:
        if index.unique:
            yield [getattr(expression, "name", "") for expression in index.expressions]


# The policy in PostgreSQL's own words.
POLICY = "(council_id = (NULLIF(current_setting('muniment.council_id'::text, true), ''::text))::uuid)"


@pytest.fixture(scope="module")
def schema(server: TestServer, shared_database_name: str) -> dict[str, dict[str, object]]:
    """What the catalogue says of each table, read once from the template's own server."""
    engine = server.engine(shared_database_name)
    with engine.connect() as connection:
        tables: dict[str, dict[str, object]] = {
            row.relname: {
                "enabled": row.relrowsecurity,
                "forced": row.relforcerowsecurity,
                "statistics": row.attstattarget,
                "policies": [],
                "may": set(),
            }
            for row in connection.execute(
                text(
                    "select relname, relrowsecurity, relforcerowsecurity, attstattarget from pg_class"
                    " left join pg_attribute on attrelid = pg_class.oid and attname = 'council_id'"
                    " where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace"
                )
            )
        }
        for row in connection.execute(text("select * from pg_policies where schemaname = 'public'")):
            as_stated = row.qual == POLICY and row.with_check == POLICY
            policies = tables[row.tablename]["policies"]
            assert isinstance(policies, list)
            policies.append((row.permissive, row.cmd, list(row.roles), as_stated))
        for row in connection.execute(
            text("select table_name, privilege_type from information_schema.role_table_grants where grantee = :role"),
            {"role": APPLICATION},
        ):
            may = tables[row.table_name]["may"]
            assert isinstance(may, set)
            may.add(row.privilege_type)
    engine.dispose()
    return tables
