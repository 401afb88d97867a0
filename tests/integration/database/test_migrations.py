"""Migrations: one line of history that builds exactly what the models say."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from muniment.database.upgrade import MIGRATIONS
from muniment.schema import metadata


def test_migrations_and_models_agree(owner_engine: Engine) -> None:
    with owner_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_history_is_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    history = ScriptDirectory.from_config(config)
    assert len(history.get_heads()) == 1
    revisions = [script.revision for script in history.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert all(not script.is_merge_point for script in history.walk_revisions())
