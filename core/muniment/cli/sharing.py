"""`muniment share`: asking the gate, exporting a batch, and looking at what was given and agreed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import tee
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import click
import msgspec

from muniment.accounts.permissions import Caller
from muniment.api.errors import InvalidInput, NotFound
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.clients.context import Context as Clients
from muniment.clients.limits import EXCEPTIONS
from muniment.database.ids import random_id
from muniment.files.store import FileStore
from muniment.sharing.agreements import AgreementView, agreements
from muniment.sharing.batching import disclose_each, files_of
from muniment.sharing.deciding import MOST_FILES, Answer, Asked, GroupView, ask
from muniment.sharing.disclosing import Disclosed, Order
from muniment.sharing.exporting import Format
from muniment.sharing.gate import Decision
from muniment.sharing.handing_out import open_export
from muniment.sharing.register import MOST, ClientInDisclosure, DisclosureView, Looked, clients_in, search_register
from muniment.web.cursors import Listing

__all__ = ["share"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
A = TypeVar("A", bound=Asked)
DAY = click.DateTime(["%Y-%m-%d"])


class Chosen(msgspec.Struct, frozen=True):
    """What the options of `decide` and `export` say."""

    question: dict[str, object]
    clients: tuple[UUID, ...]
    programme: str | None


@click.group()
def share() -> None:
    """Ask whether data may be given to a recipient, give them, and see what was given."""


def _question(command: F) -> F:
    """The options that make a question."""
    for option in reversed(
        (
            click.option("--service", required=True, help="The service whose clients it is about."),
            click.option("--recipient", required=True, help="The recipient, as the policy names it."),
            click.option("--body", help="The body, where the recipient is a kind of body."),
            click.option("--purpose", required=True, help="The purpose it would be given for."),
            click.option(
                "--field", "fields", multiple=True, required=True, help="A field, CATEGORY.FIELD; repeatable."
            ),
            click.option("--data-set", help="The data set of a statutory match."),
            click.option(
                "--exception",
                type=click.Choice(list(EXCEPTIONS)),
                metavar="EXCEPTION",
                help=f"An exception of UK GDPR Art 18(2) for restricted data: {', '.join(EXCEPTIONS)}.",
            ),
            click.option("--condition-met", is_flag=True, help="The recipient's condition is met."),
            click.option("--request", type=click.UUID, help="The one-off request that it answers."),
            click.option("--client", "clients", type=click.UUID, multiple=True, help="A client file; repeatable."),
            click.option("--programme", help="Every client enrolled in this programme today."),
            click.option("--everybody", is_flag=True, help="Every client of the service."),
        )
    ):
        command = option(command)
    return command


def _chosen(options: dict[str, object]) -> Chosen:
    clients, programme = options.pop("clients"), options.pop("programme")
    everybody = bool(options.pop("everybody"))
    if bool(clients) + (programme is not None) + everybody != 1:
        raise InvalidInput("Say about whom: --client, --programme or --everybody.")
    question = {name: value for name, value in options.items() if value not in (None, False)}
    return Chosen(question, tuple(clients), programme)  # type: ignore[arg-type]  # as the options are declared


@share.command("decide")
@click.argument("council")
@_question
@json_option
@pass_context
def decide_command(context: Context, /, council: str, as_json: bool, **options: object) -> None:
    """Ask the gate about clients of COUNCIL. Nothing changes; every reason is told, for and against."""
    chosen, caller = _chosen(options), context.caller(council)
    answers: list[Answer] = []
    for asked in _each(context, caller, chosen, Asked):
        with context.council(council) as (session, _):
            answers.append(ask(session, caller, Clients.of(session, context.plugins, context.keys), asked))
    lines = [line for answer in answers for group in answer.groups for line in _told(group)]
    show(answers, as_json, *(lines or ["There is no such client."]))


@share.command("export")
@click.argument("council")
@_question
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json", show_default=True)
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, writable=True, path_type=Path), required=True,
    help="The folder to write to, one file for each 10,000 clients.",
)  # fmt: skip
@json_option
@pass_context
def export_command(
    context: Context, /, council: str, form: Format, folder: Path, as_json: bool, **options: object
) -> None:
    """Give clients' data to a recipient: decide, write files of exactly the decided fields, note all of it."""
    chosen, caller = _chosen(options), context.caller(council)
    store = FileStore(context.settings.files_dir, context.keys)
    folder.mkdir(parents=True, exist_ok=True)
    made, lines = list[Disclosed](), list[str]()
    orders = _each(context, caller, chosen, Order, format=form, batch=random_id())
    for disclosed, content in _given(context, caller, store, orders):
        made.append(disclosed)
        lines.append(
            f"Disclosure {disclosed.id}: {_clients(disclosed.given)} given about, {disclosed.refused} refused."
        )
        for group in disclosed.judged.groups:
            lines += [f"  refused about {len(group.files)}: {line}" for line in _against(group.decision)]
        if disclosed.export is not None and content is not None:
            place = folder / disclosed.export.name
            place.touch(mode=0o600)
            place.write_bytes(content)
            lines.append(f"  {place}, sha256 {disclosed.export.sha256}")
        elif disclosed.export is not None:
            lines.append("  destroyed before it was fetched: somebody in it took something back; asked again")
        if not as_json:
            click.echo("\n".join(lines))
            lines.clear()
    show([one.view for one in made] if as_json else None, as_json, *([] if made else ["There is no such client."]))


