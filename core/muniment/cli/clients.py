"""`muniment client`: import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import click

from muniment.cli.context import Context, json_option, pass_context, show
from muniment.clients.importing.run import Importer, Order, Summary, find_format
from muniment.policy.store import adopted
from muniment.retention.clocks.current import past_period

__all__ = ["client"]

BLOCK = 256 * 1024
SHOWN_REJECTS = 20


@click.group()
def client() -> None:
    """People that a council's services hold files about."""


@client.command("import")
@click.argument("council")
@click.argument("source")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--service", help="The service, where several declare a format of that name.")
@click.option("--history", is_flag=True, help="Also take in rows that are beyond their period already.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--generated", is_flag=True, help="Mark the people in the file as made up.")
@json_option
@pass_context
def import_command(
    context: Context,
    council: str,
    source: str,
    file: Path,
    service: str | None,
    history: bool,
    dry_run: bool,
    generated: bool,
    as_json: bool,
) -> None:
    """Take the CSV FILE into COUNCIL by the import format SOURCE that its policy declares.

    What is wrong with a row is printed as line, column and reason; the other rows go in. Importing a file again, also
    after the import was interrupted, changes nothing that is there already.
    """
    jobs = context.jobs
    with context.council(council) as (session, caller):
        service, _ = find_format(adopted(session), service, source)
    order = Order(service=service, source=source, history=history, dry_run=dry_run, generated=generated)
    importer = Importer(context.database, caller, context.plugins, context.keys, past_period)
    label = f"importing {source}"
    with file.open("rb") as content, click.progressbar(length=file.stat().st_size, label=label, file=sys.stderr) as bar:
        summary = importer.run(order, _blocks(content, bar.update))
    jobs.run()
    show(summary, as_json, *_lines(summary, dry_run))


def _blocks(content: BinaryIO, read: Callable[[int], None]) -> Iterator[bytes]:
    while block := content.read(BLOCK):
        yield block
        read(len(block))


def _lines(summary: Summary, dry_run: bool) -> Iterator[str]:
    done = "would import" if dry_run else "imported"
    yield (
        f"{done} {summary.source} into {summary.service}: {summary.new} new, {summary.updated} updated, "
        f"{summary.unchanged} unchanged, {summary.suppressed} suppressed, {summary.rejected} rejected, "
        f"{summary.corrected} values kept as staff corrected them, "
        f"in {summary.seconds:.1f} s"
    )
    for reject in summary.rejects[:SHOWN_REJECTS]:
        column = f", column {reject.column}" if reject.column else ""
        yield f"line {reject.line}{column}: {reject.code}"
    if len(summary.rejects) > SHOWN_REJECTS:
        yield f"and {len(summary.rejects) - SHOWN_REJECTS} more; --json prints up to 10,000 of them"
