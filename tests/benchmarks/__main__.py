"""`python -m tests.benchmarks`: every ratio, on a database of its own; prints the table and the machine.

docs/benchmarks.md keeps what was measured last, and what a missed target is owed to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import click

from tests.benchmarks.clocking import clocking
from tests.benchmarks.consent import appending
from tests.benchmarks.finding import finding
from tests.benchmarks.harness import Figure, table
from tests.benchmarks.imports import importing
from tests.benchmarks.machine import machine
from tests.benchmarks.requests import notice_page, reading_a_client
from tests.benchmarks.screens import screens
from tests.benchmarks.sharing import giving, heart
from tests.benchmarks.stage import Stage, staged
from tests.benchmarks.sweeps import sweeping
from tests.benchmarks.worker import memory

MEASUREMENTS: Final[dict[str, Callable[[Stage, bool], Figure | tuple[Figure, ...]]]] = {
    "notice": lambda stage, quick: notice_page(stage, requests=1_000 if quick else 3_000, rounds=3 if quick else 7),
    "read": lambda stage, quick: reading_a_client(stage, requests=500 if quick else 1_000, rounds=3 if quick else 7),
    "import": lambda stage, quick: importing(stage, people=2_000 if quick else 20_000, rounds=2 if quick else 3),
    "consent": lambda stage, quick: appending(stage, clients=300 if quick else 3_000, rounds=3 if quick else 7),
    "find": lambda stage, quick: finding(
        stage, few=10_000 if quick else 100_000, many=200_000 if quick else 2_000_000, rounds=5
    ),
    "sweep": lambda stage, quick: sweeping(stage, files=5_000 if quick else 50_000, rounds=2),
    "screens": lambda stage, quick: screens(
        stage, files=20_000 if quick else 100_000, seconds=5 if quick else 20, rounds=1 if quick else 3
    ),
    "clock": lambda stage, quick: clocking(stage, records=100_000 if quick else 1_000_000, rounds=1),
    "heart": lambda stage, quick: heart(decisions=2_000 if quick else 20_000),
    "share": lambda stage, quick: giving(stage, clients=10_000 if quick else 100_000, rounds=2 if quick else 3),
    "memory": lambda stage, quick: memory(stage, few=2_000 if quick else 20_000, many=20_000 if quick else 200_000),
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="Measure this alone; may repeat.")
@click.option("--quick", is_flag=True, help="A tenth of the rows and fewer rounds: to try it out, not to quote.")
def main(only: tuple[str, ...], quick: bool) -> None:
    """Measure Muniment against the bare equivalents."""
    figures: list[Figure] = []
    with staged() as stage:
        postgres = stage.version()
        for name in only or MEASUREMENTS:
            click.echo(f"measuring {name} ...", err=True)
            measured = MEASUREMENTS[name](stage, quick)
            figures += measured if isinstance(measured, tuple) else [measured]
    click.echo(table(figures))
    click.echo(f"\n{machine(postgres)}")


if __name__ == "__main__":
    main()
