"""A command's context for what the demonstration does through the domains themselves, and shows no command for."""

from __future__ import annotations

import click

from muniment.cli.context import Context

__all__ = ["quiet_context"]


class quiet_context:
    """A command's context, for what is done through the domains themselves; closed at the end of the block."""

    def __enter__(self) -> Context:
        self._click = click.Context(click.Command("demo"), info_name="muniment demo")
        self._click.__enter__()
        return Context()

    def __exit__(self, *raised: object) -> None:
        self._click.__exit__(None, None, None)
