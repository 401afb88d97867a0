"""What pages, programs and commands show of one client's consents, and of their permissions: where each stands, what
would follow a withdrawal, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from muniment.api.text import Text, say
from muniment.clients.files import open_file
from muniment.consent.acts import Kind
from muniment.consent.following import follows
from muniment.consent.grounds import ground_of, purpose_of
from muniment.consent.history import EventView, events_of, with_evidence
from muniment.consent.standing import Standing, standings
from muniment.database.session import CouncilSession
from muniment.notices.words import Words
from muniment.policy.model import Policy, ServicePolicy
from muniment.policy.store import adopted
from muniment.web.callers import Caller

__all__ = ["AskedView", "ConsentsView", "StandingView", "asked_of", "consents_of", "read_consents"]


class StandingView(msgspec.Struct, frozen=True, kw_only=True):
    """Where one purpose stands. `names` are those of `standing.recipients`, in that order; `follows` is what would
    follow a withdrawal, as it is read to the person, empty where there is nothing to withdraw or its words fail."""

    purpose: str
    title: str
    standing: Standing
    names: tuple[str, ...]
    follows: tuple[str, ...]

    @property
    def may_withdraw(self) -> bool:
        """Whether there is something to withdraw."""
        return self.standing.state not in ("withdrawn", "requested", "refused")


class AskedView(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose that people may be asked about: the policy's words, absent where it gives none, by language, what it
    uses, whom it names, and whether nothing less than explicit consent will do."""

    purpose: str
    title: str
    wording: dict[str, str]
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    explicit: bool
    expires: str | None


class ConsentsView(msgspec.Struct, frozen=True, kw_only=True):
    """One client's consents, or permissions: where each stands, every event, the first first, and what they may be
    asked about."""

    standing: tuple[StandingView, ...]
    events: tuple[EventView, ...]
    asked: tuple[AskedView, ...]


def read_consents(session: CouncilSession, caller: Caller, words: Words, file_id: UUID, kind: Kind) -> ConsentsView:
    """The consents or the permissions of a client. Reading them is reading the file: an audit event.

    Raises `NotFound` if there is no such file that the caller may see, `Forbidden`.
    """
    file = open_file(session, caller, file_id)
    return consents_of(session, words, file_id, file.service, kind)


def consents_of(session: CouncilSession, words: Words, file_id: UUID, service: str, kind: Kind) -> ConsentsView:
    """As `read_consents`, of a file that was opened already."""
    policy = adopted(session)
    declared = policy.service(service)
    events = tuple(event for event in events_of(session, file_id) if event.kind == kind)
    return ConsentsView(
        standing=tuple(
            _standing(policy, words, declared, events, each)
            for each in standings(session, file_id)
            if each.kind == kind
        ),
        events=with_evidence(session, events),
        asked=asked_of(policy, declared, kind),
    )


def asked_of(policy: Policy, declared: ServicePolicy, kind: Kind) -> tuple[AskedView, ...]:
    """The purposes of a service that people may be asked about, in the order of the policy. Pure."""
    language, languages = policy.council.languages[0], policy.council.languages
    return tuple(
        AskedView(
            purpose=purpose.id,
            title=say(purpose.title, language),
            wording=_wording(purpose.consent_wording, languages),
            categories=purpose.categories,
            recipients=purpose.recipients,
            explicit=ground.explicit,
            expires=purpose.expires,
        )
        for purpose in declared.purposes.purposes
        if (ground := ground_of(declared, purpose.id)).kind == kind
    )


def _wording(words: Text | None, languages: Sequence[str]) -> dict[str, str]:
    """The words by language: one that has none of its own is not put in the place of another."""
    if words is None:
        return {}
    return (
        {code: words[code] for code in languages if code in words} if isinstance(words, dict) else {languages[0]: words}
    )


def _standing(
    policy: Policy, words: Words, declared: ServicePolicy, events: tuple[EventView, ...], found: Standing
) -> StandingView:
    language = policy.council.languages[0]
    purpose = purpose_of(declared, found.purpose)
    named = {
        key: name
        for event in events
        if event.purpose == found.purpose
        for key, name in zip(event.recipients, event.named, strict=True)
    }
    names = tuple(named[key] for key in found.recipients)
    told: tuple[str, ...] = ()
    if found.state not in ("withdrawn", "requested", "refused"):
        following = follows(declared, found.kind, found.purpose, names, language)
        told = following.said(words, policy.council, language)
    return StandingView(
        purpose=found.purpose,
        title=found.purpose if purpose is None else say(purpose.title, language),
        standing=found,
        names=names,
        follows=told,
    )
