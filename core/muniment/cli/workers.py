"""`muniment worker` and `muniment schedule`: background work in processes of its own, over Redis."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

import click

from muniment.api.errors import SettingsError
from muniment.cli.context import Context, pass_context
from muniment.jobs.schedule import run_schedule
from muniment.wiring import actors
from muniment.worker import send_to_workers, working

__all__ = ["schedule", "worker"]


@click.command()
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True, help="How many at a time.")
@click.option("--queue", "queues", multiple=True, help="Only work of this kind; may be repeated.")
@pass_context
def worker(context: Context, threads: int, queues: tuple[str, ...]) -> None:
    """Do background work until stopped; the chunks that were begun are finished. Stopped twice it ends at once."""
    _refuse_without_redis(context)
    known = sorted({actor.queue for actor in actors()})
    unknown = sorted(set(queues) - set(known))
    if unknown:
        raise click.BadParameter(f"there is no queue {', '.join(unknown)}; known: {', '.join(known)}")
    with working(context.deployment, threads=threads, queues=set(queues) or None):
        click.echo(f"Working on {', '.join(queues or known)}. Stop with Ctrl-C.")
        _stopped().wait()


@click.command()
@pass_context
def schedule(context: Context) -> None:
    """Ring for work that is due, until stopped; any number may run."""
    _refuse_without_redis(context)
    send_to_workers(context.deployment)
    click.echo("Keeping the schedule. Stop with Ctrl-C.")
    run_schedule(context.database, actors(), _stopped())


def _refuse_without_redis(context: Context) -> None:
    if context.settings.redis_url is None:
        raise SettingsError(
            "Without MUNIMENT_REDIS_URL there is one process, `muniment serve`, that does its own work. "
            "Set it to run workers and schedules beside it."
        )


def _stopped() -> threading.Event:
    """An event that the signals to stop set. The second ends the process as it stands: what it had begun is undone."""
    stop = threading.Event()

    def note(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return stop
