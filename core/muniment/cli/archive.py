"""`muniment retention`: packages, package, receive, refuse: what is offered to an archive, and what it answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import click

from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.holds import retention
from muniment.cli.retention import DAY, by_option
from muniment.files.store import FileStore
from muniment.retention.disposal import archiving

__all__ = ["retention"]

STATES = ("offered", "received", "refused", "replaced")


@retention.command("packages")
@click.argument("council")
@click.option("--state", type=click.Choice(STATES), default="offered", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@pass_context
def packages_command(context: Context, council: str, state: str, limit: int, as_json: bool) -> None:
    """List the packages of COUNCIL for an archive; those that are offered are outstanding."""
    with context.council(council) as (session, caller):
        standing = cast(archiving.Standing, state)
        found = archiving.packages(session, caller, standing=standing, limit=limit)
    show(found, as_json, *([entry.line for entry in found] or ["No package is in that state."]))


@retention.command("package")
@click.argument("council")
@click.argument("package", type=click.UUID)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write.")
@by_option
@pass_context
def package_command(context: Context, council: str, package: UUID, output: Path, by: str) -> None:
    """Write the bytes of a PACKAGE of COUNCIL to a file, for the archive."""
    store = FileStore(context.settings.files_dir, context.keys)
    with context.council(council, by) as (session, caller):
        content = archiving.read_package(session, caller, store, package)
        with output.open("xb") as target:
            target.writelines(content)
    click.echo(f"wrote {output}")


@retention.command("receive")
@click.argument("council")
@click.argument("package", type=click.UUID)
@click.option("--reference", required=True, help="What it is called in the archive.")
@click.option("--received-on", type=DAY, required=True)
@by_option
@pass_context
def receive_command(
    context: Context, council: str, package: UUID, reference: str, received_on: datetime, by: str
) -> None:
    """Confirm that the archive has a PACKAGE of COUNCIL: the next sweep destroys its records."""
    with context.council(council, by) as (session, caller):
        archiving.receive(session, caller, package, reference=reference, received_on=received_on.date())
    click.echo("Noted. The next sweep destroys its records.")


@retention.command("refuse")
@click.argument("council")
@click.argument("package", type=click.UUID)
@click.option("--reason", required=True)
@by_option
@pass_context
def refuse_command(context: Context, council: str, package: UUID, reason: str, by: str) -> None:
    """Note that the archive refuses a PACKAGE of COUNCIL: its records are put before a reviewer."""
    with context.council(council, by) as (session, caller):
        count = archiving.refuse(session, caller, package, reason=reason)
    click.echo(f"{count} records were put before a reviewer.")
