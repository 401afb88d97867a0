"""`muniment retention`: statistics, pseudonyms, reinstate: what rules have left of records, or have kept out of use."""

from __future__ import annotations

from uuid import UUID

import click

from muniment.cli.archive import retention
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.retention import by_option
from muniment.clients.pseudonyms import file_behind, pseudonyms_of
from muniment.clients.use import reinstate
from muniment.retention.disposal.anonymising import statistics

__all__ = ["retention"]


@retention.command("statistics")
@click.argument("council")
@click.option("--class", "record_class", help="One record class, as SERVICE/CLASS; all without it.")
@json_option
@pass_context
def statistics_command(context: Context, council: str, record_class: str | None, as_json: bool) -> None:
    """Count what is left in COUNCIL of records that were made anonymous, by what they have in common."""
    with context.council(council) as (session, caller):
        found = statistics(session, caller, record_class)
    show(found, as_json, *([group.line for group in found] or ["Nothing was made anonymous yet."]))


@retention.command("pseudonyms")
@click.argument("council")
@click.argument("file_id", metavar="FILE", type=click.UUID)
@by_option
@json_option
@pass_context
def pseudonyms_command(context: Context, council: str, file_id: UUID, by: str, as_json: bool) -> None:
    """Follow the key between a client's FILE of COUNCIL and the files without a name, in either direction."""
    with context.council(council, by) as (session, caller):
        behind = file_behind(session, caller, file_id)
        found = pseudonyms_of(session, caller, file_id)
    lines = [f"{key} holds what was pseudonymised." for key in found]
    lines += [f"{behind} is the client's file."] if behind is not None else []
    show({"behind": behind, "pseudonyms": found}, as_json, *(lines or ["No key leads from or to this file."]))


@retention.command("reinstate")
@click.argument("council")
@click.argument("file_id", metavar="FILE", type=click.UUID)
@click.argument("record_id", metavar="RECORD", type=click.UUID)
@by_option
@pass_context
def reinstate_command(context: Context, council: str, file_id: UUID, record_id: UUID, by: str) -> None:
    """Put RECORD of a client's FILE in COUNCIL back into use: its rule does not take it out of use again."""
    with context.council(council, by) as (session, caller):
        reinstate(session, caller, file_id, record_id)
    click.echo("The record is in use again.")
