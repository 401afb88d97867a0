"""Policies of other councils, declared as test data: the format must hold what real notices say.

They are not installed distributions. Each package holds a `plugin` as a council's distribution would; the facts are
those of published notices and retention schedules, the wording is ours.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from muniment.api.plugin import CouncilPlugin
from muniment.plugins.manager import Plugins, PluginSource, installed_plugins, load_plugins

__all__ = ["TEST_POLICIES", "all_plugins", "plugin_of"]

TEST_POLICIES: dict[str, str] = {
    "rhondda-cynon-taf": "tests.policies.rhondda_cynon_taf",
    "barnet": "tests.policies.barnet",
    "somerset": "tests.policies.somerset",
    "liverpool-city-region": "tests.policies.liverpool_city_region",
    "devon": "tests.policies.devon",
    "bracknell-forest": "tests.policies.bracknell_forest",
    "aberdeen": "tests.policies.aberdeen",
    "west-northamptonshire": "tests.policies.west_northamptonshire",
    "waltham-forest": "tests.policies.waltham_forest",
    "cheltenham": "tests.policies.cheltenham",
    "thornmere": "tests.policies.thornmere",
}
"""The package of each test policy, by the slug of its council."""


def plugin_of(slug: str) -> CouncilPlugin:
    """The plugin of a test policy. Raises `KeyError` for any other council."""
    plugin = import_module(TEST_POLICIES[slug]).plugin
    assert isinstance(plugin, CouncilPlugin)
    return plugin


@cache
def all_plugins() -> Plugins:
    """What is installed, with the test policies as if they were installed too."""
    tests = [
        PluginSource(slug, f"test-policy-{slug}", "0", package, plugin_of(slug))
        for slug, package in TEST_POLICIES.items()
    ]
    return load_plugins([*installed_plugins(), *tests])
