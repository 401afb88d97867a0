"""`muniment retention forecast`: what falls due by month and class, and what would if the policy were another."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import click

from muniment.api.errors import InvalidInput
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.cli.keeping import retention
from muniment.policy.deciding import parse_value
from muniment.retention.clocks import forecasting
from muniment.retention.clocks.progress import progress
from muniment.retention.clocks.supposing import Supposed, Supposition, suppose
from muniment.retention.clocks.tabulating import MONTH_NAMES, Grid, as_csv, grids, total

__all__ = ["retention"]

CELL = 6
"""Columns of a month: a year's line then fits a terminal of 80."""


@retention.command("forecast")
@click.argument("council")
@click.option("--class", "record_class", help="One record class, as SERVICE/CLASS; all without it.")
@click.option("--what-if", "decided", multiple=True, metavar="PATH=VALUE", help="Suppose a decision; may be repeated.")
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Suppose the [[rule]] tables of this file.",
)
@click.option("--service", default="", help="The service whose rules --rules supposes.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@pass_context
def forecast_command(
    context: Context,
    council: str,
    record_class: str | None,
    decided: tuple[str, ...],
    rules: Path | None,
    service: str,
    form: str,
    as_json: bool,
) -> None:
    """Show what falls due in COUNCIL by month and class for the next ten years.

    With --what-if or --rules also what would, if the policy were so; nothing is adopted, and nothing is written. A
    month is that of the last day kept.
    """
    supposition = Supposition(
        decisions=tuple(_supposed(one) for one in decided), service=service, rules=_read(rules) if rules else ""
    )
    with context.council(council) as (session, caller):
        if not decided and rules is None:
            now = forecasting.forecast(session, caller, record_class)
            found = None
        else:
            found = forecasting.what_if(session, caller, suppose(session, supposition), record_class)
            now = found.before
    if as_json or form == "json":
        show(found or now, True)
    elif form == "csv":
        several = [("adopted", now), *([("supposed", found.after)] if found else [])]
        click.echo("".join(as_csv(several)).replace("\r\n", "\n"), nl=False)
    elif found is None:
        show(None, False, *_table(now))
    else:
        show(None, False, *_differences(found))


@retention.command("progress")
@click.argument("council")
@json_option
@pass_context
def progress_command(context: Context, council: str, as_json: bool) -> None:
    """Show how many records of COUNCIL the rules in force have clocked, by class."""
    with context.council(council) as (session, caller):
        found = progress(session, caller)
    lines = [f"{entry.clocked:>9} of {entry.stored:>9}  {entry.record_class}" for entry in found]
    show(found, as_json, *(lines or ["No records are stored."]))


def _supposed(written: str) -> Supposed:
    path, equals, value = written.partition("=")
    if not equals or not path.strip():
        raise InvalidInput(
            "Write what to suppose as PATH=VALUE: housing.rule.tenancies.clause.all.keep='3 years'.", where="--what-if"
        )
    return Supposed(path.strip(), parse_value(value.strip()))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(f"{file.name} cannot be read as UTF-8 text.", where="--rules") from None


def _table(now: forecasting.Forecast) -> list[str]:
    each = grids(now)
    if not each:
        return ["No records are stored that you may see."]
    lines = [f"Records by the month of their last day kept, {now.first_month} to {now.last_month}."]
    shown = [total(now), *each] if len(each) > 1 else each
    for grid in shown:
        lines += ["", *_grid(grid)]
    return lines


def _grid(grid: Grid) -> list[str]:
    apart = [f"{count} {group}" for group, count in grid.apart]
    actions = [f"{action} {count}" for action, count in sorted(grid.actions.items())]
    lines = [f"{grid.record_class or 'all classes'}: {', '.join([f'{grid.ahead} in these months', *apart])}"]
    if actions:
        lines.append(f"  then: {', '.join(actions)}")
    if grid.ahead:
        lines.append("  year" + "".join(f"{name:>{CELL}}" for name in MONTH_NAMES))
        lines += [
            f"  {year}" + "".join(f"{_cell(count):>{CELL}}" for count in counts).rstrip()
            for year, counts in grid.years.items()
            if any(counts)
        ]
    return lines


def _cell(count: int | None) -> str:
    """A count in five characters; beyond that in thousands or millions, which `--format csv` has to the last one."""
    if not count:
        return "" if count is None else "-"
    if count < 100_000:
        return str(count)
    return f"{count // 1_000}k" if count < 10_000_000 else f"{count // 1_000_000}m"


def _differences(found: forecasting.WhatIf) -> list[str]:
    if not found.differences:
        return ["Nothing would fall due on another day."]
    lines = [
        f"Rules that would be others: {', '.join(found.classes)}",
        "Nothing goes by such a rule before it has been armed anew.",
    ]
    now, then = ({grid.record_class: grid for grid in grids(each)} for each in (found.before, found.after))
    for key, differences in groupby(found.differences, key=lambda line: line.record_class):
        lines += ["", key, "  when               now      then  what is done"]
        lines += [f"  {line.when:<12}{line.before:>10}{line.after:>10}  {line.action}".rstrip() for line in differences]
        lines.append(f"  {'all months':<12}{_ahead(now, key):>10}{_ahead(then, key):>10}")
    return lines


def _ahead(by_class: Mapping[str, Grid], key: str) -> int:
    """How many records of a class fall due in the months."""
    return by_class[key].ahead if key in by_class else 0
