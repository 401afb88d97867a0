"""`muniment retention`: queue, propose, decide, unfulfilled, fulfil: what waits for somebody to decide or to act."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import click

from muniment.api.errors import Conflict
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.outcomes import retention
from muniment.cli.retention import DAY, by_option
from muniment.retention.approval import deciding, proposing
from muniment.retention.clocks import fulfilling

__all__ = ["retention"]

WHAT = {
    "redact": "to be redacted once what lies elsewhere has been seen to",
    "pseudonymise": "to be pseudonymised once what lies elsewhere has been seen to",
}
OF_REGISTER = {"archive": "to be handed to the archive first", "anonymise": "its figures to be written down first"}


@retention.command("queue")
@click.argument("council")
@click.option(
    "--state", type=click.Choice(["open", "approved", "deferred", "rejected"]), default="open", show_default=True
)
@click.option("--class", "record_class", help="One record class, as SERVICE/CLASS; all without it.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@pass_context
def queue_command(
    context: Context,
    council: str,
    state: Literal["open", "approved", "deferred", "rejected"],
    record_class: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List what is proposed for disposal in COUNCIL, the longest due first."""
    with context.council(council) as (session, caller):
        found = deciding.queue(session, caller, state=state, record_class=record_class, limit=limit)
    lines = [
        f"{line.id} {line.record_class}: kept until {line.due_on}, {_what(line)},"
        f" proposed by {line.proposed_kind}"
        f"{f', again: {line.again}' if line.again else ''}{f', until {line.until}' if line.until else ''}"
        for line in found
    ]
    show(found, as_json, *(lines or ["Nothing is in the queue."]))


@retention.command("propose")
@click.argument("council")
@click.argument("records", type=click.UUID, nargs=-1)
@click.option("--class", "record_class", help="Instead of records: a class, as SERVICE/CLASS.")
@click.option("--due-until", type=DAY, help="With --class: the last day kept is this one or before.")
@by_option
@json_option
@pass_context
def propose_command(
    context: Context,
    council: str,
    records: tuple[UUID, ...],
    record_class: str | None,
    due_until: datetime | None,
    by: str,
    as_json: bool,
) -> None:
    """Propose RECORDS of COUNCIL, whose rule asks for a review, for disposal; nothing goes before its day."""
    day = due_until.date() if due_until is not None else None
    new = proposing.NewProposals(records=records, record_class=record_class, due_until=day)
    with context.council(council, by) as (session, caller):
        made = proposing.propose(session, caller, new)
    left_out = [f"Not proposed: {key}: it is in the queue already, or its rule asks for no review."
                for key in made.left_out]  # fmt: skip
    show(made, as_json, f"{len(made.records)} proposed.", *left_out)


@retention.command("decide")
@click.argument("council")
@click.argument("proposals", type=click.UUID, nargs=-1, required=True)
@click.option("--approve", "outcome", flag_value="approve", help="The next sweep destroys them.")
@click.option("--defer", "outcome", flag_value="defer", help="Kept, and proposed again on the day of --until.")
@click.option("--reject", "outcome", flag_value="reject", help="Kept until something changes.")
@click.option("--until", type=DAY, help="With --defer.")
@click.option("--reason", default="", help="With --defer and --reject.")
@by_option
@json_option
@pass_context
def decide_command(
    context: Context,
    council: str,
    proposals: tuple[UUID, ...],
    outcome: deciding.Outcome | None,
    until: datetime | None,
    reason: str,
    by: str,
    as_json: bool,
) -> None:
    """Decide about PROPOSALS in COUNCIL. Whoever proposed a record (the same --by) cannot decide about it."""
    if outcome is None:
        raise click.UsageError("Say what is decided: --approve, --defer or --reject.")
    day = until.date() if until is not None else None
    decision = deciding.Decision(outcome=outcome, until=day, reason=reason)
    with context.council(council, by) as (session, caller):
        answers = deciding.decide(session, caller, proposals, decision)
    decided = sum(answer.decided for answer in answers)
    refused = [f"{answer.proposal}: {answer.detail}" for answer in answers if not answer.decided]
    show(answers, as_json, f"{decided} decided.", *refused)
    if refused:
        raise Conflict(f"{len(refused)} of {len(answers)} could not be decided about.")


@retention.command("unfulfilled")
@click.argument("council")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@pass_context
def unfulfilled_command(context: Context, council: str, limit: int, as_json: bool) -> None:
    """List what is due in COUNCIL to be published, or for its holder to dispose of."""
    with context.council(council) as (session, caller):
        found = fulfilling.unfulfilled(session, caller, limit)
    lines = [
        f"{entry.record_id} {entry.record_class}: {entry.action} since {entry.due_on}"
        + (f", without {', '.join(entry.redact)}" if entry.redact else "")
        + (f", held by {', '.join(entry.holders)}" if entry.holders else "")
        for entry in found
    ]
    show(found, as_json, *(lines or ["Nothing is due elsewhere."]))


@retention.command("fulfil")
@click.argument("council")
@click.argument("records", type=click.UUID, nargs=-1, required=True)
@click.option("--done-on", type=DAY, required=True)
@by_option
@pass_context
def fulfil_command(context: Context, council: str, records: tuple[UUID, ...], done_on: datetime, by: str) -> None:
    """Confirm that RECORDS of COUNCIL were published, or disposed of by their holder."""
    with context.council(council, by) as (session, caller):
        count = fulfilling.fulfil(session, caller, records, done_on=done_on.date())
    click.echo(f"{count} confirmed.")


def _what(line: deciding.ProposalView) -> str:
    """What approving comes to."""
    said = WHAT if line.file_id is not None else OF_REGISTER
    return said.get(line.action, "to be destroyed")