@share.command("register")
@click.argument("council")
@click.option("--client", type=click.UUID, help="What was given and refused about this client file.")
@click.option("--reference", type=click.UUID, help="What a recipient was given under this our-reference.")
@click.option("--recipient", help="What this recipient was given.")
@click.option("--from", "first_day", type=DAY, help="From this day on, inclusive.")
@click.option("--until", "last_day", type=DAY, help="Until this day, inclusive.")
@json_option
@pass_context
def register_command(
    context: Context,
    council: str,
    client: UUID | None,
    reference: UUID | None,
    recipient: str | None,
    first_day: datetime | None,
    last_day: datetime | None,
    as_json: bool,
) -> None:
    """Look into the register of what COUNCIL has given and refused, the newest first."""
    looked = Looked(
        client=client,
        reference=reference,
        recipient=recipient,
        first_day=first_day.date() if first_day else None,
        last_day=last_day.date() if last_day else None,
        limit=MOST,
    )
    found, after = list[DisclosureView](), None
    while True:
        with context.council(council) as (session, caller):
            page = search_register(session, caller, msgspec.structs.replace(looked, after=after))
        found += page.items
        if (after := page.next) is None:
            break
    lines = [_line(entry) for entry in found] or ["Nothing of the kind was given or refused."]
    show(Listing(found), as_json, *lines)


@share.command("clients")
@click.argument("council")
@click.argument("disclosure", type=click.UUID)
@json_option
@pass_context
def clients_command(context: Context, council: str, disclosure: UUID, as_json: bool) -> None:
    """List whose data COUNCIL gave or refused in one DISCLOSURE, by its key in the register."""
    found, after = list[ClientInDisclosure](), None
    while True:
        with context.council(council) as (session, caller):
            page = clients_in(session, caller, disclosure, limit=MOST, after=after)
        found += page.items
        if (after := page.next) is None:
            break
    show(found, as_json, *map(_client, found))


@share.command("agreements")
@click.argument("council")
@click.option("--to-review", is_flag=True, help="Only those to look at within 30 days.")
@json_option
@pass_context
def agreements_command(context: Context, council: str, to_review: bool, as_json: bool) -> None:
    """List the data sharing agreements of COUNCIL."""
    with context.council(council) as (session, caller):
        found = agreements(session, caller, to_review=to_review)
    show(found, as_json, *([_agreement(entry) for entry in found] or ["There is no such agreement."]))


def _each(context: Context, caller: Caller, chosen: Chosen, kind: type[A], **more: object) -> Iterator[A]:
    """What is asked, about as many clients at a time as go into one question."""
    for files in _files(context, caller, chosen):
        one = _converted({**chosen.question, **more, "files": [files[0]]}, kind)
        yield msgspec.structs.replace(one, files=files)


def _files(context: Context, caller: Caller, chosen: Chosen) -> Iterable[Sequence[UUID]]:
    if chosen.clients:
        return (chosen.clients[start : start + MOST_FILES] for start in range(0, len(chosen.clients), MOST_FILES))
    return files_of(context.deployment, caller, str(chosen.question["service"]), chosen.programme)


def _given(
    context: Context, caller: Caller, store: FileStore, orders: Iterable[Order]
) -> Iterator[tuple[Disclosed, bytes | None]]:
    """Each disclosure with its file, if it has one that can be fetched.

    One is destroyed that somebody in it took something back from, or the recipient was stopped, before it was fetched
    (`sharing.withholding`): then the gate is asked again about the same clients, after the others.
    """
    orders, taken = tee(orders)
    again: list[Order] = []
    for disclosed, order in zip(disclose_each(context.deployment, caller, store, orders), taken, strict=False):
        content = None
        if disclosed.export is not None:
            try:
                with context.database.council(caller.council_id, caller.actor) as session:
                    clients = Clients.of(session, context.plugins, context.keys)
                    content = b"".join(open_export(session, caller, clients, store, disclosed.id).content)
            except NotFound:
                again.append(order)
        yield disclosed, content
    if again:
        yield from _given(context, caller, store, again)


def _converted(values: dict[str, object], kind: type[T]) -> T:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"An option does not have the form it must have: {error}.") from None


def _told(group: GroupView) -> Iterator[str]:
    """One group in lines: of how many, yes or no, every reason."""
    answer = f"yes: {', '.join(group.fields) or 'nothing of it is held'}" if group.allowed else "no"
    yield f"{_clients(len(group.files))}: {answer}"
    for reason in sorted(group.reasons, key=lambda reason: reason.speaks_for):
        yield f"  {'for' if reason.speaks_for else 'AGAINST'}: {reason.sentence} ({reason.provision}; {reason.rule})"


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def _against(decision: Decision) -> Sequence[str]:
    return [f"{reason.sentence} ({reason.provision})" for reason in decision.reasons if not reason.speaks_for]


def _line(entry: DisclosureView) -> str:
    what = ", ".join(entry.fields)
    why = f": {', '.join(entry.rules)}" if entry.rules else ""
    came = f"{entry.given:,} given, {entry.refused:,} refused{why}"
    return f"{entry.at:%d/%m/%Y %H:%M} UTC {entry.id} to {entry.recipient} for {entry.purpose}: {what}; {came}"


def _client(one: ClientInDisclosure) -> str:
    who = f"client {one.client}" if one.client else "a client whose file has gone"
    if one.reference is None:
        return f"{who}: refused: {', '.join(one.rules)}"
    return f"{who}: {', '.join(one.fields)}, as {one.reference}"


def _agreement(entry: AgreementView) -> str:
    state = "in force" if entry.in_force else "not in force"
    last = f", last day {entry.last_day}" if entry.last_day else ""
    review = f", review on {entry.review_on}{', to be looked at' if entry.to_review else ''}"
    return f"{entry.id} {entry.service} {entry.recipient}: {entry.title}, {state}{last}{review}"
