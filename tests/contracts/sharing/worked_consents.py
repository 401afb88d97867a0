"""What the demonstration's clients agree to, for `docs/worked-cases.md`: asked, answered, told, given, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from muniment.api.decoding import decode_toml
from muniment.api.text import say
from muniment.cli.demonstration.consents import Stories, Story
from muniment.consent.asking import NamedRecipient, named_of
from muniment.consent.following import Following, follows
from muniment.consent.grounds import ground_of, purpose_of
from muniment.policy.model import Policy
from muniment.sharing.gate import Decision, decide
from muniment.sharing.question import Agreed, Circumstances, Facts, Question
from tests.unit.notices.made import all_words

__all__ = ["answered", "consents", "following", "stories_of"]

FOLDER = Path(__file__).parents[3] / "deploy" / "demo" / "consents"

INTRODUCTION = """
### What generated clients agree to

The demonstration records these, each about a client of its own, and prints where to look at them: the ledger, the
receipt with the whole notice, the register.
"""


def stories_of(council: str) -> tuple[Story, ...]:
    """What the demonstration tells of a council's clients."""
    file = FOLDER / f"{council}.toml"
    return decode_toml(file.read_bytes(), Stories, file=file.name).stories


def following(policy: Policy, story: Story) -> Following:
    """What follows if it is withdrawn."""
    declared, language = policy.service(story.service), policy.council.languages[0]
    named = () if story.recipient is None else (NamedRecipient(story.recipient, story.body),)
    _, names = named_of(declared, purpose_of(declared, story.purpose), named, language)
    return follows(declared, ground_of(declared, story.purpose).kind, story.purpose, names, language)


def answered(policy: Policy, story: Story, state: str) -> Decision:
    """What the gate says to the story's recipient while the client's agreement is in a state."""
    question = Question(service=story.service, recipient=str(story.recipient), purpose=story.purpose,
                        fields=story.fields, body=story.body)  # fmt: skip
    agreed = Agreed(state, named=True)
    facts = Facts(held=frozenset(story.fields), consent=agreed, permission=agreed, obtained_elsewhere=False)
    return decide(policy, question, Circumstances(), facts)


def consents(council: str, policy: Policy) -> Iterator[str]:
    """The part of the document about one council."""
    yield ""
    yield INTRODUCTION.strip()
    for story in stories_of(council):
        declared, language = policy.service(story.service), policy.council.languages[0]
        purpose = purpose_of(declared, story.purpose)
        assert purpose is not None
        kind = ground_of(declared, story.purpose).kind
        yield ""
        yield f"**{story.words}**"
        yield ""
        yield f"- Purpose: {say(purpose.title, language)}. What is recorded is a {kind}."
        yield f"- Asked: “{say(purpose.consent_wording, language)}”"
        yield f"- Answer: {story.answer} ({story.how}, {story.channel.replace('-', ' ')})"
        if story.recipient is not None:
            now = answered(policy, story, story.answer)
            yield f"- {story.body or _title(policy, story)} asks for {_fields(story)}: {_told(now)}"
        if story.withdrawn is not None:
            said = following(policy, story).said(all_words(), policy.council, language)
            yield f"- Withdrawn ({story.withdrawn.replace('-', ' ')}), and told: {' '.join(said)}"
            if story.recipient is not None:
                yield f"- Asked again: {_told(answered(policy, story, 'withdrawn'))}"


def _title(policy: Policy, story: Story) -> str:
    recipients = policy.service(story.service).recipients.recipients
    return say(next(one.title for one in recipients if one.id == story.recipient), policy.council.languages[0])


def _fields(story: Story) -> str:
    return ", ".join(f"`{name}`" for name in story.fields)


def _told(found: Decision) -> str:
    against = " ".join(reason.sentence for reason in found.reasons if not reason.speaks_for)
    return "**yes**" if found.allowed else f"**no**. {against}"
