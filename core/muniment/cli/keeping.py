"""`muniment retention`: explain, extend, withdraw, reviews, reviewed: what concerns one client's records."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import click

from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.retention import DAY, by_option, role
from muniment.cli.review import retention
from muniment.retention import explain
from muniment.retention.clocks import extending, reviewing

__all__ = ["retention"]


@retention.command("explain")
@click.argument("council")
@click.argument("record", type=click.UUID)
@click.option("--for-person", is_flag=True, help="The short answer for the person whom the record is about.")
@json_option
@pass_context
def explain_command(context: Context, council: str, record: UUID, for_person: bool, as_json: bool) -> None:
    """Say why a RECORD (or register) of COUNCIL is kept until when."""
    with context.council(council) as (session, caller):
        found = explain.explain(session, caller, record, explain.facade_in_force(session, context.plugins))
    show(found, as_json, *(found.for_person if for_person else _explained(found)))


def _explained(found: explain.Explanation) -> list[str]:
    lines = [f"{found.title} ({found.record_class})", found.sentence, *found.extended, found.next, found.on_request]
    for clause in found.clauses:
        detail = clause.counts_from or clause.because
        until = f", until {clause.due_on}" if clause.due_on else ""
        lines.append(f"- {clause.id}: {clause.says}. {clause.state}{until}{f' ({detail})' if detail else ''}")
    lines += [f"- held by {told}" for told in found.elsewhere]
    lines.append(f"Next review: {found.review_on}" if found.review_on else "")
    lines.append(f"Rests on: {'; '.join(found.provisions)}")
    if found.decisions:
        lines.append(f"Decided by the council: {', '.join(found.decisions)}")
    return [line for line in lines if line]


@retention.command("extend")
@click.argument("council")
@click.argument("file", type=click.UUID)
@click.option("--record", "record_id", type=click.UUID, help="One record of the file; all of them without it.")
@click.option("--until", type=DAY, required=True, help="The last day kept, inclusive.")
@click.option("--reason", required=True, help="Why they are kept longer.")
@click.option("--by", "authoriser", required=True, metavar="ROLE", callback=role, help="The role that authorises it.")
@json_option
@pass_context
def extend_command(
    context: Context,
    council: str,
    file: UUID,
    record_id: UUID | None,
    until: datetime,
    reason: str,
    authoriser: str,
    as_json: bool,
) -> None:
    """Keep the records of one client FILE of COUNCIL longer than their rules do."""
    new = extending.NewExtension(until=until.date(), reason=reason, authoriser=authoriser, record_id=record_id)
    with context.council(council, authoriser) as (session, caller):
        extension_id = extending.extend(session, caller, file, new)
    lines = f"Extension {extension_id}: kept until {new.until}, inclusive, unless a rule keeps longer."
    show({"id": extension_id}, as_json, lines)


@retention.command("withdraw")
@click.argument("council")
@click.argument("extension", type=click.UUID)
@click.option("--reason", required=True, help="Why it ends before its day.")
@by_option
@pass_context
def withdraw_command(context: Context, council: str, extension: UUID, reason: str, by: str) -> None:
    """End an EXTENSION in COUNCIL before its day."""
    with context.council(council, by) as (session, caller):
        extending.withdraw_extension(session, caller, extension, reason.strip() and f"{reason} (decided by the {by})")
    click.echo(f"Extension {extension} is withdrawn.")


@retention.command("reviews")
@click.argument("council")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@pass_context
def reviews_command(context: Context, council: str, limit: int, as_json: bool) -> None:
    """List the records of COUNCIL that are to be looked at again by today."""
    with context.council(council) as (session, caller):
        found = reviewing.reviews_due(session, caller, limit)
    lines = [
        f"{entry.record_id} {entry.record_class}: since {entry.review_on}{f', by {entry.by}' if entry.by else ''}"
        for entry in found
    ]
    show(found, as_json, *(lines or ["No review is due."]))


@retention.command("reviewed")
@click.argument("council")
@click.argument("record", type=click.UUID)
@by_option
@pass_context
def reviewed_command(context: Context, council: str, record: UUID, by: str) -> None:
    """Note that a RECORD of COUNCIL was reviewed today and is still needed."""
    with context.council(council, by) as (session, caller):
        next_one = reviewing.note_review(session, caller, record)
    click.echo(f"Reviewed. The next review is on {next_one}." if next_one else "Reviewed. No further review comes.")
