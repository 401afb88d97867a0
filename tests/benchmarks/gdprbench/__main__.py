"""`python -m tests.benchmarks.gdprbench`: the workload in small; `--full` for the figures that are quoted."""

from __future__ import annotations

import os
import sys

import click

from tests.benchmarks.gdprbench.report import faults, report
from tests.benchmarks.gdprbench.running import Size, measure
from tests.benchmarks.gdprbench.town import Town
from tests.benchmarks.machine import machine
from tests.benchmarks.stage import staged

QUICK = Size(
    towns=(Town(1_000, 1), Town(1_000, 4)),
    clients=(1, 4),
    ops={"controller": 16, "customer": 30, "processor": 30, "regulator": 30},
    seconds=120,
)
FULL = Size(
    towns=(Town(10_000, 1), Town(10_000, 20), Town(100_000, 1), Town(100_000, 20)),
    clients=(1, 4, 16),
    ops={"controller": 96, "customer": 240, "processor": 400, "regulator": 600},
    seconds=440,
)


@click.command()
@click.option("--full", is_flag=True, help="10,000 and 100,000 records, up to 16 clients; some eight minutes.")
def main(full: bool) -> None:
    """GDPRbench through Muniment against bare PostgreSQL. Exits 1 if anything went wrong on either side."""
    with staged() as stage:
        postgres = stage.version()
        cells, datasets = measure(stage, FULL if full else QUICK, lambda line: click.echo(line, err=True))
    click.echo(report(cells, datasets))
    click.echo(f"\n{machine(postgres)}; load {os.getloadavg()[1]:.1f} in the last five minutes")
    if faults(cells) or any(cell.ours.wrong for cell in cells):
        sys.exit(1)


if __name__ == "__main__":
    main()
