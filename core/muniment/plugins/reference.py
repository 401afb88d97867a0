"""The reference of all hooks, written from their specifications so that it cannot go stale (`docs/hooks.md`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from muniment.api.plugin import API_VERSION
from muniment.plugins.manager import SPECS

__all__ = ["hook_specifications", "hooks_reference"]

PREFACE = f"""# Hooks

Everything a plugin can answer, for version {API_VERSION} of the hooks. This page is written by `muniment plugin hooks`.

A plugin is an object with `api_version = {API_VERSION}` and methods marked `@hookimpl`, named by an entry point of the
group `muniment.plugins`. A council's plugin names its entry point after the council's slug. Most need no code at all:
`plugin = CouncilPlugin(__name__)` answers the declaring hooks from TOML files (see `policy-format.md`).

Hooks *declare* (facts), *judge* (a batch in, an answer by item out; pure, within a second), *observe* (after commit) or
*connect* (reach into another system). Core acts on the answers. A plugin is asked only about councils that use it.
"""


def hook_specifications() -> dict[str, Callable[..., Any]]:
    """Every hook's specification by its name, in the order of the classes that hold them."""
    return {
        name: member
        for spec in SPECS
        for name, member in vars(spec).items()
        if callable(member) and not name.startswith("_")
    }


def hooks_reference() -> str:
    """The whole page as Markdown."""
    return "\n".join([PREFACE, *_sections()])


def _sections() -> Iterator[str]:
    for name, specification in hook_specifications().items():
        parameters = [
            f"{parameter.name}: {_plain(parameter.annotation)}"
            for parameter in inspect.signature(specification).parameters.values()
            if parameter.name != "self"
        ]
        returns = _plain(inspect.signature(specification).return_annotation)
        module = specification.__module__
        yield f"## `{name}({', '.join(parameters)}) -> {returns}`\n\nDeclared in `{module}`.\n"
        yield f"{inspect.cleandoc(specification.__doc__ or '')}\n"


def _plain(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
