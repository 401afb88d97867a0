"""What a privacy notice says, before it has a form: sections of statements, each with a stable id and an origin.

The HTML, the plain text and the JSON are written from one `Document`, so that they cannot differ in a fact. Pure: the
same policy, words and language give the same document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from muniment.api.errors import NotFound
from muniment.api.notices import Notice
from muniment.api.text import say
from muniment.defaults.law import Law
from muniment.notices.telling import SECTIONS, Subject, Told, law_told, telling
from muniment.notices.words import Voice, Words
from muniment.policy.model import Policy

__all__ = [
    "Document",
    "NoticeRef",
    "Restated",
    "Section",
    "Statement",
    "assemble",
    "notices_of",
    "section_of",
    "statement_of",
]

Origin = Literal["council", "decision", "law"]


class NoticeRef(msgspec.Struct, frozen=True, order=True):
    """Which notice of a council: the service whose folder declares it, and its id there. `key` is both as one text."""

    service: str
    notice: str

    @property
    def key(self) -> str:
        return f"{self.service}/{self.notice}"


class Statement(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """One promise. `points` are the lines of a list below the text.

    `language` is given where these words exist in another language than the document's. `note` says whose a statement
    is, when it is not simply the council's document that speaks.
    """

    id: str
    origin: Origin
    text: str
    points: tuple[str, ...] = ()
    note: str = ""
    language: str = ""


class Section(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a notice with its heading."""

    id: str
    heading: str
    statements: tuple[Statement, ...]
    language: str = ""


class Restated(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """The council's own document that a notice restates; what the document does not say of itself is absent."""

    title: str
    version: str = ""
    dated: str = ""
    """ISO 8601."""


class Document(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """One notice in one language. `number` is its version, from 1, or None while it is not published.

    `council` and `service` are slugs, `council_name` the controller's name in the document's language; `policy` is the
    hash of the policy it was rendered from.
    """

    title: str
    council: str
    council_name: str
    service: str
    notice: str
    language: str
    number: int | None = None
    restates: Restated | None = None
    policy: str
    sections: tuple[Section, ...]
    contents_heading: str = ""
    version_words: str = ""

    def says_the_same_as(self, other: Document) -> bool:
        """Whether a reader would find no difference: number and policy hash are not the reader's."""
        blank = {"number": None, "policy": "", "version_words": ""}
        return msgspec.structs.replace(self, **blank) == msgspec.structs.replace(other, **blank)

    def statements(self) -> Iterator[Statement]:
        """Every statement, in order."""
        for section in self.sections:
            yield from section.statements


def notices_of(policy: Policy, service: str | None = None) -> tuple[NoticeRef, ...]:
    """The notices that a policy declares, in order of service; with `service`, those that cover it.

    Raises `NotFound` if there is no such service, or no notice at all.
    """
    if service is not None:
        policy.service(service)
    found = tuple(
        NoticeRef(slug, notice.id)
        for slug in sorted(policy.services)
        for notice in policy.services[slug].notices.notices
        if service is None or service in (notice.services or (slug,))
    )
    if not found:
        whose = f"the service {service}" if service else "any service"
        raise NotFound(f"The policy of {policy.council.slug} declares no notice for {whose}.")
    return found


def notice_named(policy: Policy, ref: NoticeRef) -> Notice:
    """The declared notice. Raises `NotFound`."""
    for notice in policy.service(ref.service).notices.notices:
        if notice.id == ref.notice:
            return notice
    raise NotFound(f"The policy of {policy.council.slug} declares no notice {ref.key}.")


def assemble(
    policy: Policy,
    ref: NoticeRef,
    language: str,
    law: Law,
    words: Words,
    *,
    number: int | None = None,
) -> Document:
    """Everything that `policy` declares for a notice, as statements in `language`.

    `law` is what the law asks today; the statements that the council's document lacks are added with origin `law`.
    Raises `NotFound` for an unknown notice, `PluginError` if a template cannot be rendered.
    """
    notice = notice_named(policy, ref)
    subject = Subject(policy, ref.service, notice)
    voice = words.voice(policy.council, language, subject.names)
    by_section: dict[str, list[Statement]] = {section: [] for section in SECTIONS}
    for told in (*telling(subject), *law_told(subject, law)):
        by_section[told.section].append(statement_of(policy, voice, told, language))
    return Document(
        title=say(notice.title, language),
        council=policy.council.slug,
        council_name=say(policy.council.name, language),
        service=ref.service,
        notice=ref.notice,
        language=language,
        number=number,
        restates=_restated(notice, language),
        policy=policy.hash,
        sections=tuple(
            section_of(voice, section, statements, language) for section, statements in by_section.items() if statements
        ),
        contents_heading=voice.phrase("contents_heading"),
        version_words=voice.phrase("version_words", number),
    )


def _restated(notice: Notice, language: str) -> Restated | None:
    document = notice.restates
    if document is None:
        return None
    dated = document.dated.isoformat() if document.dated else ""
    return Restated(title=say(document.title, language), version=document.version, dated=dated)


def section_of(voice: Voice, section: str, statements: Sequence[Statement], language: str) -> Section:
    """A part of a document with its heading in words."""
    said = voice.say("heading", section)
    return Section(
        id=section,
        heading=said.text,
        statements=tuple(statements),
        language="" if said.language == language else said.language,
    )


def statement_of(policy: Policy, voice: Voice, told: Told, language: str) -> Statement:
    """One thing told, in words, and whose it is."""
    origin: Origin = "law" if told.law else "decision" if _decided(policy, told.path) else "council"
    note = voice.phrase("decided_note") if origin == "decision" else ""
    said = voice.say(told.kind, told.about, **told.more)
    return Statement(
        id=told.id,
        origin=origin,
        text=said.text,
        points=said.points,
        note=note,
        language="" if said.language == language else said.language,
    )


def _decided(policy: Policy, path: str) -> bool:
    """Whether a decision settles something in what stands at `path`, or in what it stands in."""
    return any(
        decision.path == path or decision.path.startswith(f"{path}.") or path.startswith(f"{decision.path}.")
        for decision in policy.decisions
    )
