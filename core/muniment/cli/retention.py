"""`muniment retention`: preview, arm, sweep, awaiting, confirm, systems, certificates."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

import click

from muniment.api.errors import InvalidInput
from muniment.cli.certificates import certificate
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.status import status
from muniment.retention.approval import arming
from muniment.retention.disposal import confirming, destruction, outstanding, paper, sweep
from muniment.retention.evidence import certificates
from muniment.retention.evidence.ledger import Ledger

__all__ = ["DAY", "by_option", "retention", "role"]

DAY = click.DateTime(["%Y-%m-%d"])
LONGEST_ROLE = 100


def role(_context: click.Context, _parameter: click.Parameter, given: str) -> str:
    """A role in words. It goes into evidence that is kept for years and is to name nobody."""
    role = " ".join(given.split())
    if not role or len(role) > LONGEST_ROLE or "@" in role:
        raise click.BadParameter(f"a role in at most {LONGEST_ROLE} characters, such as 'records manager'; not a name")
    return role


by_option = click.option(
    "--by",
    default="operator",
    show_default=True,
    metavar="ROLE",
    callback=role,
    help="Whose decision it is: a role, not a name.",
)


@click.group()
def retention() -> None:
    """What is kept until when, and disposing of what is due."""


@retention.command("preview")
@click.argument("council")
@click.option("--class", "record_class", help="One record class, as SERVICE/CLASS; all without it.")
@json_option
@pass_context
def preview_command(context: Context, council: str, record_class: str | None, as_json: bool) -> None:
    """Show what arming each rule of COUNCIL would let the next sweep dispose of."""
    with context.council(council) as (session, caller):
        one = record_class and arming.preview(session, caller, record_class)
        found = (one,) if one else arming.previews(session, caller)
    show(found, as_json, *(line for seen in found for line in _preview(seen)))


@retention.command("arm")
@click.argument("council")
@click.option("--class", "record_classes", multiple=True, help="A record class, as SERVICE/CLASS; may be repeated.")
@click.option("--all", "every", is_flag=True, help="Every class whose rule can ever make something due.")
@click.option("--rule", "rule_hash", help="The rule's hash from the preview, so that no other rule is armed.")
@by_option
@json_option
@pass_context
def arm_command(
    context: Context,
    council: str,
    record_classes: tuple[str, ...],
    every: bool,
    rule_hash: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Let rules of COUNCIL dispose of what is due, after printing what that is."""
    if every == bool(record_classes) or (rule_hash is not None and len(record_classes) != 1):
        raise InvalidInput("Name classes with --class, or --all; --rule goes with a single class.")
    armed: list[arming.Preview] = []
    with context.council(council, by) as (session, caller):
        seen = arming.previews(session, caller) if every else ()
        wanted = [entry.record_class for entry in seen if entry.can_be_due] if every else record_classes
        for record_class in wanted:
            preview = arming.preview(session, caller, record_class)
            arming.arm(session, caller, record_class, rule_hash or preview.rule_hash)
            armed.append(preview)
    lines = [line for preview in armed for line in (*_preview(preview), f"  armed: {preview.record_class}")]
    show(armed, as_json, *lines)


@retention.command("sweep")
@click.argument("council")
@json_option
@pass_context
def sweep_command(context: Context, council: str, as_json: bool) -> None:
    """Dispose of what is due in COUNCIL under armed rules, and print each certificate."""
    jobs = context.jobs
    with context.council(council) as (session, caller):
        run_id = sweep.start_sweep(session, caller)

    def progress(_actor: str, done: int, _waiting: int) -> None:
        with context.council(council) as (session, caller):
            run = sweep.run_view(session, caller, run_id)
        click.echo(
            f"sweeping: {run.disposed + run.awaited} records of {run.files} files ({done} round{'s' * (done != 1)})",
            err=True,
        )

    jobs.run(progress)
    with context.council(council) as (session, caller):
        run = sweep.run_view(session, caller, run_id)
        issued = certificates.certificates(session, caller, run_id=run_id, limit=100_000)[::-1]
    total = f"{run.disposed} disposed of, {run.awaited} to be destroyed elsewhere, {run.kept} held, {run.parked} parked"
    kept = [
        f"{kept.records} of the records due are kept by the plugin {plugin}{f': {kept.failed}' if kept.failed else '.'}"
        for plugin, kept in run.kept_by.items()
    ]
    lines = [*(found.line for found in issued), f"Sweep {run.state}: {total}", *kept]
    show({"run": run, "certificates": issued}, as_json, *lines)


