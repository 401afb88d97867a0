"""`muniment retention status`: whether every council is still swept, for people and for cron."""

from __future__ import annotations

import click

from muniment.api.errors import MunimentError
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.retention.disposal.lateness import late_councils

__all__ = ["status"]


class NotSwept(MunimentError):
    """A council was not swept for too long."""

    code = "not-swept"


@click.command()
@json_option
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Say which councils were not swept for more than 36 hours; exits 1 if there is one."""
    late = late_councils(context.database)
    councils = context.councils()
    show(
        {slug: {"late_since": late.get(slug)} for slug in councils},
        as_json,
        *(
            f"{slug}: not swept since {late[slug]:%Y-%m-%d %H:%M} UTC" if slug in late else f"{slug}: in time"
            for slug in councils
        ),
    )
    if late:
        raise NotSwept(f"not swept for more than 36 hours: {', '.join(late)}. Are workers and schedule running?")
