"""Migrations: one line of history that builds exactly what the models say, and never goes back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from muniment.api.errors import Conflict, NotReady
from muniment.database.base import is_council_table
from muniment.database.engine import open_owner_engine
from muniment.database.roles import OWNER
from muniment.database.schema_sql import secure_table
from muniment.database.upgrade import MIGRATIONS, refuse_old_schema, upgrade
from muniment.schema import metadata
from tests.server import TestServer

WHERE = "where n.nspname = 'public' and c.relname not like 'alembic_version%'"
CATALOGUE = {
    "tables": "select c.relname, c.relkind::text, c.relrowsecurity, c.relforcerowsecurity from pg_class c"
    f" join pg_namespace n on n.oid = c.relnamespace {WHERE}",
    "columns": "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,"
    " pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation::text"
    " from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace"
    f" left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum {WHERE}"
    " and a.attnum > 0 and not a.attisdropped",
    "constraints": "select c.relname, k.conname, pg_get_constraintdef(k.oid) from pg_constraint k"
    f" join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace {WHERE}",
    "indexes": "select c.relname, pg_get_indexdef(c.oid) from pg_class c"
    f" join pg_namespace n on n.oid = c.relnamespace {WHERE} and c.relkind = 'i'",
    "policies": "select tablename, policyname, permissive, roles::text, cmd, qual, with_check from pg_policies",
    "rights": f"select c.relname, c.relacl::text from pg_class c join pg_namespace n on n.oid = c.relnamespace {WHERE}",
    "functions": "select p.proname, pg_get_functiondef(p.oid) from pg_proc p"
    " join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public'",
    "triggers": "select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "views": "select viewname, definition from pg_views where schemaname = 'public'",
}
"""What PostgreSQL itself says of a schema, in its own words, by kind of thing."""


def catalogue(engine: Engine, kind: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return sorted((tuple(row) for row in connection.execute(text(CATALOGUE[kind]))), key=str)


def config(engine_connection: object = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = engine_connection
    return made


@pytest.fixture(scope="module")
def migrated(server: TestServer, shared_database_name: str) -> Iterator[Engine]:
    """A database that the migrations built, as its owner."""
    engine = open_owner_engine(server.url_of(OWNER, shared_database_name))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def modelled(server: TestServer, template: str) -> Iterator[Engine]:
    """A database built from the models, each table secured as its model says."""
    name = f"muniment_test_{uuid4().hex[:12]}"
    server.make(name)
    engine = open_owner_engine(server.url_of(OWNER, name))
    with engine.begin() as connection:
        metadata.create_all(connection)
        for table in metadata.sorted_tables:
            council, append_only = is_council_table(table), bool(table.info["append_only"])
            by_rule = bool(table.info["goes_by_rule"])
            for statement in secure_table(table.name, council=council, append_only=append_only, goes_by_rule=by_rule):
                connection.execute(text(statement))
    yield engine
    engine.dispose()
    server.drop(name)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_migrations_and_models_agree_in_the_catalogue(migrated: Engine, modelled: Engine, kind: str) -> None:
    assert catalogue(migrated, kind) == catalogue(modelled, kind)


def test_the_catalogue_is_looked_at(migrated: Engine) -> None:
    found = {kind: len(catalogue(migrated, kind)) for kind in CATALOGUE}
    assert found["policies"] > 20
    assert found["indexes"] > found["policies"]
    assert any("WHERE" in str(row) for row in catalogue(migrated, "indexes"))
    assert any("CHECK" in str(row) for row in catalogue(migrated, "constraints"))
    assert (found["functions"], found["triggers"], found["views"]) == (1, 0, 0)


def test_alembic_finds_nothing_to_do(migrated: Engine) -> None:
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_history_is_one_line() -> None:
    history = ScriptDirectory.from_config(config())
    assert len(history.get_heads()) == 1
    revisions = [script.revision for script in history.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(not script.is_merge_point for script in history.walk_revisions())


@pytest.mark.parametrize("file", sorted(MIGRATIONS.rglob("*.py")), ids=lambda file: file.stem)
def test_a_revision_knows_no_model(file: Path) -> None:
    allowed = {"muniment.api.errors", "muniment.database.roles", "muniment.database.schema_sql"}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("muniment"):
            assert str(node.module).startswith("muniment.database.migrations") or node.module in allowed


def test_roles_move_out_of_the_kind_of_every_councils_approvals(server: TestServer, empty_database_name: str) -> None:
    engine = open_owner_engine(server.url_of(OWNER, empty_database_name))
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
        for slug in ("alpha", "beta"):
            council = {"id": uuid4(), "slug": slug}
            connection.execute(text("insert into council (id, slug, name) values (:id, :slug, 'Generated')"), council)
            connection.execute(text("select set_config('muniment.council_id', cast(:id as text), true)"), council)
            for kind in ("staff", "command (records manager)", "command (head (acting) of records)"):
                connection.execute(
                    text(
                        "insert into arming"
                        " (council_id, id, record_class, rule_hash, policy_hash, armed_at, armed_kind, preview) values"
                        " (:id, gen_random_uuid(), :kind, '', '', now(), :kind, '{}')"
                    ),
                    {**council, "kind": kind},
                )
    upgrade(engine)
    engine.dispose()
    superuser = server.engine(empty_database_name)
    with superuser.connect() as connection:
        found = connection.execute(text("select armed_kind, armed_role from arming")).all()
    superuser.dispose()
    moved = [("command", "head (acting) of records"), ("command", "records manager"), ("staff", "")]
    assert sorted(tuple(row) for row in found) == sorted(moved * 2)


def test_a_schema_is_not_taken_back(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection, pytest.raises(Conflict, match="Restore the backup"):
        command.downgrade(config(connection), "base")


def test_a_database_that_a_newer_version_upgraded_is_left_alone(owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    for what in (upgrade, refuse_old_schema):
        with pytest.raises(NotReady, match=r"9999.*newer"):
            what(owner_engine)
