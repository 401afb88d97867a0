"""`muniment consent`: what a client agreed to, recording and withdrawing it, receipts, what must be asked again, and
what is held on nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from muniment.accounts.permissions import Caller
from muniment.cli.context import Context, json_option, pass_context, show
from muniment.clients.context import Context as ClientContext
from muniment.consent.acting import NewWithdrawal, record_answer, withdraw
from muniment.consent.acts import AUTHORITIES, CHANNELS, CONSENT, HOWS, PERMISSION, Kind
from muniment.consent.asking import NamedRecipient, NewAnswer, NewEvidence
from muniment.consent.holdings import holdings
from muniment.consent.reading import ConsentsView, read_consents
from muniment.consent.receipts import hand_out
from muniment.consent.refreshing import to_ask_again
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.notices.words import Words
from muniment.retention.disposal.unfounded import take_away, unfounded
from muniment.retention.evidence.ledger import Ledger
from muniment.retention.explain import facade_in_force

__all__ = ["consent"]

DAY = click.DateTime(["%Y-%m-%d"])
MEDIA = {".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
         ".tif": "image/tiff", ".tiff": "image/tiff", ".txt": "text/plain"}  # fmt: skip

permission_option = click.option(
    "--permission", is_flag=True, help="A permission, which rests on another basis than consent."
)
channel_option = click.option(
    "--channel", type=click.Choice(CHANNELS), required=True, help="How it reached the council."
)
day_option = click.option("--on", type=DAY, help="The day of the act, if it was not today.")
recipient_option = click.option(
    "--recipient", "recipients", multiple=True, metavar="ID[/BODY]", help="Who is named; again for each."
)


@click.group()
def consent() -> None:
    """What people agreed to, and what rests on it."""


@contextmanager
def _opened(context: Context, council: str) -> Iterator[tuple[CouncilSession, Caller, ClientContext]]:
    """A transaction for one council, who asks, and what recording about a client rests on."""
    with context.council(council) as (session, caller):
        yield session, caller, ClientContext.of(session, context.plugins, context.keys)


@consent.command("show")
@click.argument("council")
@click.argument("file", type=click.UUID)
@json_option
@pass_context
def show_command(context: Context, council: str, file: UUID, as_json: bool) -> None:
    """Show the consents and the permissions of a client FILE of COUNCIL, and on what each value is held."""
    with _opened(context, council) as (session, caller, client):
        words = Words.of(context.plugins)
        found = {kind: read_consents(session, caller, words, file, kind) for kind in (CONSENT, PERMISSION)}
        held = holdings(session, caller, client, file)
    lines = [*_told("Consents", found[CONSENT]), *_told("Permissions", found[PERMISSION])]
    lines += [
        f"{line.field} of {line.record_class}: "
        + "; ".join(f"{basis.title}: {basis.because}" for basis in line.bases)
        + (". It is held on nothing." if line.on_nothing else ".")
        for line in held
    ]
    show({"consents": found[CONSENT], "permissions": found[PERMISSION], "holdings": held}, as_json, *lines)


def _told(title: str, view: ConsentsView) -> Iterator[str]:
    yield f"{title}:" if view.standing else f"{title}: none."
    for line in view.standing:
        until = f", until {line.standing.expires_on}" if line.standing.expires_on and line.standing.live else ""
        names = f", for {', '.join(line.names)}" if line.names else ""
        yield f"- {line.title} ({line.purpose}): {line.standing.state}{names}{until}"
        yield from (f"    if withdrawn: {told}" for told in line.follows)


@consent.command("give")
@click.argument("council")
@click.argument("file", type=click.UUID)
@click.argument("purpose")
@click.option("--answer", type=click.Choice(["requested", "given", "refused", "reconfirmed"]), required=True)
@click.option("--language", required=True, help="The language of the words that were used, as a code: en, cy.")
@click.option("--wording", help="The words that were used, where they are not those of the policy.")
@click.option("--version", type=click.UUID, help="The published version of the notice that the person had.")
@click.option("--document", type=click.UUID, help="The earlier document that the person had instead.")
@click.option("--channel", type=click.Choice(CHANNELS), help="How it reached the council.")
@click.option("--how", type=click.Choice(HOWS), help="What the person did.")
@click.option("--explicit", is_flag=True, help="The consent was explicit.")
@click.option(
    "--authority",
    type=click.Choice(AUTHORITIES),
    metavar="AUTHORITY",
    help=f"On what somebody acted for the person: {', '.join(AUTHORITIES)}.",
)
@click.option("--evidence", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True)
@click.option("--evidence-of-authority", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True)
@recipient_option
@day_option
@permission_option
@json_option
@pass_context
def give_command(
    context: Context, /, council: str, file: UUID, purpose: str, permission: bool, on: datetime | None,
    recipients: tuple[str, ...], evidence: tuple[Path, ...], evidence_of_authority: tuple[Path, ...], as_json: bool,
    **told: Any,
) -> None:  # fmt: skip
    """Record what the client of a FILE of COUNCIL was asked about a PURPOSE, and answered. Nothing is filled in."""
    files = tuple(_evidence(path, "consent") for path in evidence)
    files += tuple(_evidence(path, "authority") for path in evidence_of_authority)
    new = NewAnswer(
        purpose=purpose, recipients=_named(recipients) or None, on=on.date() if on else None, files=files, **told
    )  # fmt: skip
    with _opened(context, council) as (session, caller, client):
        store = FileStore(context.settings.files_dir, context.keys)
        event_id = record_answer(session, caller, client, store, file, _kind(permission), new)
    show({"id": event_id}, as_json, f"Recorded. The receipt: muniment consent receipt {council} {event_id}")


@consent.command("withdraw")
@click.argument("council")
@click.argument("file", type=click.UUID)
@click.argument("purpose")
@channel_option
@click.option("--language", help="The language in which the person is told what follows.")
@recipient_option
@day_option
@permission_option
@json_option
@pass_context
def withdraw_command(
    context: Context, council: str, file: UUID, purpose: str, channel: Any, language: str | None,
    recipients: tuple[str, ...], on: datetime | None, permission: bool, as_json: bool,
) -> None:  # fmt: skip
    """Withdraw what the client of a FILE of COUNCIL agreed to for a PURPOSE, and say what follows."""
    new = NewWithdrawal(channel=channel, language=language, recipients=_named(recipients), on=on.date() if on else None)
    with _opened(context, council) as (session, caller, client):
        done = withdraw(session, caller, client, file, _kind(permission), purpose, new)
        spoken = language or client.policy.council.languages[0]
        told = done.follows.said(Words.of(context.plugins), client.policy.council, spoken)
    first = "Withdrawn." if done.new else "That was withdrawn already."
    show({"id": done.id, "new": done.new, "follows": told}, as_json, first, *told)


@consent.command("receipt")
@click.argument("council")
@click.argument("event", type=click.UUID)
@click.option("--page", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write the page there.")
@json_option
@pass_context
def receipt_command(context: Context, council: str, event: UUID, page: Path | None, as_json: bool) -> None:
    """Hand out the receipt of an EVENT of COUNCIL, also when the client's file has gone."""
    with _opened(context, council) as (session, caller, _):
        found = hand_out(session, caller, Words.of(context.plugins), event)
    if page is not None:
        page.write_text(found.html, encoding="utf-8")
        click.echo(f"wrote {page}", err=True)
    show(found.receipt, as_json, found.text)


