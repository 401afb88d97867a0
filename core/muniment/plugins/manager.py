"""Finding and loading plugins: the contract that every plugin keeps, or the deployment does not start.

Loading is a function and never a side effect of an import. Core's own defaults come first, then what is installed
(entry points of the group `muniment.plugins`), then the check that no plugin offers a hook that does not exist.

A plugin that keeps the contract and fails when it is asked which council it is puts that council out of service, and no
other: `out_of_service` says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib import metadata

import pluggy
import structlog

from muniment.api.clients import ClientSpec
from muniment.api.connectors import ConnectorSpec
from muniment.api.consent import ConsentSpec
from muniment.api.council import Council, CouncilSpec
from muniment.api.errors import DeclarationError, NotFound, PluginError
from muniment.api.markers import PROJECT
from muniment.api.notices import NoticeSpec
from muniment.api.plugin import API_VERSION
from muniment.api.retention import RetentionSpec
from muniment.api.sharing import SharingSpec
from muniment.defaults import DefaultsPlugin
from muniment.plugins.facade import CouncilFacade, call
from muniment.plugins.limits import in_time
from muniment.plugins.sources import PluginSource, in_one_line, installed_plugins

__all__ = ["DEFAULTS", "SPECS", "PluginSource", "Plugins", "installed_plugins", "load_plugins"]

log = structlog.get_logger(__name__)

DEFAULTS = "muniment"
"""The name that core's own plugin goes by: its distribution."""

SPECS = (CouncilSpec, ClientSpec, ConsentSpec, SharingSpec, RetentionSpec, ConnectorSpec, NoticeSpec)
"""Every class of hook specifications there is."""

PATIENCE = 30.0
"""Seconds that a plugin may take at start-up to say which council it is."""


class Plugins:
    """The plugins of this process, loaded and checked."""

    def __init__(self, manager: pluggy.PluginManager, sources: Sequence[PluginSource]) -> None:
        self._manager = manager
        self.sources: Mapping[str, PluginSource] = {source.distribution: source for source in sources}
        self._councils, self._broken = _councils_of(manager, self.sources)

    @property
    def councils(self) -> Mapping[str, str]:
        """The distribution of each council's plugin, by the council's slug."""
        return self._councils

    @property
    def out_of_service(self) -> Mapping[str, str]:
        """Why a council is out of service, by its slug: its plugin failed when it was asked which council it is."""
        return self._broken

    def facade(self, slug: str, uses: Sequence[str] | None = None) -> CouncilFacade:
        """The facade of a council.

        `uses` are the distributions asked besides the council's own: those of the adopted policy where something is
        judged or observed, by default those that `council.toml` names now. Raises `NotFound`.
        """
        if slug not in self._councils:
            known = ", ".join(sorted(self._councils)) or "none"
            raise NotFound(f"No installed plugin declares the council {slug!r}. Installed: {known}.")
        return CouncilFacade(self._manager, self.sources, slug, self._councils[slug], uses, self._broken.get(slug))

    def hooks_of(self, distribution: str) -> list[str]:
        """The names of the hooks that a plugin implements."""
        callers = self._manager.get_hookcallers(self.sources[distribution].plugin) or []
        return sorted(caller.name for caller in callers)


def load_plugins(sources: Iterable[PluginSource] | None = None) -> Plugins:
    """Load core's defaults, then `sources` (by default what is installed), and check the contract of each.

    Raises `PluginError`, naming plugin and hook, for: another major version of the hooks, a hook that does not exist
    or asks for an argument that it does not get, a hook wrapper, a distribution given twice, two plugins for one
    council, a council's plugin that is not named after it. A plugin that fails to say which council it is stops that
    council alone.
    """
    manager = pluggy.PluginManager(PROJECT)
    for spec in SPECS:
        manager.add_hookspecs(spec)
    defaults = PluginSource(DEFAULTS, DEFAULTS, metadata.version(DEFAULTS), "muniment.defaults", DefaultsPlugin())
    all_sources = [defaults, *(installed_plugins() if sources is None else sources)]
    for source in all_sources:
        _register(manager, source)
    for hook in _callers(manager):
        for implementation in hook.get_hookimpls():
            if not hook.has_spec():
                known = ", ".join(sorted(caller.name for caller in _callers(manager) if caller.has_spec()))
                raise PluginError(implementation.plugin_name, hook.name, f"there is no such hook. Hooks: {known}")
            _check_implementation(implementation, hook.name)
    manager.check_pending()
    return Plugins(manager, all_sources)


