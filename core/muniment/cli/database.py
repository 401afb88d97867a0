"""`muniment db`: bringing the database up to date, the embedded server, and what follows a restore."""

from __future__ import annotations

from pathlib import Path

import click

import muniment.schema  # noqa: F401  # a migration may need every table known
from muniment.api.errors import NotReady, SettingsError
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.database.embedded import EmbeddedServer
from muniment.database.roles import APPLICATION, BACKUP
from muniment.database.upgrade import owner_engine, upgrade
from muniment.retention.disposal.drill import Rehearsed, rehearse, restored_copy
from muniment.retention.disposal.restore import RESTORE, Repeated, RestoreCheck, recover
from muniment.retention.evidence.ledger import Ledger

__all__ = ["db"]

ROLES = {"application": APPLICATION, "backup": BACKUP}


@click.group()
def db() -> None:
    """The database: upgrade, restored, restore-drill; the embedded server: stop, remove, url, programs."""


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
@click.option("--role", type=click.Choice(list(ROLES)), default="application", show_default=True)
@json_option
@pass_context
def url(context: Context, role: str, as_json: bool) -> None:
    """Print the embedded server's address for a role: the application's, or the one that backups are made with."""
    if context.settings.database_url is not None:
        raise SettingsError("MUNIMENT_DATABASE_URL names a database of your own; its address may hold a password.")
    address = EmbeddedServer(context.settings.data_dir).url(ROLES[role])
    show({"url": address}, as_json, address)


@db.command()
@json_option
@pass_context
def programs(context: Context, as_json: bool) -> None:
    """Print the folder of the embedded server's programs: pg_dump, pg_restore, psql."""
    folder = str(EmbeddedServer(context.settings.data_dir).programs)
    show({"folder": folder}, as_json, folder)


@db.command()
@json_option
@pass_context
def restored(context: Context, as_json: bool) -> None:
    """After a backup was restored: erase again what came back, put holds back, and sweep each council.

    Whatever the erasure ledger knows and the database does not is erased by its key, and its certificates are written
    again. Holds, extensions and armings are as the ledger has them before anything is swept. Workers do the same by
    themselves within an hour. Harmless where nothing was restored.
    """
    jobs = context.jobs
    found: dict[str, Repeated] = {}
    for slug, council_id in context.councils().items():
        ledger = Ledger(context.settings.ledger_dir, council_id)
        with context.database.council(council_id, RESTORE) as session:
            found[slug] = recover(session, ledger)
    jobs.run(lambda name, done, waiting: click.echo(f"{name}: {done} done, {waiting} waiting", err=True))
    RestoreCheck(context.database, context.settings.ledger_dir)()
    show(found, as_json, *(_repeated(slug, repeated) for slug, repeated in found.items()), "Ready.")


@db.command("restore-drill")
@click.argument("dump", type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path))
@json_option
@pass_context
def restore_drill(context: Context, dump: Path, as_json: bool) -> None:
    """Restore DUMP into a scratch database, erase again what it brings back, verify the audit log, and say so.

    DUMP is of pg_dump --format custom. The scratch database lies in the data folder, in clear, and is deleted when the
    command ends; the deployment's own database and ledger are only read.
    """
    with restored_copy(dump, context.settings.data_dir, context.clock) as database:
        found = list(rehearse(database, context.settings.ledger_dir, context.keys))
    show(found, as_json, *(line for each in found for line in _rehearsed(each)))
    failed = [each.council for each in found if not each.passed]
    if failed:
        raise NotReady(f"The drill failed for {', '.join(failed)}: do not rely on this backup.")


def _repeated(slug: str, repeated: Repeated) -> str:
    if not repeated.chunks:
        return f"{slug}: nothing erased had come back, nothing that keeps records was lost"
    return (
        f"{slug}: {repeated.chunks} lines of the ledger since the backup; {repeated.rows} rows were back and are "
        f"erased again; {repeated.certificates} certificates written again; {repeated.kept} holds, stops and "
        "other things that keep or withhold as they were"
    )


def _rehearsed(found: Rehearsed) -> list[str]:
    return [
        _repeated(found.council, found.repeated),
        f"  {found.files} client files in the backup, {found.files_left} when its erasures were repeated",
        f"  audit log: {'sound' if found.audit_sound else 'NOT SOUND'}, {found.audit_events} events sealed",
        *([f"  {found.forgotten} chunks could NOT be repeated"] if found.forgotten else ()),
    ]
