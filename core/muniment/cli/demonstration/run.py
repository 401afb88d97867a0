"""`muniment demo`: the whole product at work, as the very commands that a person would type.

Each step is printed before it runs. What a step finds done it does not do again, so a second run takes seconds and a
run that was stopped half way goes on. Everything made here is generated and marked so.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date
from functools import partial
from io import StringIO
from pathlib import Path
from uuid import UUID

import click
import msgspec

from muniment.api.errors import InvalidInput
from muniment.cli.context import Context, fitted, pass_context
from muniment.cli.demonstration.consents import Look, tell_stories
from muniment.cli.demonstration.documents import approve_missing
from muniment.cli.demonstration.extras import add_what_no_import_brings
from muniment.cli.demonstration.population import lives, write_csv
from muniment.cli.demonstration.questions import Find, questions
from muniment.cli.demonstration.quiet import quiet_context
from muniment.clock import system_clock
from muniment.database.embedded import EmbeddedServer
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.store import adopted
from muniment.settings import Settings

__all__ = ["demo"]

EVERYBODY = 3000
"""Generated clients in the larger import of each council."""
REFERRED = 300
"""Generated clients in each smaller one, of the last months."""
EMAIL = "demonstration@example.org"
ROLES = ("adviser", "manager", "records_manager", "information_asset_owner", "data_protection_officer", "auditor")
ARMS = "records manager (demonstration)"
BY, GROUND = "information asset owner (demonstration)", "Demonstration only: so that a version can be seen."


class Progress(msgspec.Struct):
    """What has been done, kept beside the data: the day of the first run, the steps that are not to be repeated, and
    whom each part is about."""

    first_run: date
    done: set[str] = msgspec.field(default_factory=set)
    clients: dict[str, UUID] = msgspec.field(default_factory=dict)


class Demonstration:
    """One run."""

    def __init__(self, settings: Settings, decisions: Path) -> None:
        self._decisions = decisions
        self.looks: dict[str, list[Look]] = {}
        self.folder = settings.data_dir / "demo"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = self.folder / "progress.json"
        if self._file.exists():
            self.progress = msgspec.json.decode(self._file.read_bytes(), type=Progress)
        else:
            self.progress = Progress(system_clock(settings).today())
            self._save()

    def run(self, *arguments: str) -> None:
        """Show a command and run it in this process; its errors end the demonstration."""
        click.secho(f"\n$ muniment {shlex.join(arguments)}", bold=True)
        sys.stdout.flush()
        root = click.get_current_context().find_root().command
        with root.make_context("muniment", list(arguments)) as context:
            root.invoke(context)

    def once(self, step: str, *arguments: str) -> None:
        """Run a command unless an earlier run of the demonstration did."""
        self.do_once(step, partial(self.run, *arguments))

    def do_once(self, step: str, act: Callable[[], object]) -> None:
        """Do something unless an earlier run of the demonstration did."""
        if step not in self.progress.done:
            act()
            self.note(step)

    def first(self, step: str) -> bool:
        """Whether a step is done for the first time now; from then on it is remembered as done."""
        is_first = step not in self.progress.done
        self.note(step)
        return is_first

    def note(self, step: str) -> None:
        """Remember that a step is done."""
        self.progress.done.add(step)
        self._save()

    def whom(self, part: str, find: Find) -> UUID | None:
        """Whom a part is about: the same client in every run. None where there is nobody, or they have gone since."""
        known = self.progress.clients.get(part)
        client = find(known, self.progress.clients.values())
        if client is not None and known is None:
            self.progress.clients[part] = client
            self._save()
        return client

    def _save(self) -> None:
        unfinished = self._file.with_suffix(".unfinished")
        unfinished.write_bytes(msgspec.json.encode(self.progress, order="deterministic"))
        unfinished.replace(self._file)

    def council(self, slug: str) -> None:
        """Take one council from its declarations to its certificates and its notice."""
        click.secho(f"\n=== {slug} ===", bold=True)
        self.once(f"check {slug}", "policy", "check", slug, "--declared")
        decided = self._decisions / f"{slug}.toml"
        if decided.is_file():
            self.once(f"decide {slug}", "policy", "decide", slug, "--file", str(decided))
        self.run("policy", "adopt", slug, "--yes")
        approve_missing(self.run, slug, self.progress.first_run, ARMS, BY)
        self.run("notice", "publish", slug, "--by", BY, "--ground", GROUND)
        with quiet_context() as context:
            council_id = context.council_id(slug)
            with context.database.council(council_id, context.actor) as session:
                policy = adopted(session)
        self._import(slug, policy)
        if f"extras {slug}" not in self.progress.done:
            with quiet_context() as context:
                jobs = context.jobs  # taken before anything changes, so that what the changes set going is done here
                made = add_what_no_import_brings(context, council_id, policy, self.progress.first_run)
                jobs.run()
            click.echo(made)
            self.note(f"extras {slug}")
        self.once(f"arm {slug}", "retention", "arm", slug, "--all", "--by", ARMS)
        self.run("retention", "sweep", slug)
        file = self._decisions.parent / "questions" / f"{slug}.toml"
        for words, asked in questions(slug, policy, file, self.first, self.whom):
            click.echo(f"\n{words}")
            self.run(*asked)
        file, folder = self._decisions.parent / "consents" / f"{slug}.toml", self.folder / "consents"
        for look in tell_stories(slug, policy, file, folder, self.do_once, self.run, self.whom):
            self.looks.setdefault(slug, []).append(look)
        if slug in self.looks:
            self.run("consent", "unfounded", slug)
        self.run("audit", "seal", slug)
        self.run("audit", "verify", slug)
        self._write_notices(slug)

    def _import(self, slug: str, policy: Policy) -> None:
        for service_slug, service in policy.services.items():
            for number, source in enumerate(service.clients.imports):
                step = f"import {slug} {service_slug} {source.id}"
                if step in self.progress.done:
                    click.echo(f"{source.title}: imported by an earlier run")
                    continue
                file = self._population(slug, service, number)
                self.run(
                    "client",
                    "import",
                    slug,
                    source.id,
                    _shown(file),
                    "--service",
                    service_slug,
                    "--history",
                    "--generated",
                )
                self.note(step)

    def _population(self, slug: str, service: ServicePolicy, number: int) -> Path:
        """Write the generated people of one import; the last is the case-management export, with everybody."""
        source = service.clients.imports[number]
        everybody = number == len(service.clients.imports) - 1
        seed = f"{slug}/{source.id}"
        people = lives(
            EVERYBODY if everybody else REFERRED,
            today=self.progress.first_run,
            seed=seed,
            first=1 if everybody else 900_001 + number * REFERRED,
            days=3650 if everybody else 90,
        )
        file = self.folder / "imports" / f"{slug}-{source.id}.csv"
        file.parent.mkdir(exist_ok=True)
        write_csv(file, source, service, list(people), seed=seed)
        return file

    def where_to_look(self, slug: str, address: str) -> None:
        """Say where the stories about consents can be looked at: by command or, at an address, in a browser."""
        for look in self.looks.get(slug, ()):
            click.echo(fitted(look.words))
            if address:
                click.echo(f"  {address}/{slug}/console/clients/{look.client}")
            click.echo(f"  muniment consent show {slug} {look.client}")
            click.echo(f"  muniment share register {slug} --client {look.client}")
            click.echo(f"  {_shown(look.receipt)}")

    def _write_notices(self, slug: str) -> None:
        folder = self.folder / "notices"
        folder.mkdir(exist_ok=True)
        for form, suffix in (("html", "html"), ("text", "txt"), ("json", "json")):
            file = folder / f"{slug}.{suffix}"
            printed = StringIO()
            with redirect_stdout(printed):
                self._render(slug, form)
            file.write_text(printed.getvalue(), encoding="utf-8")
            click.echo(f"Notice written to {_shown(file)}")

    def _render(self, slug: str, form: str) -> None:
        root = click.get_current_context().find_root().command
        with root.make_context("muniment", ["notice", "render", slug, "--format", form]) as context:
            root.invoke(context)

    def sign_in(self, slug: str) -> str:
        """Make the demonstration's account, or give it a new password; returns the password, known to nobody else."""
        known = f"staff {slug}" in self.progress.done
        roles = [part for role in ROLES for part in ("--role", role)]
        arguments = (
            ["staff", "password", slug, EMAIL, "--generate-password", "--json"]
            if known
            else ["staff", "add", slug, "--email", EMAIL, *roles, "--generate-password", "--json"]
        )
        printed = StringIO()
        root = click.get_current_context().find_root().command
        with redirect_stdout(printed), root.make_context("muniment", arguments) as context:
            root.invoke(context)
        self.note(f"staff {slug}")
        return str(msgspec.json.decode(printed.getvalue())["password"])


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _free_port(settings: Settings) -> int:
    """The port that is set, or any free one where it is taken."""
    for port in (settings.port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return settings.port


@click.command()
@click.option("--once", is_flag=True, help="Stop when all is shown, instead of serving.")
@click.option(
    "--decisions",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("deploy/demo/decisions"),
    show_default=True,
    help="Where COUNCIL.toml holds what the demonstration decides for a council.",
)
@pass_context
def demo(context: Context, once: bool, decisions: Path) -> None:
    """Show the main job from end to end with generated people, then serve it."""
    if not decisions.is_dir():
        raise InvalidInput(
            f"There is no folder {decisions} here, so nothing could be decided and little recorded. Run this in the "
            "checkout, or name the folder with --decisions.",
            where="--decisions",
        )
    settings = context.settings
    server = EmbeddedServer(settings.data_dir) if settings.database_url is None else None
    started_here = server is not None and not server.running
    try:
        shown = Demonstration(settings, decisions)
        if not settings.keys_file.exists():
            shown.run("keys", "new")
        shown.run("db", "upgrade")
        slugs = sorted(context.plugins.councils)
        for slug in slugs:
            shown.council(slug)
        if once:
            click.secho("\nWhat people agreed to, and what came of it:", bold=True)
            for slug in slugs:
                shown.where_to_look(slug, "")
            click.echo("\nDone. Run it without --once to look at it in a browser.")
            return
        os.environ["MUNIMENT_PORT"] = str(_free_port(settings))
        address = f"http://{settings.host}:{os.environ['MUNIMENT_PORT']}"
        click.secho("\nSign in to see the policy, the last sweep and why a record is kept:", bold=True)
        for slug in slugs:
            click.echo(f"  {address}/{slug}/console   {EMAIL}   {shown.sign_in(slug)}")
        click.secho("The notices as the public sees them:", bold=True)
        for slug in slugs:
            with quiet_context() as quiet, quiet.database.council(quiet.council_id(slug), quiet.actor) as session:
                services = sorted(adopted(session).services)
            for service in services:
                click.echo(f"  {address}/{slug}/privacy/{service}")
        click.secho("What people agreed to, and what came of it:", bold=True)
        for slug in slugs:
            shown.where_to_look(slug, address)
        shown.run("serve")
    finally:
        if server is not None and started_here:
            server.stop()
