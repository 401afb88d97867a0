"""`muniment retention`: hold, release, holds: one thing, a list of things, or whatever matches a query."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from uuid import UUID

import click
import msgspec

from muniment.accounts.permissions import Caller
from muniment.api.decoding import decode_toml
from muniment.api.errors import InvalidInput
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.forecast import retention
from muniment.cli.retention import DAY, by_option, role
from muniment.database.session import CouncilSession
from muniment.retention.holds import cases
from muniment.retention.holds import placing as holds
from muniment.retention.holds.query import HoldQuery

__all__ = ["retention"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@retention.command("hold")
@click.argument("council")
@click.option("--scope", type=click.Choice(["file", "person", "record", "class", "programme", "query"]), required=True)
@click.option("--target", default="", help="A key, a class as SERVICE/CLASS, or a programme.")
@click.option("--targets", type=FILE, help="A CSV file whose first column has keys, or of files references.")
@click.option("--query", type=FILE, help="A TOML file that says what is held: service, classes, recorded_from ...")
@click.option("--preview", is_flag=True, help="With --query: count what matches, and place nothing.")
@click.option("--basis", default="other", show_default=True, help="The code of the legal ground.")
@click.option("--ground", default="", help="The legal ground in words, without personal data.")
@click.option(
    "--by",
    "--authoriser",
    "authoriser",
    default="operator",
    show_default=True,
    metavar="ROLE",
    callback=role,
    help="The role that authorises it.",
)
@click.option("--review-on", type=DAY, help="The day to look whether it is still needed.")
@json_option
@pass_context
def hold_command(
    context: Context,
    council: str,
    scope: holds.Scope,
    target: str,
    targets: Path | None,
    query: Path | None,
    preview: bool,
    basis: str,
    ground: str,
    authoriser: str,
    review_on: datetime | None,
    as_json: bool,
) -> None:
    """Hold records of COUNCIL back from disposal: one thing, those of a list, or whatever matches a query."""
    if (bool(target) + (targets is not None) + (query is not None)) != 1 or (scope == "query") != (query is not None):
        raise InvalidInput("Give one of --target, --targets and, with the scope query, --query.")
    asked = decode_toml(query.read_bytes(), HoldQuery, file=query.name) if query is not None else None
    with context.council(council) as (session, caller):
        if preview:
            if asked is None:
                raise InvalidInput("--preview goes with --query.")
            found = holds.preview_query(session, caller, asked)
            lines = [f"{count:>8}  {name}" for name, count in sorted(found.items())]
            show(found, as_json, *(lines or ["Nothing matches."]))
            return
        if review_on is None:
            raise InvalidInput("A hold needs its day of review: --review-on.")
        new = holds.NewHold(
            scope=scope, target=target, query=asked, basis=basis, ground=ground, authoriser=authoriser,
            review_on=review_on.date(),
        )  # fmt: skip
        if targets is None:
            placed = holds.place_hold(session, caller, new)
            done = f"Hold {placed.id}: {placed.records} records held. {_gone(placed.gone)}"
            show(placed, as_json, done, *_under_way(placed.under_way))
        else:
            _hold_many(session, caller, new, targets, as_json)


def _hold_many(session: CouncilSession, caller: Caller, new: holds.NewHold, targets: Path, as_json: bool) -> None:
    words = {name: getattr(new, name) for name in ("scope", "basis", "ground", "authoriser", "review_on")}
    try:
        case = msgspec.convert({**words, "targets": _first_column(targets)}, cases.NewCase)
    except msgspec.ValidationError:
        raise InvalidInput(
            f"A list is of files, persons or records, and has from 1 to {cases.MOST} lines.", where="--targets"
        ) from None
    placed = cases.place_case(session, caller, case)
    refused = [f"line {line.line}: {line.problem}" for line in placed.lines if line.problem]
    done = f"Case {placed.case_id}: {placed.placed} of {len(placed.lines)} held. {_gone(placed.gone)}"
    show(placed, as_json, done, *refused)


def _first_column(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as content:
            return [row[0] for row in csv.reader(content) if row and row[0].strip()]
    except (UnicodeDecodeError, csv.Error):
        raise InvalidInput(f"{file.name} is no CSV file in UTF-8.", where="--targets") from None


def _under_way(counts: dict[str, int]) -> list[str]:
    asked = ", ".join(f"{count} of {name}" for name, count in counts.items())
    return [f"Other systems may be erasing at this moment, before it reaches them: {asked}."] if asked else []


def _gone(counts: dict[str, int]) -> str:
    gone = ", ".join(f"{count} of {name}" for name, count in counts.items())
    return f"Gone before it stood, in sweeps under way: {gone}." if gone else "No sweep under way had taken any."


@retention.command("release")
@click.argument("council")
@click.argument("hold", type=click.UUID, required=False)
@click.option("--case", type=click.UUID, help="Every hold of this case, instead of one.")
@click.option("--reason", required=True, help="Why it ends, without personal data.")
@by_option
@pass_context
def release_command(context: Context, council: str, hold: UUID | None, case: UUID | None, reason: str, by: str) -> None:
    """End a HOLD in COUNCIL, or every hold of a case."""
    told = reason.strip() and f"{reason} (decided by the {by})"
    with context.council(council, by) as (session, caller):
        if hold is not None and case is None:
            holds.release_hold(session, caller, hold, told)
            line = f"Hold {hold} is released."
        elif case is not None and hold is None:
            line = f"{cases.release_case(session, caller, case, told)} holds of the case {case} are released."
        else:
            raise InvalidInput("Name a hold, or a case with --case.")
    click.echo(line)


@retention.command("holds")
@click.argument("council")
@click.option("--to-review", is_flag=True, help="Only those whose day of review has come.")
@json_option
@pass_context
def holds_command(context: Context, council: str, to_review: bool, as_json: bool) -> None:
    """List the holds of COUNCIL that stand."""
    with context.council(council) as (session, caller):
        found = holds.holds_to_review(session, caller) if to_review else holds.holds(session, caller)
    lines = [
        f"{hold.id} {hold.scope} {hold.target}: {hold.basis}, {hold.ground}; by {hold.authoriser}, review on"
        f" {hold.review_on}"
        for hold in found
    ]
    show(found, as_json, *(lines or ["No hold is to be reviewed." if to_review else "No hold stands."]))
