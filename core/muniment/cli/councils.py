"""`muniment council`: which councils there are, and under which host names."""

from __future__ import annotations

import click

from muniment.cli.context import Context, json_option, pass_context, show
from muniment.councils.directory import council_by_slug, hosts_of, name_host, sync_councils, unname_host

__all__ = ["council"]


@click.group()
def council() -> None:
    """Councils of this deployment: list, show, host."""


@council.command("list")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List the councils, those just installed included."""
    there = sync_councils(context.database, context.plugins)
    lines = [f"{view.slug}  {view.name}  {'adopted' if view.policy_hash else 'no policy adopted'}" for view in there]
    show(there, as_json, *lines)


@council.command("show")
@click.argument("slug", metavar="COUNCIL")
@json_option
@pass_context
def show_command(context: Context, slug: str, as_json: bool) -> None:
    """Show COUNCIL: its name, adopted policy, services and host names."""
    facade = context.plugins.facade(slug)
    with context.database.platform() as session:
        view, hosts = council_by_slug(session, slug), hosts_of(session, slug)
    services = [service.slug for service in facade.council().services]
    plugins = [source.distribution for source in facade.asked]
    show(
        {"council": view, "services": services, "plugins": plugins, "hosts": hosts},
        as_json,
        f"{view.slug}: {view.name}",
        f"  policy {view.policy_hash or 'not adopted'}",
        f"  services {', '.join(services)}",
        f"  plugins {', '.join(plugins)}",
        f"  hosts {', '.join(hosts) or 'none of its own'}",
    )


@council.command("host")
@click.argument("slug", metavar="COUNCIL")
@click.argument("host", required=False)
@click.option("--remove", is_flag=True, help="Serve the council under HOST no more.")
@json_option
@pass_context
def host_command(context: Context, slug: str, host: str | None, remove: bool, as_json: bool) -> None:
    """Serve COUNCIL under HOST too; without HOST list its host names."""
    with context.database.platform() as session:
        council_by_slug(session, slug)
        if host is not None and remove:
            unname_host(session, slug, host)
        elif host is not None:
            name_host(session, slug, host)
        hosts = hosts_of(session, slug)
    show({"hosts": hosts}, as_json, *hosts)
