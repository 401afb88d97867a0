"""`muniment policy document`: list, due, show, prepare, approve, reject, withdraw."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import click

from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.policy import policy
from muniment.cli.retention import DAY, by_option
from muniment.notices import policy_documents as documents
from muniment.notices.documents_due import documents_due
from muniment.notices.words import Words
from muniment.policy.store import adopted

__all__ = ["policy"]

reason_option = click.option("--reason", required=True, help="Why, in a sentence.")


@policy.group("document")
def document() -> None:
    """Appropriate policy documents: one for each condition that needs it, prepared by one person, approved by
    another."""


def _line(view: documents.PolicyDocumentView) -> str:
    days = f", in force from {view.in_force_from}" if view.in_force_from else ""
    days += f" until {view.in_force_until}" if view.in_force_until else ""
    counts = " (counts today)" if view.in_force else ""
    return f"{view.id} {view.service} {view.condition}, version {view.number}: {view.state}{days}{counts}"


@document.command("list")
@click.argument("council")
@json_option
@pass_context
def list_command(context: Context, council: str, as_json: bool) -> None:
    """List every version of COUNCIL, by service and condition."""
    with context.council(council) as (session, caller):
        found = documents.policy_documents(session, caller)
    show(found, as_json, *(map(_line, found) if found else ["None has been prepared here."]))


@document.command("due")
@click.argument("council")
@json_option
@pass_context
def due_command(context: Context, council: str, as_json: bool) -> None:
    """Say what somebody has to see to: documents missing, ending, to be reviewed, differing, waiting."""
    with context.council(council) as (session, _):
        found = documents_due(session, adopted(session), Words.of(context.plugins))
    lines = [f"{one.service} {one.condition}: {one.what}{f' on {one.on}' if one.on else ''}" for one in found]
    show(found, as_json, *(lines or ["Nothing is due."]))


@document.command("show")
@click.argument("council")
@click.argument("version", type=click.UUID)
@pass_context
def show_command(context: Context, council: str, version: UUID) -> None:
    """Print the text of a VERSION as it was frozen."""
    with context.council(council) as (session, caller):
        view, rendered = documents.read_document(session, caller, version)
    click.echo(_line(view))
    click.echo()
    click.echo(rendered.text, nl=False)


@document.command("prepare")
@click.argument("council")
@click.argument("service")
@click.argument("condition")
@by_option
@json_option
@pass_context
def prepare_command(context: Context, council: str, service: str, condition: str, by: str, as_json: bool) -> None:
    """Prepare the next version for a CONDITION of a SERVICE from the adopted policy."""
    with context.council(council, by) as (session, caller):
        words = Words.of(context.plugins)
        view = documents.prepare_document(session, caller, adopted(session), words, service, condition)
    show(view, as_json, _line(view))


@document.command("approve")
@click.argument("council")
@click.argument("version", type=click.UUID)
@click.option("--review-on", type=DAY, required=True, help="The day by which it is to be reviewed.")
@click.option("--from", "first", type=DAY, help="The first day in force; today without it.")
@click.option("--until", "last", type=DAY, help="The last day in force; until it is replaced without it.")
@by_option
@pass_context
def approve_command(
    context: Context,
    council: str,
    version: UUID,
    review_on: datetime,
    first: datetime | None,
    last: datetime | None,
    by: str,
) -> None:
    """Approve a VERSION that another role prepared."""
    approval = documents.Approval(
        review_on=review_on.date(),
        in_force_from=first.date() if first else None,
        in_force_until=last.date() if last else None,
    )
    with context.council(council, by) as (session, caller):
        click.echo(_line(documents.approve_document(session, caller, version, approval)))


@document.command("reject")
@click.argument("council")
@click.argument("version", type=click.UUID)
@reason_option
@by_option
@pass_context
def reject_command(context: Context, council: str, version: UUID, reason: str, by: str) -> None:
    """Reject a VERSION that waits for its review."""
    with context.council(council, by) as (session, caller):
        click.echo(_line(documents.reject_document(session, caller, version, reason)))


@document.command("withdraw")
@click.argument("council")
@click.argument("version", type=click.UUID)
@reason_option
@by_option
@pass_context
def withdraw_command(context: Context, council: str, version: UUID, reason: str, by: str) -> None:
    """Take a VERSION out of force from today on."""
    with context.council(council, by) as (session, caller):
        click.echo(_line(documents.withdraw_document(session, caller, adopted(session), version, reason)))
