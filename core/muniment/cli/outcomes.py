"""`muniment retention`: not-found, accept-lost, still-needed: what became of things that were not destroyed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import click

from muniment.cli.context import Context, pass_context
from muniment.cli.retention import DAY, by_option, retention
from muniment.retention.disposal import outcomes
from muniment.retention.evidence.ledger import Ledger

__all__ = ["retention"]


@retention.command("not-found")
@click.argument("council")
@click.argument("records", type=click.UUID, nargs=-1, required=True)
@click.option("--searched-on", type=DAY, required=True)
@by_option
@pass_context
def not_found_command(
    context: Context, council: str, records: tuple[UUID, ...], searched_on: datetime, by: str
) -> None:
    """Note that RECORDS of COUNCIL, to be destroyed elsewhere, were looked for and not found.

    They stay outstanding. What another role (--by) had looked for before is lost now.
    """
    with context.council(council, by) as (session, caller):
        ledger = Ledger(session.ledger_dir, session.council_id)
        found = outcomes.not_found(session, caller, ledger, records, searched_on=searched_on.date())
    click.echo(f"{found.noted} noted as not found, {found.lost} of them lost: two have looked.")


@retention.command("accept-lost")
@click.argument("council")
@click.argument("records", type=click.UUID, nargs=-1, required=True)
@click.option("--reason", required=True, help="Why, without personal data.")
@by_option
@pass_context
def accept_lost_command(context: Context, council: str, records: tuple[UUID, ...], reason: str, by: str) -> None:
    """Accept that RECORDS of COUNCIL, which another role looked for and did not find, are lost."""
    with context.council(council, by) as (session, caller):
        ledger = Ledger(session.ledger_dir, session.council_id)
        count = outcomes.accept_lost(session, caller, ledger, records, reason=reason)
    click.echo(f"{count} accepted as lost.")


@retention.command("still-needed")
@click.argument("council")
@click.argument("records", type=click.UUID, nargs=-1, required=True)
@click.option("--basis", default="other", show_default=True, help="The code of the legal ground.")
@click.option("--ground", required=True, help="The legal ground in words, without personal data.")
@click.option("--review-on", type=DAY, required=True, help="The day to look whether they are still needed.")
@by_option
@pass_context
def still_needed_command(
    context: Context, council: str, records: tuple[UUID, ...], basis: str, ground: str, review_on: datetime, by: str
) -> None:
    """Keep RECORDS of COUNCIL, to be destroyed elsewhere, from being destroyed: a hold on each."""
    with context.council(council, by) as (session, caller):
        ledger = Ledger(session.ledger_dir, session.council_id)
        holds = outcomes.still_needed(
            session, caller, ledger, records, basis=basis, ground=ground, authoriser=by, review_on=review_on.date()
        )
    for hold in holds:
        click.echo(f"Hold {hold}: not to be destroyed until it has ended.")
