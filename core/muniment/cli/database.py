"""`muniment db`: bringing the database up to date, stopping the embedded server, its address."""

from __future__ import annotations

import click

import muniment.schema  # noqa: F401  # a migration may need every table known
from muniment.api.errors import SettingsError
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.database.embedded import EmbeddedServer
from muniment.database.roles import APPLICATION
from muniment.database.upgrade import owner_engine, upgrade

__all__ = ["db"]


@click.group()
def db() -> None:
    """The database: upgrade, stop, remove, url."""


@db.command("upgrade")
@json_option
@pass_context
def upgrade_command(context: Context, as_json: bool) -> None:
    """Bring the database to this version's schema.

    Starts the embedded server where no database is set. Safe to run again, to race and to kill.
    """
    engine = owner_engine(context.settings)
    before, after = upgrade(engine)
    engine.dispose()
    line = f"The database is at {after}." if before == after else f"Upgraded from {before or 'nothing'} to {after}."
    show({"before": before, "after": after}, as_json, line)


@db.command()
@json_option
@pass_context
def stop(context: Context, as_json: bool) -> None:
    """Stop the embedded server. Its data stay; the next command starts it."""
    if context.settings.database_url is not None:
        raise SettingsError("MUNIMENT_DATABASE_URL names a database of your own: stop it where it runs.")
    stopped = EmbeddedServer(context.settings.data_dir).stop()
    show({"stopped": stopped}, as_json, "Stopped." if stopped else "It was not running.")


@db.command()
@click.option("--yes", is_flag=True, required=True, help="Say that all of its data may go.")
@json_option
@pass_context
def remove(context: Context, yes: bool, as_json: bool) -> None:
    """Stop the embedded server and delete its data for good."""
    if context.settings.database_url is not None:
        raise SettingsError("MUNIMENT_DATABASE_URL names a database of your own: remove it where it runs.")
    removed = EmbeddedServer(context.settings.data_dir).remove()
    show({"removed": removed}, as_json, "Removed." if removed else "There was none.")


@db.command()
@json_option
@pass_context
def url(context: Context, as_json: bool) -> None:
    """Print the embedded server's address for the application role."""
    if context.settings.database_url is not None:
        raise SettingsError("MUNIMENT_DATABASE_URL names a database of your own; its address may hold a password.")
    address = EmbeddedServer(context.settings.data_dir).url(APPLICATION)
    show({"url": address}, as_json, address)
