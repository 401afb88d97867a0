"""`muniment jobs`: background work that failed, tried again or forgotten by hand."""

from __future__ import annotations

from collections.abc import Mapping

import click

from muniment.api.errors import MunimentError
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.jobs.failures import (
    FailedJobView,
    code_of,
    failed_jobs,
    forget,
    note_failure,
    note_success,
    refuse_unknown,
)

__all__ = ["jobs"]


class FailedAgain(MunimentError):
    """A job that was tried by hand failed once more."""

    code = "job-failed"


@click.group()
def jobs() -> None:
    """Background work that failed: list it, try it again, forget it."""


@jobs.command()
@click.argument("council", required=False)
@json_option
@pass_context
def failed(context: Context, council: str | None, as_json: bool) -> None:
    """List what failed when it was last tried, for COUNCIL or for all."""
    found: dict[str, tuple[FailedJobView, ...]] = {}
    for slug in context.councils() if council is None else (council,):
        with context.council(slug) as (session, _):
            found[slug] = failed_jobs(session)
    show(found, as_json, *_lines(found))


@jobs.command()
@click.argument("council")
@click.argument("actor")
@pass_context
def retry(context: Context, council: str, actor: str) -> None:
    """Do a job that failed, here and now, with what it sets going: ACTOR for COUNCIL."""
    work = context.jobs
    with context.council(council) as (session, _):
        refuse_unknown(session, actor)
        session.ring(actor, (session.council_id,))
    try:
        work.run()
    except Exception as error:
        _note_failure(context, council, actor, error)
        reason = f": {error}" if isinstance(error, MunimentError) else f" ({code_of(error)})"
        raise FailedAgain(f"{actor} failed again for {council}{reason}") from error
    with context.council(council) as (session, _):
        note_success(session, actor)
    click.echo(f"{actor} is done for {council}.")


@jobs.command("forget")
@click.argument("council")
@click.argument("actor")
@pass_context
def forget_command(context: Context, council: str, actor: str) -> None:
    """Take a failed job off the list: ACTOR for COUNCIL. The schedule goes on ringing for it."""
    with context.council(council) as (session, _):
        forget(session, actor)
    click.echo(f"That {actor} failed for {council} is forgotten.")


def _note_failure(context: Context, council: str, actor: str, error: Exception) -> None:
    with context.council(council) as (session, _):
        note_failure(session, actor, code_of(error))


def _lines(found: Mapping[str, tuple[FailedJobView, ...]]) -> list[str]:
    lines = [
        f"{slug}: {job.actor} failed {job.failures} time{'s' * (job.failures != 1)}, last at "
        f"{job.last_failed_at:%Y-%m-%d %H:%M} UTC: {job.error}{', for good' * job.for_good}"
        for slug, failures in found.items()
        for job in failures
    ]
    return lines or ["No background work has failed."]
