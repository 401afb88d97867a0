"""`python -m tests.benchmarks`: every ratio, on a database of its own; prints the table and the machine.

docs/benchmarks.md keeps what was measured last, and what a missed target is owed to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import click

from tests.benchmarks.harness import Figure, table
from tests.benchmarks.machine import machine
from tests.benchmarks.stage import Stage, staged
from tests.benchmarks.sweeps import sweeping

MEASUREMENTS: Final[dict[str, Callable[[Stage, bool], Figure]]] = {
    "sweep": lambda stage, quick: sweeping(stage, files=2_000 if quick else 20_000, rounds=2 if quick else 5),
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="Measure this alone; may repeat.")
@click.option("--quick", is_flag=True, help="A tenth of the rows and fewer rounds: to try it out, not to quote.")
def main(only: tuple[str, ...], quick: bool) -> None:
    """Measure Muniment against the bare equivalents."""
    figures = []
    with staged() as stage:
        postgres = stage.version()
        for name in only or MEASUREMENTS:
            click.echo(f"measuring {name} ...", err=True)
            figures.append(MEASUREMENTS[name](stage, quick))
    click.echo(table(figures))
    click.echo(f"\n{machine(postgres)}")


if __name__ == "__main__":
    main()
