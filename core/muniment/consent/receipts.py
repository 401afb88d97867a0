"""Handing out receipts, also when the client file has gone: the proof is then found by the record's key alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from muniment.api.errors import NotFound
from muniment.api.text import say
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clock import london_day
from muniment.consent.acts import LIVE
from muniment.consent.facts import CONSENT_EVENT, CONSENT_SUBJECT
from muniment.consent.following import WORDS
from muniment.consent.history import EventView, event_named
from muniment.consent.receipt import Receipt, reached, receipt_of
from muniment.database.session import CouncilSession
from muniment.notices.document import Document, Section, Statement
from muniment.notices.render import as_html, as_page, as_text
from muniment.notices.shown import Shown, shown_of
from muniment.notices.words import Voice, Words
from muniment.policy.model import Policy
from muniment.policy.store import policy_of_hash
from muniment.web.callers import Caller, Permission

__all__ = ["Handed", "hand_out", "receipt_and_page"]

NONE: Final = "There is no such consent or permission."


class Handed(msgspec.Struct, frozen=True):
    """A receipt in its forms: for programs, as a page of its own that a person can keep and print, as plain text; and
    `article`, itself alone without the notice, to stand in another page."""

    receipt: Receipt
    article: str
    html: str
    text: str
    file_id: UUID | None


def hand_out(session: CouncilSession, caller: Caller, words: Words, event_id: UUID) -> Handed:
    """The receipt of an event, for a caller who may read the files of its service; the reading is an audit event.

    Raises `NotFound` if there is no such event that the caller may see, `Forbidden`, `PluginError`.
    """
    services = caller.require_somewhere(Permission.READ_CLIENTS)
    event, subject = CONSENT_EVENT, CONSENT_SUBJECT
    row = session.execute(
        select(subject.c.id, subject.c.file_id, subject.c.service)
        .select_from(
            event.join(subject, (event.c.council_id == subject.c.council_id) & (event.c.subject_id == subject.c.id))
        )
        .where(event.c.council_id == session.council_id, event.c.id == event_id)
    ).one_or_none()
    if row is None or (services is not None and row.service not in services):
        raise NotFound(NONE)
    record(session, AuditEvent.RECEIPT_READ, row.file_id, entry=event_id)
    found = event_named(session, event_id)
    policy = policy_of_hash(session, found.policy_hash)
    language = found.language or policy.council.languages[0]
    shown = shown_of(session, row.service, found.version_id, found.document_id)
    voice = words.voice(policy.council, language, {}, WORDS)
    receipt, page = receipt_and_page(policy, row.service, voice, row.id, found, shown)
    pages = [page] if shown is None or shown.document is None else [page, shown.document]
    return Handed(receipt, as_html(page), as_page(pages), "\n\n".join(map(as_text, pages)), row.file_id)


def receipt_and_page(
    policy: Policy, service: str, voice: Voice, subject_id: UUID, event: EventView, shown: Shown | None
) -> tuple[Receipt, Document]:
    """The receipt of an event, and the page of it that a person keeps, without the notice. Pure. Raises `PluginError`
    if a template cannot be rendered."""
    language = event.language or policy.council.languages[0]
    own = next((party for party in policy.council.parties if party.id == policy.council.own_party), None)
    how = voice.phrase("receipt_withdraw", reached(own.contact or own.dpo if own else None, language), of=event.kind)
    receipt = receipt_of(policy, service, subject_id, event, shown, how)
    return receipt, _page(policy, service, voice, language, event, receipt)


def _page(policy: Policy, service: str, voice: Voice, language: str, event: EventView, receipt: Receipt) -> Document:
    """What a person keeps: what they answered and to which words, how to take back what they gave, what proves it."""
    told, notice = receipt.pii_processing, receipt.pii_processing.privacy_notice
    facts = {
        "kind": event.kind, "state": event.state, "on": london_day(event.at), "channel": event.channel,
        "how": event.how, "purpose": told.purpose, "authority": event.authority, "explicit": event.explicit,
        "expires_on": event.expires_on, "categories": [each.pii_type for each in told.pii_information],
        "recipients": list(event.named),
    }  # fmt: skip
    proof = {
        "id": str(event.id), "sha256": event.wording_sha256, "policy": event.policy_hash,
        "notice": None if notice is None else msgspec.structs.asdict(notice),
    }  # fmt: skip
    asked = [_said(voice, "receipt_act", facts, language)]
    if event.wording is not None:
        asked.append(Statement(id="wording", origin="council", text=f"“{event.wording}”"))
    asked += [_said(voice, kind, facts, language) for kind in ("receipt_uses", "receipt_who", "receipt_until")]
    how = [Statement(id="withdraw", origin="council", text=told.withdrawal_method)]
    sections = {
        "agreed": asked,
        **({"withdraw": how} if event.state in LIVE else {}),
        "proof": [_said(voice, kind, proof, language) for kind in ("receipt_notice", "receipt_record")],
    }
    return Document(
        title=voice.phrase("receipt_title", event.kind),
        council=policy.council.slug,
        council_name=say(policy.council.name, language),
        service=service,
        notice=f"{event.kind}-receipt",
        language=language,
        policy=event.policy_hash,
        sections=tuple(
            Section(
                id=name,
                heading=voice.phrase("receipt_heading", name),
                statements=tuple(entry for entry in statements if entry.text),
            )
            for name, statements in sections.items()
        ),
        contents_heading=voice.phrase("receipt_contents"),
        version_words=voice.phrase("receipt_number", str(event.id)),
    )


def _said(voice: Voice, kind: str, about: Mapping[str, object], language: str) -> Statement:
    said = voice.say(kind, about)
    name = kind.removeprefix("receipt_")
    return Statement(
        id=name, origin="council", text=said.text, points=said.points,
        language="" if said.language == language else said.language,
    )  # fmt: skip
