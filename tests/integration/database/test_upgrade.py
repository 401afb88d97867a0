"""Upgrading: safe to race, to kill and to repeat."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import Engine, event, text

from muniment.api.errors import SettingsError
from muniment.database.engine import open_owner_engine
from muniment.database.roles import OWNER
from muniment.database.upgrade import current_revision, newest_revision, owner_engine, refuse_old_schema, upgrade
from muniment.settings import Settings
from tests.server import TestServer


@pytest.fixture
def empty(server: TestServer, empty_database_name: str) -> Iterator[Engine]:
    """An empty database as the owner role."""
    engine = open_owner_engine(server.url_of(OWNER, empty_database_name))
    yield engine
    engine.dispose()


def tables(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'")) or 0


def test_two_upgrades_wait_for_each_other(empty: Engine) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = sorted(pool.map(upgrade, [empty, empty]), key=str)
    assert results == [(newest_revision(), newest_revision()), (None, newest_revision())]
    refuse_old_schema(empty)


def test_an_upgrade_that_is_killed_leaves_nothing_and_can_be_run_again(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = command.upgrade

    def killed(*args: object) -> None:
        real(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "upgrade", killed)
    with pytest.raises(KeyboardInterrupt):
        upgrade(empty)
    monkeypatch.undo()
    assert (current_revision(empty), tables(empty)) == (None, 0)
    assert upgrade(empty) == (None, newest_revision())


def test_a_lost_connection_in_the_middle_changes_nothing(empty: Engine) -> None:
    statements = 0

    @event.listens_for(empty, "before_cursor_execute")
    def cut(conn, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]
        nonlocal statements
        statements += 1
        if statements == 40:
            cursor.connection.close()

    with pytest.raises(Exception, match=r"reached|closed|withheld"):
        upgrade(empty)
    event.remove(empty, "before_cursor_execute", cut)
    assert tables(empty) == 0
    upgrade(empty)


def test_an_external_database_needs_the_owner_too(settings: Settings) -> None:
    given = Settings(
        data_dir=settings.data_dir,
        keys_file=settings.keys_file,
        ledger_dir=settings.ledger_dir,
        files_dir=settings.files_dir,
        database_url=settings.database_url,
    )
    with pytest.raises(SettingsError, match="MUNIMENT_OWNER_DATABASE_URL"):
        owner_engine(given)
