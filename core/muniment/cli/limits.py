"""`muniment client`: limits, limit, decide, lift: restriction and objection of one client file."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import click

from muniment.cli.clients import client
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.retention import DAY, by_option
from muniment.clients import limiting
from muniment.clients.limits import GROUNDS, Ground

__all__ = ["client"]

told_option = click.option("--told-on", type=DAY, required=True, help="The day the person was told, before it ends.")


@client.command("limits")
@click.argument("council")
@click.argument("file", type=click.UUID)
@json_option
@pass_context
def limits_command(context: Context, council: str, file: UUID, as_json: bool) -> None:
    """List the restrictions and objections of a client FILE, by its key, those that have ended too."""
    with context.council(council) as (session, caller):
        found = limiting.all_limits(session, caller, file)
    lines = [
        f"{limit.id} {limit.kind} (Art {limit.ground}) of {', '.join(limit.purposes) or 'every use'}: {limit.state}"
        for limit in found
    ]
    show(found, as_json, *(lines or ["Nothing stands on this file, and nothing has."]))


@client.command("limit")
@click.argument("council")
@click.argument("file", type=click.UUID)
@click.option("--ground", type=click.Choice(list(GROUNDS)), required=True, help="The provision that it rests on.")
@click.option("--purpose", "purposes", multiple=True, help="A purpose that it is about; without any, every use.")
@by_option
@pass_context
def limit_command(
    context: Context, council: str, file: UUID, ground: Ground, purposes: tuple[str, ...], by: str
) -> None:
    """Place a restriction (UK GDPR Art 18) or an objection (Art 21) on a client FILE of COUNCIL."""
    with context.council(council, by) as (session, caller):
        new = limiting.NewLimit(ground=ground, purposes=purposes)
        limit_id = limiting.place_limit(session, caller, file, new)
    click.echo(f"{limit_id} stands: {GROUNDS[ground]}.")


@client.command("decide")
@click.argument("council")
@click.argument("limit", type=click.UUID)
@click.argument("outcome", type=click.Choice(["upheld", "overridden"]))
@told_option
@click.option("--because", help="What prevails over it: compelling-grounds, legal-claims or public-interest-task.")
@click.option("--reason", default="", help="Why it does in this case, without personal data that is not needed.")
@by_option
@pass_context
def decide_command(
    context: Context,
    council: str,
    limit: UUID,
    outcome: limiting.Outcome,
    told_on: datetime,
    because: str | None,
    reason: str,
    by: str,
) -> None:
    """Decide an objection, LIMIT, in COUNCIL."""
    decision = limiting.LimitDecision(outcome=outcome, told_on=told_on.date(), because=because, reason=reason)
    with context.council(council, by) as (session, caller):
        limiting.decide_objection(session, caller, limit, decision)
    click.echo(f"{limit} is {outcome}.")


@client.command("lift")
@click.argument("council")
@click.argument("limit", type=click.UUID)
@told_option
@click.option("--reason", required=True, help="Why it ends, without personal data that is not needed.")
@by_option
@pass_context
def lift_command(context: Context, council: str, limit: UUID, told_on: datetime, reason: str, by: str) -> None:
    """End a restriction, or an objection that the person takes back, LIMIT, in COUNCIL."""
    with context.council(council, by) as (session, caller):
        limiting.lift_limit(session, caller, limit, limiting.Lifting(told_on=told_on.date(), reason=reason))
    click.echo(f"{limit} is lifted.")