@consent.command("to-ask-again")
@click.argument("council")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@json_option
@pass_context
def ask_again_command(context: Context, council: str, limit: int, as_json: bool) -> None:
    """List what runs out within 30 days in COUNCIL, has run out, or was overtaken by a new recipient."""
    with _opened(context, council) as (session, caller, _):
        found = to_ask_again(session, caller, limit=limit)
    lines = [f"{each.file_id} {each.service}/{each.purpose} ({each.kind}): {each.state}"
             f"{f', until {each.expires_on}' if each.expires_on else ''}" for each in found]  # fmt: skip
    show(found, as_json, *(lines or ["Nothing is to be asked again."]))


@consent.command("unfounded")
@click.argument("council")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--take-away", "removing", is_flag=True, help="Take the values listed away, with a certificate.")
@json_option
@pass_context
def unfounded_command(context: Context, council: str, limit: int, removing: bool, as_json: bool) -> None:
    """List values in COUNCIL that are held on nothing, because every purpose rested on consent that has ended."""
    with _opened(context, council) as (session, caller, _):
        found = unfounded(session, caller, limit=limit)
        gone: tuple[UUID, ...] = ()
        if removing and found:
            ledger = Ledger(session.ledger_dir, session.council_id)
            facade = facade_in_force(session, context.plugins)
            gone = take_away(session, caller, ledger, [line.record_id for line in found[:1000]], facade)
    lines = [f"{line.record_id} {line.record_class}: {', '.join(line.fields)}, since {line.since}, by {line.due_on}"
             f"{' (lies elsewhere too)' if line.elsewhere else ''}" for line in found]  # fmt: skip
    if removing:
        lines.append(f"Taken away from {len(gone)} of {len(found)} records.")
    show({"unfounded": found, "taken_away": gone}, as_json, *(lines or ["Nothing is held without a basis."]))


def _kind(permission: bool) -> Kind:
    return PERMISSION if permission else CONSENT


def _named(given: tuple[str, ...]) -> tuple[NamedRecipient, ...]:
    return tuple(NamedRecipient(name, body or None) for name, _, body in (each.partition("/") for each in given))


def _evidence(path: Path, proves: Any) -> NewEvidence:
    media_type = MEDIA.get(path.suffix.lower(), "application/octet-stream")
    return NewEvidence(path.name, media_type, path.read_bytes(), proves)
