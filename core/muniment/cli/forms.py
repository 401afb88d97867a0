"""`muniment retention`: reinstate: what a rule has kept out of use, put back by somebody."""

from __future__ import annotations

from uuid import UUID

import click

from muniment.accounts.permissions import command_caller
from muniment.cli.context import Context, pass_context
from muniment.cli.holds import retention
from muniment.cli.retention import by_option
from muniment.clients.use import reinstate

__all__ = ["retention"]


@retention.command("reinstate")
@click.argument("council")
@click.argument("file_id", metavar="FILE", type=click.UUID)
@click.argument("record_id", metavar="RECORD", type=click.UUID)
@by_option
@pass_context
def reinstate_command(context: Context, council: str, file_id: UUID, record_id: UUID, by: str) -> None:
    """Put RECORD of a client's FILE in COUNCIL back into use: its rule does not take it out of use again."""
    council_id = context.council_id(council)
    caller = command_caller(council_id, context.actor.name, by)
    with context.database.council(council_id, caller.actor) as session:
        reinstate(session, caller, file_id, record_id)
    click.echo("The record is in use again.")
