"""What every command works with, opened when it is first asked for: settings, clock, database, keys.

A command that needs no database starts none; a command that fails to open one fails with a sentence.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TextIO, TypeVar
from uuid import UUID

import click
import msgspec
from sqlalchemy import text

from muniment.accounts.permissions import Caller, command_caller
from muniment.api.errors import NotFound
from muniment.clients.pretending import refuse_real_people
from muniment.clock import Clock, system_clock
from muniment.database.embedded_place import data_folder
from muniment.database.session import Actor, CouncilSession, Database
from muniment.database.upgrade import refuse_old_schema
from muniment.jobs.actors import Deployment
from muniment.jobs.drain import Drain
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins, load_plugins
from muniment.settings import Settings
from muniment.wiring import actors, wire

__all__ = ["Context", "fitted", "json_option", "pass_context", "show"]

F = TypeVar("F", bound=Callable[..., Any])

WIDTH, NARROWEST = 80, 40
"""Columns where nobody's terminal says otherwise, and the fewest that anything is fitted to."""


class Context:
    """The deployment as one command sees it. `actor` is who acts in the audit log: the command itself."""

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_environment(os.environ)

    @cached_property
    def clock(self) -> Clock:
        return system_clock(self.settings)

    @cached_property
    def keys(self) -> KeyRing:
        return KeyRing.open(self.settings.keys_file)

    @cached_property
    def plugins(self) -> Plugins:
        """The installed plugins, their contract checked."""
        return load_plugins()

    @property
    def has_database(self) -> bool:
        """Whether there is a database to look into; asking makes and starts none."""
        return self.settings.database_url is not None or (data_folder(self.settings.data_dir) / "data").exists()

    @cached_property
    def database(self) -> Database:
        """The database as the application role, at this version's schema, closed when the command ends."""
        database = Database.open(self.settings, self.clock)
        click.get_current_context().call_on_close(database.close)
        refuse_old_schema(database.engine)
        refuse_real_people(database)
        wire()
        return database

    @cached_property
    def deployment(self) -> Deployment:
        return Deployment(self.settings, self.database, self.clock, self.keys, self.plugins)

    @cached_property
    def jobs(self) -> Drain:
        """Collects the work that this command sets going; `jobs.run(progress)` does it, here and now."""
        return Drain(self.deployment, actors())

    @property
    def actor(self) -> Actor:
        return Actor("command", None, click.get_current_context().command_path)

    def caller(self, council: str, role: str = "") -> Caller:
        """The command as who asks at a council; `role` is whose decision it carries out. Raises `NotFound`."""
        return command_caller(self.council_id(council), self.actor.name, role)

    @contextmanager
    def council(self, council: str, role: str = "") -> Iterator[tuple[CouncilSession, Caller]]:
        """A transaction for one council, with the command as who asks in it, as `caller`."""
        caller = self.caller(council, role)
        with self.database.council(caller.council_id, caller.actor) as session:
            yield session, caller

    def councils(self) -> dict[str, UUID]:
        """Every council's id by its slug, in the order of slugs."""
        with self.database.platform() as session:
            return {row.slug: row.id for row in session.execute(text("select slug, id from council order by slug"))}

    def council_id(self, slug: str) -> UUID:
        """The council of a slug. Raises `NotFound`, naming those there are."""
        councils = self.councils()
        if slug not in councils:
            known = ", ".join(councils) or "none; adopt a policy first: muniment policy adopt COUNCIL"
            raise NotFound(f"There is no council of that name here. Known: {known}.")
        return councils[slug]


pass_context = click.make_pass_decorator(Context, ensure=True)


def json_option(command: F) -> F:
    """Give a command `--json`, passed as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(command)


def show(value: object, as_json: bool, *lines: str) -> None:
    """Print a result: the value as JSON (anything msgspec encodes), or the lines, `fitted`."""
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        for line in lines:
            click.echo(fitted(line))


def fitted(text: str, stream: TextIO | None = None) -> str:
    """Text whose lines fit the terminal that `stream` (standard output, unless given) is, or else 80 columns.

    Only lines too long are broken, between words; what follows stands two columns further in than the line began, so
    that a line which begins at the margin is always the beginning of something.
    """
    terminal = (stream or sys.stdout).isatty()
    width = max(NARROWEST, shutil.get_terminal_size().columns) if terminal else WIDTH
    return "\n".join(_broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    further = " " * (len(line) - len(line.lstrip(" ")) + 2)
    parts = textwrap.wrap(
        line, width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )
    return "\n".join(parts)
