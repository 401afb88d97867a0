"""What generated clients of the demonstration agree to, refuse and take back, and what follows from it.

The stories stand in a file beside the demonstration's decisions, for each council. Each is about a client of its own,
the same in every run, and told as the commands that a person would type: the act in the words of the policy, the
receipt, what is given on it, the withdrawal with what follows, and that nothing is given afterwards. A command runs
once, whichever run of the demonstration it is; where to look is said every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from uuid import UUID

import click
import msgspec

from muniment.accounts.permissions import command_caller
from muniment.api.decoding import decode_toml
from muniment.cli.context import Context as Deployment
from muniment.cli.context import fitted
from muniment.cli.demonstration.questions import Find, somebody
from muniment.cli.demonstration.quiet import quiet_context
from muniment.clients.context import Context
from muniment.clients.records import NewRecord, NewValue, add_record
from muniment.consent.acts import Channel, How
from muniment.consent.grounds import ground_of
from muniment.consent.history import events_of
from muniment.notices.versions import list_versions
from muniment.policy.model import Policy

__all__ = ["Look", "Stories", "Story", "tell_stories"]


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that is held for the story's purpose alone."""

    record_class: str
    field: str
    value: str
    source: str


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one client does. With `recipient` (and, of a kind of body, `body`) it names somebody, and `fields` are what
    that body then asks for. `withdrawn` is the channel by which it is taken back; absent: it is not."""

    words: str
    service: str
    purpose: str
    answer: str
    channel: Channel
    how: How
    recipient: str | None = None
    body: str | None = None
    fields: tuple[str, ...] = ()
    withdrawn: Channel | None = None
    held: Held | None = None


class Stories(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`consents/COUNCIL.toml`."""

    stories: tuple[Story, ...] = msgspec.field(name="story", default=())


class Look(msgspec.Struct, frozen=True):
    """Where a story can be looked at: the client's file, and the receipt of the first act."""

    words: str
    client: UUID
    receipt: Path


def tell_stories(
    slug: str,
    policy: Policy,
    file: Path,
    folder: Path,
    once: Callable[[str, Callable[[], object]], None],
    run: Callable[..., None],
    whom: Callable[[str, Find], UUID | None],
) -> Iterator[Look]:
    """Tell each story of the file, if there is one. `once` does a step unless an earlier run did it, `run` shows a
    command and runs it, `whom` remembers who has which part; receipts and exports go into `folder`."""
    stories = decode_toml(file.read_bytes(), Stories, file=file.name).stories if file.is_file() else ()
    folder.mkdir(exist_ok=True)
    for number, story in enumerate(stories, 1):
        with quiet_context() as deployment:
            council_id = deployment.council_id(slug)
            with deployment.database.council(council_id, deployment.actor) as session:
                client = whom(f"story {slug} {number}", partial(somebody, session, story.service, story.fields))
        if client is None:
            continue
        step, receipt = f"story {slug} {number}", folder / f"receipt-{slug}-{number}.html"
        if story.held is not None:
            once(f"{step} held", partial(_hold, slug, client, story, story.held))
        once(f"{step} words", partial(click.echo, f"\n{fitted(story.words)}"))
        once(f"{step} answer", partial(_answer, slug, policy, client, story, run))
        once(f"{step} receipt", partial(_receipt, slug, client, receipt))
        if story.recipient is not None:
            once(f"{step} given", partial(_share, slug, client, story, folder, run))
        if story.withdrawn is not None:
            once(f"{step} withdrawn", partial(_withdraw, slug, policy, client, story, run))
            if story.recipient is not None:
                once(f"{step} refused", partial(_share, slug, client, story, folder, run))
        yield Look(story.words, client, receipt)


def _kind(policy: Policy, story: Story) -> tuple[str, ...]:
    """The option that says it is a permission, where it is one."""
    return ("--permission",) if ground_of(policy.service(story.service), story.purpose).kind == "permission" else ()


def _answer(slug: str, policy: Policy, client: UUID, story: Story, run: Callable[..., None]) -> None:
    """What was asked and answered, in the words of the policy, with the notice that was just published."""
    language = policy.council.languages[0]
    with quiet_context() as deployment:
        council_id = deployment.council_id(slug)
        with deployment.database.council(council_id, deployment.actor) as session:
            version = next(
                view
                for view in list_versions(session)
                if story.service in view.covers and view.programme is None and view.language == language
            )
    named = story.recipient if story.body is None else f"{story.recipient}/{story.body}"
    recipient = () if named is None else ("--recipient", named)
    run(
        "consent", "give", slug, str(client), story.purpose, "--answer", story.answer, "--language", language,
        "--version", str(version.id), "--channel", story.channel, "--how", story.how, *recipient, *_kind(policy, story),
    )  # fmt: skip


def _withdraw(slug: str, policy: Policy, client: UUID, story: Story, run: Callable[..., None]) -> None:
    kind = _kind(policy, story)
    run("consent", "withdraw", slug, str(client), story.purpose, "--channel", str(story.withdrawn), *kind)


def _share(slug: str, client: UUID, story: Story, folder: Path, run: Callable[..., None]) -> None:
    """Give the recipient what it asks for, as far as the gate allows it."""
    body = ("--body", story.body) if story.body else ()
    fields = (part for name in story.fields for part in ("--field", name))
    run(
        "share", "export", slug, "--service", story.service, "--recipient", str(story.recipient), *body,
        "--purpose", story.purpose, *fields, "--client", str(client), "--to", str(folder),
    )  # fmt: skip


def _receipt(slug: str, client: UUID, page: Path) -> None:
    """Write the receipt of the client's act, with the whole notice: it is long, so it is not printed."""
    with quiet_context() as deployment:
        council_id = deployment.council_id(slug)
        with deployment.database.council(council_id, deployment.actor) as session:
            event = events_of(session, client)[-1].id
    root = click.get_current_context().find_root().command
    arguments = ["consent", "receipt", slug, str(event), "--page", str(page)]
    with redirect_stdout(StringIO()), root.make_context("muniment", arguments) as context:
        root.invoke(context)


def _hold(slug: str, client: UUID, story: Story, held: Held) -> None:
    """Store a value for the story's purpose alone."""
    with quiet_context() as deployment:
        jobs = deployment.jobs  # taken before anything changes, so that what the change sets going is done here
        _add(deployment, deployment.council_id(slug), client, story, held)
        jobs.run()


def _add(deployment: Deployment, council_id: UUID, client: UUID, story: Story, held: Held) -> None:
    value = NewValue(held.value, held.source, (story.purpose,))
    with deployment.database.council(council_id, deployment.actor) as session:
        context = Context.of(session, deployment.plugins, deployment.keys)
        caller = command_caller(council_id, deployment.actor.name)
        new = NewRecord(record_class=held.record_class, values={held.field: value})
        add_record(session, caller, context, client, new)
