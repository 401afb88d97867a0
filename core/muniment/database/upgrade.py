"""Bringing a database to the newest schema: `muniment db upgrade`.

All of it happens in one transaction under an advisory lock: two upgrades wait for each other, and one that is killed
leaves the database as it was.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from muniment.api.errors import NotReady, SettingsError
from muniment.database.embedded import EmbeddedServer
from muniment.database.engine import open_owner_engine
from muniment.database.roles import OWNER
from muniment.settings import Settings

__all__ = ["current_revision", "newest_revision", "owner_engine", "refuse_old_schema", "upgrade"]

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6D756E69
"""The advisory lock of upgrades: the first letters of the product's name."""


def owner_engine(settings: Settings) -> Engine:
    """An engine as the owner role, starting the embedded server where no URL is set.

    Raises `SettingsError` if the database is external and `MUNIMENT_OWNER_DATABASE_URL` is not set.
    """
    if settings.owner_database_url is not None:
        return open_owner_engine(settings.owner_database_url)
    if settings.database_url is not None:
        raise SettingsError(
            "MUNIMENT_DATABASE_URL names a database of your own, so MUNIMENT_OWNER_DATABASE_URL must name "
            f"the same database with the role {OWNER}."
        )
    server = EmbeddedServer(settings.data_dir)
    server.start()
    return open_owner_engine(server.url(OWNER))


def upgrade(engine: Engine) -> tuple[str | None, str | None]:
    """Migrate to the newest revision; returns the revisions before and after (None: no schema yet).

    Raises `NotReady` if a newer version of the program has upgraded the database: a schema is never taken back.
    """
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
        before = _revision(connection)
        _refuse_newer(before)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return before, _revision(connection)


def current_revision(engine: Engine) -> str | None:
    """The revision that a database is at; None: no schema yet."""
    with engine.connect() as connection:
        return _revision(connection)


def newest_revision() -> str | None:
    """The revision that this version of the program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def refuse_old_schema(engine: Engine) -> None:
    """Raise `NotReady` unless the database is at the revision that this version of the program needs."""
    at, needed = current_revision(engine), newest_revision()
    _refuse_newer(at)
    if at != needed:
        raise NotReady(
            f"The database is at revision {at or 'none'} and this version needs {needed}. Run: muniment db upgrade"
        )


def _refuse_newer(at: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if at is not None and at not in known:
        raise NotReady(
            f"The database is at revision {at}, which this version of Muniment does not know: a newer one upgraded it. "
            "Run that version, or restore the backup made before the upgrade."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