def _register(manager: pluggy.PluginManager, source: PluginSource) -> None:
    version = getattr(source.plugin, "api_version", None)
    if version != API_VERSION:
        said = "names no api_version" if version is None else f"is made for version {version!r} of the hooks"
        raise PluginError(source.distribution, "api_version", f"it {said}; this is version {API_VERSION}")
    if manager.has_plugin(source.distribution):
        raise PluginError(source.distribution, "entry point", "a distribution brings one plugin, this one brings two")
    try:
        manager.register(source.plugin, source.distribution)
    except pluggy.PluginValidationError as error:
        raise PluginError(source.distribution, _hook_of(error), in_one_line(error)) from error
    except ValueError as error:
        raise PluginError(source.distribution, "entry point", "the same plugin is registered twice") from error


def _check_implementation(implementation: pluggy.HookImpl, hook: str) -> None:
    """What pluggy allows and this contract does not."""
    if implementation.hookwrapper or implementation.wrapper:
        raise PluginError(implementation.plugin_name, hook, "wrappers are not taken: no plugin may overrule another")
    if implementation.kwargnames:
        names = ", ".join(implementation.kwargnames)
        raise PluginError(implementation.plugin_name, hook, f"parameters with a default are never filled: {names}")


def _councils_of(
    manager: pluggy.PluginManager, sources: Mapping[str, PluginSource]
) -> tuple[dict[str, str], dict[str, str]]:
    """The distribution of each council's plugin, and what is wrong with those that failed."""
    councils: dict[str, str] = {}
    broken: dict[str, str] = {}
    for implementation in manager.hook.council.get_hookimpls():
        source = sources[implementation.plugin_name]
        declared, problem = _slug_declared(implementation, source)
        if problem:
            log.error("council_out_of_service", council=source.name, plugin=source.distribution, reason=problem)
            broken[source.name] = problem
        if declared is None:
            continue
        if declared != source.name:
            raise PluginError(
                source.distribution, "council",
                f"its entry point is named {source.name!r} and it declares {declared!r}; name it after the council",
            )  # fmt: skip
        if declared in councils:
            others = " and ".join(sorted((councils[declared], source.distribution)))
            raise PluginError(source.distribution, "council", f"two plugins declare {declared!r}: {others}")
        councils[declared] = source.distribution
    return councils, broken


def _slug_declared(implementation: pluggy.HookImpl, source: PluginSource) -> tuple[str | None, str]:
    """The slug that a plugin declares, and what went wrong: then it goes by its entry point's name.

    So does one whose file does not load; that is no fault here, for `check` reports it.
    """
    outcome = in_time(f"council of {source.distribution}", implementation, partial(call, implementation, {}), PATIENCE)
    if isinstance(outcome.error, DeclarationError):
        return source.name, ""
    if outcome.error is not None:
        return source.name, in_one_line(outcome.error)
    if outcome.missed is not None:
        return source.name, f"it did not answer within {PATIENCE:g} seconds"
    if outcome.value is None:
        return None, ""
    if not isinstance(outcome.value, Council):
        return source.name, f"it returned {type(outcome.value).__name__}, not Council"
    return outcome.value.slug, ""


def _callers(manager: pluggy.PluginManager) -> list[pluggy.HookCaller]:
    return [caller for name, caller in sorted(vars(manager.hook).items()) if not name.startswith("_")]


def _hook_of(error: pluggy.PluginValidationError) -> str:
    found = re.search(r"hook '?(\w+)'?", str(error))
    return found[1] if found else "register"
