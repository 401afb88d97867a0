"""What somebody was asked and answered, held against the adopted policy. Pure: from what was sent to an entry.

Nothing is filled in for the person: the answer, the channel and the act have no default, and a kind of recipient is
named body by body (UK GDPR Arts 4(11), 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from muniment.api.consent import Purpose
from muniment.api.errors import InvalidInput
from muniment.api.periods import add_period, parse_period
from muniment.api.sharing import Recipient
from muniment.api.text import Language, is_blank, say
from muniment.clients.parsing import BadValue, check_day, parse_text
from muniment.clock import LONDON, Clock, london_day
from muniment.consent.acts import LIVE, Authority, Channel, How, Kind, body_of, recipient_key
from muniment.consent.grounds import ground_of, purpose_of
from muniment.consent.ledger import Entry
from muniment.policy.model import Policy, ServicePolicy

__all__ = [
    "Answer", "NamedRecipient", "NewAnswer", "NewEvidence", "check_language", "entry_of", "form_of", "instant_of",
    "named_of",
]  # fmt: skip

Answer = Literal["requested", "given", "refused", "reconfirmed"]

LONGEST_WORDING: Final = 20_000
LONGEST_NAME: Final = 200
MOST_RECIPIENTS: Final = 50

NO_PURPOSE = "The adopted policy declares no such purpose for this service; it declares: {known}."
IS_PERMISSION = (
    "This purpose does not rest on consent: the person's agreement to it is a permission, and is recorded as one."
)
IS_CONSENT = "This purpose rests on consent: the person's agreement to it is no mere permission."


class NamedRecipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may receive: the id of a declared recipient and, for a kind of body, the body, by its declared id or name or,
    where the policy leaves open which there are, as written."""

    recipient: str
    body: str | None = None


class NewEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that was handed in, in base64, and what it proves: the `consent`, or the `authority` of whoever acts for
    the person."""

    name: str
    media_type: str
    content: bytes
    proves: Literal["consent", "authority"] = "consent"


class NewAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody was asked, and what they answered.

    `wording` is what they were shown or read out, exactly; absent: the words of the adopted policy in `language`.
    `version` or `document` is the notice they had, a published version or an earlier document: one of the two.
    `channel` and `how` are required of an answer. `recipients` absent: those that the policy names for the purpose; of
    a refusal, which then is one of the purpose altogether, nobody. `on` is the day of the act, in London, today if
    absent; of one on which the policy asked in other words, or named others, the words and the recipients that were
    used then are given. `expires_on` may be earlier than the policy's, never later. `authority` is given when somebody
    acted for the person, with evidence of it. `form` are the fields of a form, as they were sent; with `files` it is
    kept as evidence as long as the client file is.
    """

    purpose: str
    answer: Answer
    language: str
    wording: str | None = None
    version: UUID | None = None
    document: UUID | None = None
    channel: Channel | None = None
    how: How | None = None
    recipients: tuple[NamedRecipient, ...] | None = None
    explicit: bool = False
    on: date | None = None
    expires_on: date | None = None
    authority: Authority | None = None
    form: dict[str, Any] | None = None
    files: tuple[NewEvidence, ...] = ()


def entry_of(policy: Policy, since: date, service: str, kind: Kind, new: NewAnswer, clock: Clock) -> Entry:
    """The event that an answer comes to under a policy that has asked in these words since the day `since`, its
    evidence and its notice still to be looked at.

    Raises `InvalidInput`.
    """
    declared = policy.service(service)
    purpose = purpose_of(declared, new.purpose)
    if purpose is None:
        known = ", ".join(entry.id for entry in declared.purposes.purposes) or "none"
        raise InvalidInput(NO_PURPOSE.format(known=known), where="purpose", code="undeclared-purpose")
    ground = ground_of(declared, new.purpose)
    if ground.kind != kind:
        message = IS_PERMISSION if kind == "consent" else IS_CONSENT
        raise InvalidInput(message, where="purpose", code="other-kind")
    _refuse_unproven(new)
    if new.answer in LIVE and ground.explicit and not new.explicit:
        message = "This purpose needs explicit consent (UK GDPR Art 9(2)(a)): say whether it was."
        raise InvalidInput(message, where="explicit", code="not-explicit")
    at = instant_of(clock, new.on, last=False)
    _refuse_words_of_later(purpose, since, new, london_day(at))
    check_language(new.language)
    meant = () if new.recipients is None and new.answer == "refused" else new.recipients
    keys, names = named_of(declared, purpose, meant, new.language)
    return Entry(
        kind=kind,
        state=new.answer,
        purpose=purpose.id,
        at=at,
        policy_hash=policy.hash,
        categories=purpose.categories,
        recipients=keys,
        named=names,
        wording=_wording(policy.council.languages, purpose, new),
        language=new.language,
        version_id=new.version,
        document_id=new.document,
        channel=new.channel,
        how=new.how,
        explicit=new.explicit and new.answer in LIVE,
        expires_on=_last_day(purpose, new, london_day(at)),
        authority=new.authority,
    )


def _refuse_unproven(new: NewAnswer) -> None:
    """What an answer cannot do without (UK GDPR Art 7(1))."""
    if new.answer == "requested":
        return
    if new.channel is None:
        raise InvalidInput("Say by which channel the answer came.", where="channel", code="no-channel")
    if new.how is None:
        raise InvalidInput("Say what the person did: signed, ticked, wrote or said so.", where="how", code="no-act")
    if (new.version is None) == (new.document is None) and new.answer in LIVE:
        message = "Name the notice that the person had: a published version or an earlier document, one of the two."
        raise InvalidInput(message, where="version", code="no-notice")
    if new.authority is not None and all(file.proves != "authority" for file in new.files):
        message = "Somebody acted for the person: add the evidence of their authority."
        raise InvalidInput(message, where="files", code="no-authority")


