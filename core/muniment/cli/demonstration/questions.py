"""What the demonstration asks the gate: one question that is answered yes and one no, with every reason.

Which they are stands in a file beside the demonstration's decisions, for each council. The question is about a
generated client who holds what is asked for; where it says so, that client first agrees to the recipient, by name.
Whom a part was about stays its client in every later run, whoever is registered since: a run that asked of somebody
else would find that they never agreed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import select

from muniment.accounts.permissions import command_caller
from muniment.api.decoding import decode_toml
from muniment.api.text import say
from muniment.cli.context import Context as Deployment
from muniment.cli.demonstration.quiet import quiet_context
from muniment.clients.context import Context
from muniment.clients.facts import FILE, RECORD
from muniment.consent.acting import record_answer
from muniment.consent.asking import NamedRecipient, NewAnswer
from muniment.consent.grounds import ground_of
from muniment.database.session import CouncilSession
from muniment.files.store import FileStore
from muniment.notices.versions import list_versions
from muniment.policy.model import Policy

__all__ = ["Find", "questions", "somebody"]

Find = Callable[[UUID | None, Collection[UUID]], UUID | None]
"""Finds a client for a part, given whom it had in an earlier run, if anybody, and all who have a part already."""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question, as for `muniment share decide`; `agreed`: the client agrees to the recipient before."""

    words: str
    service: str
    recipient: str
    purpose: str
    fields: tuple[str, ...]
    body: str | None = None
    agreed: bool = False


class Asks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`questions/COUNCIL.toml`."""

    asks: tuple[Ask, ...] = msgspec.field(name="ask", default=())


def questions(
    slug: str,
    policy: Policy,
    file: Path,
    first: Callable[[str], bool],
    whom: Callable[[str, Find], UUID | None],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each question of the file, if there is one: in words, and as a command about a client of whom all of it is held.

    `first` says whether a step is to be done now, and not by an earlier run; `whom` remembers who has which part.
    """
    asks = decode_toml(file.read_bytes(), Asks, file=file.name).asks if file.is_file() else ()
    for number, one in enumerate(asks, 1):
        with quiet_context() as deployment:
            council_id = deployment.council_id(slug)
            with deployment.database.council(council_id, deployment.actor) as session:
                client = whom(f"question {slug} {number}", _newest(session, one))
            if client is not None and one.agreed and first(f"agreed {slug} {number}"):
                _agree(deployment, council_id, policy, client, one)
        if client is not None:
            body = ("--body", one.body) if one.body else ()
            fields = (part for name in one.fields for part in ("--field", name))
            yield one.words, (
                "share", "decide", slug, "--service", one.service, "--recipient", one.recipient, *body,
                "--purpose", one.purpose, *fields, "--client", str(client),
            )  # fmt: skip


def _newest(session: CouncilSession, one: Ask) -> Find:
    """Whom a question is about: it may be the same client as another's."""

    def find(known: UUID | None, _taken: Collection[UUID]) -> UUID | None:
        return somebody(session, one.service, one.fields, known)

    return find


def somebody(
    session: CouncilSession,
    service: str,
    fields: Sequence[str],
    known: UUID | None = None,
    taken: Collection[UUID] = (),
) -> UUID | None:
    """The newest file of the service that holds every field asked for, of somebody who came by themselves and is not
    `taken`; where one is `known`, that one, or None when it has gone."""
    mine = FILE.c.council_id == session.council_id, FILE.c.service == service
    if known is not None:
        there: UUID | None = session.scalar(select(FILE.c.id).where(*mine, FILE.c.id == known))
        return there
    held = [
        select(RECORD.c.id)
        .where(
            RECORD.c.council_id == FILE.c.council_id, RECORD.c.file_id == FILE.c.id, RECORD.c["values"].has_key(name)
        )
        .exists()
        for name in fields
        if "." in name
    ]
    parts = [FILE.c[name.replace("-", "_")].is_not(None) for name in fields if "." not in name]
    free = FILE.c.referred_on.is_(None), FILE.c.id.not_in(list(taken))
    wanted = select(FILE.c.id).where(*mine, *free, *held, *parts)
    found: UUID | None = session.scalar(wanted.order_by(FILE.c.opened_on.desc(), FILE.c.id).limit(1))
    return found


def _agree(deployment: Deployment, council_id: UUID, policy: Policy, client: UUID, one: Ask) -> None:
    """The client agrees to the recipient, having had the notice that was just published."""
    declared, language = policy.service(one.service), policy.council.languages[0]
    recipient = next(entry for entry in declared.recipients.recipients if entry.id == one.recipient)
    store = FileStore(deployment.settings.files_dir, deployment.keys)
    with deployment.database.council(council_id, deployment.actor) as session:
        version = next(view for view in list_versions(session) if one.service in view.covers and not view.programme)
        answer = NewAnswer(
            purpose=one.purpose,
            answer="given",
            language=language,
            wording=f"I agree that {one.body or say(recipient.title, language)} may have what I was shown (generated).",
            version=version.id,
            channel="in-person",
            how="signed",
            recipients=(NamedRecipient(one.recipient, one.body),),
        )
        context = Context.of(session, deployment.plugins, deployment.keys)
        kind = ground_of(declared, one.purpose).kind
        caller = command_caller(council_id, deployment.actor.name)
        record_answer(session, caller, context, store, client, kind, answer)
