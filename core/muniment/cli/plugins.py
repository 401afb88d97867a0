"""`muniment plugin`: what is installed, and whether it keeps the contract."""

from __future__ import annotations

from datetime import date

import click

from muniment.api.errors import PluginError
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.defaults.law import law_in_force
from muniment.plugins.digest import digest_of
from muniment.plugins.manager import Plugins
from muniment.plugins.reference import hooks_reference
from muniment.policy.check import check
from muniment.policy.compile import compile_policy

__all__ = ["plugin"]


@click.group()
def plugin() -> None:
    """Plugins: list, check, hooks."""


@plugin.command("list")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List the installed plugins: version, council, hooks, and a hash of code, data and templates."""
    plugins = context.plugins
    council_of = {distribution: slug for slug, distribution in plugins.councils.items()}
    shown = [
        {
            "name": source.distribution,
            "version": source.version,
            "council": council_of.get(source.distribution),
            "hooks": plugins.hooks_of(source.distribution),
            "digest": digest_of(source.package),
        }
        for source in plugins.sources.values()
    ]
    lines = [
        f"{entry['name']} {entry['version']}" + (f"  council {entry['council']}" if entry["council"] else "")
        for entry in shown
    ]
    show(shown, as_json, *lines)


@plugin.command("check")
@json_option
@pass_context
def check_command(context: Context, as_json: bool) -> None:
    """Load every plugin, then each council's declarations. Exits 3 when a plugin breaks the contract, 1 on errors."""
    results = _errors(context, context.plugins)
    lines = [f"{slug}: {len(errors)} errors" if errors else f"{slug}: loads" for slug, errors in results.items()]
    show(results, as_json, *lines, *(f"  {message}" for errors in results.values() for message in errors))
    if any(results.values()):
        click.get_current_context().exit(1)


@plugin.command()
@json_option
def hooks(as_json: bool) -> None:
    """Print the reference of all hooks."""
    reference = hooks_reference()
    show({"reference": reference}, as_json, reference.rstrip())


def _errors(context: Context, plugins: Plugins) -> dict[str, list[str]]:
    today = context.clock.today()
    return {slug: _errors_of(plugins, slug, today) for slug in sorted(plugins.councils)}


def _errors_of(plugins: Plugins, slug: str, today: date) -> list[str]:
    try:
        findings = check(compile_policy(plugins.facade(slug), (), today), law_in_force(today), today)
    except PluginError as error:  # of this council alone: the others are checked all the same
        return [str(error)]
    return [f"{entry.path}: {entry.message}" for entry in findings if entry.level == "error"]
