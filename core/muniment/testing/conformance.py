"""The conformance kit: what every council's plugin must pass, whoever wrote it.

def test_it_conforms() -> None:
    conform("my-council", "my_distribution", plugin, today=date(2026, 11, 22))
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from muniment.defaults.law import law_in_force
from muniment.plugins.manager import Plugins, PluginSource, installed_plugins, load_plugins
from muniment.policy.check import check
from muniment.policy.compile import Compiled, compile_policy
from muniment.policy.findings import Finding
from muniment.policy.model import Policy, canonical

__all__ = ["Conformance", "conform"]


class Conformance(msgspec.Struct, frozen=True):
    """What a plugin came to: its compiled policy and everything that today's law finds in it."""

    compiled: Compiled
    findings: tuple[Finding, ...]


def conform(
    slug: str, package: str, plugin: object, *, today: date, beside: Sequence[PluginSource] | None = None
) -> Conformance:
    """Load `plugin` as the council `slug`, compile it and check it on a day in London.

    `package` holds its files; `beside` are the plugins loaded with it, by default those installed except the council's.
    Raises `AssertionError`, listing every error found, and what the contract raises (`PluginError`).
    """
    others = installed_plugins() if beside is None else beside
    source = PluginSource(slug, package.replace("_", "-"), "0", package, plugin)
    plugins = load_plugins([*(other for other in others if other.name != slug), source])
    compiled = _compiled(plugins, slug, today)
    findings = check(compiled, law_in_force(today), today)
    errors = [f"{found.path}: {found.message}" for found in findings if found.level == "error"]
    _require(not errors, "\n".join(errors))
    policy = compiled.sound()
    written = canonical(policy)
    _require(
        canonical(msgspec.json.decode(written, type=Policy)) == written, "The policy changes when it is read back."
    )
    again = _compiled(plugins, slug, today).sound()
    _require(again.hash == policy.hash, "The plugin says something else when it is asked a second time.")
    return Conformance(compiled, findings)


def _compiled(plugins: Plugins, slug: str, today: date) -> Compiled:
    return compile_policy(plugins.facade(slug), (), today)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)
