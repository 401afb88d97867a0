"""What follows when somebody withdraws: told before it is asked and when it is done (UK GDPR Art 7(3)).

The facts come from the adopted policy, the sentences from the templates of words; what the policy does not say is said
to be unsaid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec
import structlog

from muniment.api.council import Council
from muniment.api.errors import PluginError
from muniment.api.retention import Anchor
from muniment.api.text import Text, say
from muniment.consent.acts import Kind
from muniment.consent.grounds import ground_of, purpose_of
from muniment.notices.words import Voice, Words
from muniment.policy.model import ServicePolicy

__all__ = ["WORDS", "Following", "follows"]

log = structlog.get_logger(__name__)

WORDS = "consent"
"""The folder of templates in which a plugin of words has what is said about consents."""


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """What a withdrawal brings about. `stated` are the policy's own words, null where it has none.

    `stops` names those who receive nothing more on it, `starts` the record classes whose period then begins, and
    `stays` the other bases on which the purpose goes on. `agreed_again` is the day on which they had agreed afresh by
    the time that an earlier withdrawal was written down: that agreement stands.
    """

    kind: Kind
    purpose: str
    stated: str | None
    stops: tuple[str, ...]
    starts: tuple[str, ...]
    stays: tuple[str, ...]
    agreed_again: date | None = None

    def said(self, words: Words, council: Council, language: str) -> tuple[str, ...]:
        """As sentences to be read to the person. Where templates fail the policy's own words are left, if it has any:
        nobody is kept from withdrawing by a sentence."""
        try:
            return self.sentences(words.voice(council, language, {}, WORDS))
        except PluginError as error:
            log.error("words_failed", plugin=error.plugin, hook=error.hook)
            return (self.stated,) if self.stated and self.agreed_again is None else ()

    def sentences(self, voice: Voice) -> tuple[str, ...]:
        """The sentences, each fact in one of them. Raises `PluginError` where a template fails."""
        stops = voice.phrase("withdrawal_stops", self.stops) if self.stops else ""
        if self.agreed_again is not None:
            return tuple(line for line in (voice.phrase("withdrawal_overtaken", self.agreed_again), stops) if line)
        said = [
            voice.phrase("withdrawal_stated", self.stated) if self.stated else voice.phrase("withdrawal_unstated"),
            stops,
            voice.phrase("withdrawal_starts", self.starts) if self.starts else "",
            voice.phrase("withdrawal_stays", self.stays) if self.stays else "",
            voice.phrase("withdrawal_before", self.kind),
        ]
        return tuple(line for line in said if line)


def follows(policy: ServicePolicy, kind: Kind, purpose_id: str, named: Sequence[str], language: str) -> Following:
    """What follows a withdrawal from a purpose; `named` are those who then receive nothing more. Pure."""
    purpose = purpose_of(policy, purpose_id)
    return Following(
        kind=kind,
        purpose=purpose_id if purpose is None else say(purpose.title, language),
        stated=_stated(policy, purpose.withdrawal if purpose is not None else None, language),
        stops=tuple(named),
        starts=tuple(dict.fromkeys(_started(policy, language))) if kind == "consent" else (),
        stays=ground_of(policy, purpose_id).words(language),
    )


def _stated(policy: ServicePolicy, own: Text | None, language: str) -> str | None:
    """What the purpose says follows, else what a notice of the service says in general."""
    texts = [own, *(notice.withdrawal for notice in policy.notices.notices)]
    return next((say(text, language) for text in texts if text is not None), None)


def _started(policy: ServicePolicy, language: str) -> Iterator[str]:
    """The classes of which a clause counts from a withdrawal."""
    titles = {entry.id: say(entry.title, language) for entry in policy.retention.classes}
    for rule in policy.retention.rules:
        for clause in rule.clauses:
            if clause.anchor is not None and _counts_from_withdrawal(clause.anchor):
                yield from (titles.get(entry, entry) for entry in clause.classes or rule.classes)


def _counts_from_withdrawal(anchor: Anchor) -> bool:
    return anchor.event == "consent-withdrawn" or any(_counts_from_withdrawal(inner) for inner in anchor.either)