@retention.command("confirm")
@click.argument("council")
@click.argument("records", type=click.UUID, nargs=-1, required=True)
@click.option("--destroyed-on", type=DAY, required=True)
@click.option("--method", required=True, help="How, without personal data: shredded to a named standard.")
@click.option("--in-system", is_flag=True, help="They were erased by hand in the systems that are asked for them, too.")
@by_option
@pass_context
def confirm_command(
    context: Context,
    council: str,
    records: tuple[UUID, ...],
    destroyed_on: datetime,
    method: str,
    in_system: bool,
    by: str,
) -> None:
    """Confirm that RECORDS of COUNCIL, on paper or in another system, are destroyed.

    Of what lies in a system that is asked, too, this settles the paper alone.
    """
    with context.council(council, by) as (session, caller):
        confirmed = confirming.confirm(
            session,
            caller,
            Ledger(session.ledger_dir, session.council_id),
            records,
            destroyed_on=destroyed_on.date(),
            method=method,
            in_system=in_system,
        )
    on_paper = f" {confirmed.asked} of them on paper alone: a system is still asked." if confirmed.asked else ""
    click.echo(f"{confirmed.count} confirmed as destroyed.{on_paper}")


@retention.command("awaiting")
@click.argument("council")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True)
@json_option
@pass_context
def awaiting_command(context: Context, council: str, limit: int, as_json: bool) -> None:
    """List what of COUNCIL must still be destroyed on paper or in another system, the longest waiting first."""
    with context.council(council) as (session, caller):
        found = destruction.awaiting(session, caller, limit=limit)
    show(found, as_json, *([entry.line for entry in found] or ["Nothing awaits destruction."]))


@retention.command("destruction-list")
@click.argument("council")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to write the PDF to print."
)
@pass_context
def destruction_list_command(context: Context, council: str, output: Path) -> None:
    """Print the list of what a person of COUNCIL is to destroy: by place, with class, key and a line to sign."""
    with context.council(council) as (session, caller):
        printed = paper.destruction_pdf(session, caller)
    output.write_bytes(printed)
    click.echo(f"Written to {output}.")


@retention.command("systems")
@click.argument("council")
@json_option
@pass_context
def systems_command(context: Context, council: str, as_json: bool) -> None:
    """Show how the systems stand that are asked to erase what COUNCIL disposed of."""
    with context.council(council) as (session, caller):
        found = outstanding.systems(session, caller)
    show(found, as_json, *([entry.line for entry in found] or ["No system was asked to erase anything."]))


@retention.command("ask-again")
@click.argument("council")
@click.argument("records", type=click.UUID, nargs=-1, required=True)
@by_option
@pass_context
def ask_again_command(context: Context, council: str, records: tuple[UUID, ...], by: str) -> None:
    """Ask the systems of RECORDS of COUNCIL again at once, after a refusal or a failure."""
    jobs = context.jobs
    with context.council(council, by) as (session, caller):
        count = outstanding.ask_again(session, caller, records)
    jobs.run()
    with context.council(council, by) as (session, caller):
        found = outstanding.systems(session, caller)
    for line in (f"{count} asked for again.", *(entry.line for entry in found)):
        click.echo(line)


@retention.command("certificates")
@click.argument("council")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
@pass_context
def certificates_command(context: Context, council: str, limit: int, as_json: bool) -> None:
    """List the last certificates of COUNCIL, the newest first."""
    with context.council(council) as (session, caller):
        found = certificates.certificates(session, caller, limit=limit)
    show(found, as_json, *(entry.line for entry in found))


retention.add_command(certificate)
retention.add_command(status)


def _preview(seen: arming.Preview) -> list[str]:
    years = ", ".join(f"{year}: {count}" for year, count in seen.due_by_year.items())
    states = ", ".join(f"{count} {state}" for state, count in seen.by_state.items())
    lines = [f"{seen.record_class}: rule {seen.rule or '(none)'} {seen.rule_hash[:12]}"]
    lines.append(f"  {seen.stored} stored ({states or 'none'}), {seen.due} due now{f' ({years})' if years else ''}")
    if seen.extended:
        lines.append(f"  {seen.extended} past the last day of the rule and kept by an officer's extension")
    if seen.kept:
        lines.append(f"  of what is due, a hold or a restriction keeps {seen.kept}")
    if seen.rests_on:
        lines.append(f"  rests on decisions: {', '.join(seen.rests_on)}")
    lines += [f"  never due in part: {why}" for why in seen.unclocked_because]
    return lines
