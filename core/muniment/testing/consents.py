"""The kit's part about consents: the receipt that somebody keeps, and what they are told when they change their minds.

For each purpose that people are asked about and each language of the council, as a made-up person would meet it. What
follows a withdrawal must be said whole: what the policy states, who receives nothing more, whose time begins, on what
else the purpose goes on (UK GDPR Art 7(3)).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Final
from uuid import UUID

import msgspec

from muniment.api.consent import Purpose
from muniment.api.periods import add_period, parse_period
from muniment.api.text import say
from muniment.consent.acts import CONSENT, recipient_key
from muniment.consent.following import WORDS, follows
from muniment.consent.grounds import Ground, ground_of
from muniment.consent.history import EventView
from muniment.consent.ledger import wording_hash
from muniment.consent.receipt import Receipt
from muniment.consent.receipts import receipt_and_page
from muniment.notices.render import as_html, as_text
from muniment.notices.words import Words
from muniment.policy.model import Policy, ServicePolicy
from muniment.testing.saying import require, require_said, squeezed

__all__ = ["ConsentSaid", "consents_said"]

NOBODY: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The key of an event and of a person that are made up."""

MADE_UP: Final = "I agree (made up, for the policy gives no words)."
SOMEBODY: Final = "Generated body"
"""The body of a kind of recipient of which the policy names none."""


class ConsentSaid(msgspec.Struct, frozen=True):
    """What is said of one purpose in one language: a receipt, its page as text, and the sentences that are read to
    somebody who withdraws."""

    receipt: Receipt
    page: str
    withdrawal: tuple[str, ...]


def consents_said(policy: Policy, words: Words, today: date) -> Iterator[tuple[tuple[str, str], ConsentSaid]]:
    """Each purpose that people are asked about, by `SERVICE/PURPOSE` and language.

    Raises `AssertionError` where the receipt or the answer leaves something out, `PluginError` if a template cannot be
    rendered.
    """
    for slug, service in sorted(policy.services.items()):
        for purpose in service.purposes.purposes:
            ground = ground_of(service, purpose.id)
            if not _is_asked(service, purpose, ground):
                continue
            for language in policy.council.languages:
                yield (
                    (f"{slug}/{purpose.id}", language),
                    _said(policy, words, service, purpose, ground, language, today),
                )


def _is_asked(service: ServicePolicy, purpose: Purpose, ground: Ground) -> bool:
    """Whether people are asked about a purpose: it rests on consent, the policy has words for it, or a recipient needs
    their agreement."""
    needed = any(
        recipient.consent == "required" and purpose.id in recipient.purposes
        for recipient in service.recipients.recipients
    )
    return ground.kind == CONSENT or purpose.consent_wording is not None or needed


def _said(
    policy: Policy, words: Words, service: ServicePolicy, purpose: Purpose, ground: Ground, language: str, today: date
) -> ConsentSaid:
    which = f"of {service.service.slug}/{purpose.id} in {language}"
    voice = words.voice(policy.council, language, {}, WORDS)
    event = _given(policy, service, purpose, ground, language, today)
    receipt, page = receipt_and_page(policy, service.service.slug, voice, NOBODY, event, None)
    text = as_text(page)
    require_said(f"The receipt {which}", page, as_html(page), text)
    told = receipt.pii_processing
    facts = (event.wording or "", str(event.id), event.wording_sha256 or "", told.purpose, told.withdrawal_method,
             *event.named)  # fmt: skip
    _require_all(f"The receipt {which}", facts, text)
    following = follows(service, ground.kind, purpose.id, event.named, language)
    sentences = following.sentences(voice)
    stated = () if following.stated is None else (following.stated,)
    facts = (*stated, *following.stops, *following.starts, *following.stays)
    _require_all(f"What is said to somebody who withdraws {which}", facts, " ".join(sentences))
    require(bool(sentences), f"Nothing is said to somebody who withdraws {which}.")
    return ConsentSaid(receipt, text, sentences)


def _require_all(which: str, facts: tuple[str, ...], said: str) -> None:
    shown = squeezed(said)
    for fact in facts:
        require(squeezed(fact).rstrip(".") in shown, f"{which} leaves out: {fact}")


def _given(
    policy: Policy, service: ServicePolicy, purpose: Purpose, ground: Ground, language: str, today: date
) -> EventView:
    """What a made-up person agreed to, in the words of the policy where it has any."""
    named = dict(_named(service, purpose, language))
    wording = say(purpose.consent_wording, language) or MADE_UP
    at = datetime.combine(today, time(12), UTC)
    return EventView(
        id=NOBODY, number=1, kind=ground.kind, state="given", purpose=purpose.id, at=at, recorded_at=at,
        recorded_kind=None, recorded_by=None, policy_hash=policy.hash, categories=purpose.categories,
        recipients=tuple(named), named=tuple(named.values()), wording=wording, wording_sha256=wording_hash(wording),
        language=language, version_id=None, document_id=None, channel="in-person", how="signed",
        explicit=ground.explicit,
        expires_on=None if purpose.expires is None else add_period(today, parse_period(purpose.expires)),
        authority=None, about=None, evidence=(),
    )  # fmt: skip


def _named(service: ServicePolicy, purpose: Purpose, language: str) -> Iterator[tuple[str, str]]:
    """The keys and the names of whom the purpose names; of a kind of body each that is declared, or one made up."""
    for recipient in service.recipients.recipients:
        if recipient.id not in purpose.recipients:
            continue
        if recipient.kind != "kind-of-body":
            yield recipient_key(recipient.id), say(recipient.title, language)
        for body in recipient.bodies if recipient.kind == "kind-of-body" else ():
            yield recipient_key(recipient.id, body.id), say(body.name, language)
        if recipient.kind == "kind-of-body" and not recipient.bodies:
            yield recipient_key(recipient.id, SOMEBODY), SOMEBODY
