"""Where plugins come from: the entry points of the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata

from muniment.api.errors import PluginError

__all__ = ["GROUP", "PluginSource", "canonical_name", "in_one_line", "installed_plugins"]

GROUP = "muniment.plugins"
"""The group of entry points."""


@dataclass(frozen=True)
class PluginSource:
    """A plugin and where it comes from.

    `name` is the entry point's name: for a council's plugin the council's slug, so that the council is known even
    when its files do not load. `distribution` is what `uses` in `council.toml` names; `package` holds its files.
    """

    name: str
    distribution: str
    version: str
    package: str
    plugin: object


def installed_plugins() -> list[PluginSource]:
    """The plugins of the environment, by distribution. Raises `PluginError` when one cannot be imported."""
    sources = []
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        distribution = entry.dist
        name = distribution.name if distribution is not None else entry.name
        version = distribution.version if distribution is not None else "0"
        try:
            plugin = entry.load()
        except Exception as error:
            raise PluginError(name, "entry point", f"{entry.value} cannot be imported: {in_one_line(error)}") from error
        sources.append(PluginSource(entry.name, canonical_name(name), version, entry.module, plugin))
    return sources


def canonical_name(distribution: str) -> str:
    """The name of a distribution as package indexes compare it: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def in_one_line(error: BaseException) -> str:
    """An exception of a plugin's code at start-up, where there is no personal data yet."""
    return " ".join(f"{type(error).__name__}: {error}".split())