def _refuse_words_of_later(purpose: Purpose, since: date, new: NewAnswer, day: date) -> None:
    """An act of before the policy: nobody was shown its words then, or agreed to those whom it names."""
    if day >= since:
        return
    before = f"The policy has asked in these words since {since.isoformat()}, after that day: "
    if new.wording is None:
        raise InvalidInput(before + "give the words that were used then.", where="wording", code="later-policy")
    if new.recipients is None and new.answer != "refused" and purpose.recipients:
        raise InvalidInput(before + "name those who were named then.", where="recipients", code="later-policy")


def check_language(language: str) -> None:
    """Raise `InvalidInput` for what is no code of a language."""
    try:
        msgspec.convert(language, Language)
    except msgspec.ValidationError:
        message = "Give the language by its code of two letters: en, cy."
        raise InvalidInput(message, where="language", code="language") from None


def _wording(spoken: Sequence[str], purpose: Purpose, new: NewAnswer) -> str:
    """The words that were used. Those of the policy are taken for nobody's who was asked in another language; what it
    gives in no language in particular is in the council's first."""
    words, declared = new.wording, purpose.consent_wording
    if words is None:
        has = declared if isinstance(declared, dict) else spoken[:1]
        known = new.language in has or new.language.partition(".")[0] in has
        words = say(declared, new.language) if known else ""
    if is_blank(words):
        message = (
            "The adopted policy does not give the words that people agree to, in this language: give those that were "
            "used as `wording`, or have the council decide them."
        )
        raise InvalidInput(message, where="wording", code="no-wording")
    try:
        return parse_text(words.replace("\r\n", "\n"), LONGEST_WORDING)
    except BadValue as error:
        raise InvalidInput(f"The wording {error}.", where="wording", code=error.code) from None


def named_of(
    policy: ServicePolicy, purpose: Purpose | None, given: tuple[NamedRecipient, ...] | None, language: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys and the names of those who may receive, in order of key. Raises `InvalidInput`."""
    if given is None:
        given = tuple(NamedRecipient(each) for each in purpose.recipients) if purpose is not None else ()
    if len(given) > MOST_RECIPIENTS:
        raise InvalidInput(f"Name at most {MOST_RECIPIENTS} recipients.", where="recipients", code="too-many")
    allowed = purpose.recipients if purpose is not None and purpose.recipients else None
    declared = {entry.id: entry for entry in policy.recipients.recipients}
    found: dict[str, str] = {}
    for each in given:
        recipient = declared.get(each.recipient)
        if recipient is None or (allowed is not None and each.recipient not in allowed):
            known = ", ".join(allowed if allowed is not None else declared) or "none"
            message = f"The adopted policy names no such recipient for this purpose; it names: {known}."
            raise InvalidInput(message, where="recipients", code="undeclared-recipient")
        key, name = _named(recipient, each.body, language)
        found[key] = name
    keys = tuple(sorted(found))
    return keys, tuple(found[key] for key in keys)


def _named(recipient: Recipient, body: str | None, language: str) -> tuple[str, str]:
    if recipient.kind != "kind-of-body":
        if body is not None:
            message = f"The recipient {recipient.id} is one body: leave `body` out."
            raise InvalidInput(message, where="recipients", code="no-kind")
        return recipient_key(recipient.id), say(recipient.title, language)
    if body is None or is_blank(body):
        message = f"Name the body: {recipient.id} is a kind of recipient, and agreement to a kind names nobody."
        raise InvalidInput(message, where="recipients", code="unnamed-recipient")
    try:
        parse_text(body, LONGEST_NAME)
    except BadValue as error:
        raise InvalidInput(f"The name of the body {error}.", where="recipients", code=error.code) from None
    return body_of(recipient, body, language)


def _last_day(purpose: Purpose, new: NewAnswer, day: date) -> date | None:
    """The last day that an agreement counts, inclusive: the policy's, or an earlier one."""
    if new.answer not in LIVE:
        return None
    by_policy = None if purpose.expires is None else add_period(day, parse_period(purpose.expires))
    if new.expires_on is None:
        return by_policy
    if new.expires_on < day or (by_policy is not None and new.expires_on > by_policy):
        until = f" and {by_policy.isoformat()}" if by_policy else ""
        message = f"The last day lies on or after the day of the act{until}."
        raise InvalidInput(message, where="expires_on", code="expiry")
    return new.expires_on


def instant_of(clock: Clock, on: date | None, *, last: bool) -> datetime:
    """The instant of an act on a day in London: now if it is today, else the first (or the `last`) of that day.

    Of an agreement and a withdrawal on one past day the withdrawal so counts. Raises `InvalidInput` for a day to come.
    """
    now = clock.now()
    today = clock.today()
    if on is None or on == today:
        return now
    check_day(on, "on", today)
    start = datetime.combine(on + timedelta(days=1) if last else on, time(), LONDON)
    return (start - timedelta(microseconds=1) if last else start).astimezone(now.tzinfo)


def form_of(new: NewAnswer) -> bytes | None:
    """The fields of a form as they are kept, in canonical JSON; None without one."""
    return None if new.form is None else msgspec.json.encode(new.form, order="sorted")
