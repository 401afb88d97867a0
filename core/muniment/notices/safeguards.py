"""What an appropriate policy document says: made of the adopted policy, a condition at a time (DPA 2018 Sch 1 para 39).

Pure: the same policy, words and condition give the same document. It says the procedures by which each principle of
Art 5 is kept in relying on the condition, and how long the data are kept, with the periods of the rules themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from muniment.api.consent import Condition
from muniment.api.errors import InvalidInput, NotFound
from muniment.api.notices import Notice
from muniment.api.text import say
from muniment.notices.document import Document, section_of, statement_of
from muniment.notices.telling import Subject, Told
from muniment.notices.words import Words
from muniment.policy.documents import needs_document
from muniment.policy.model import Policy
from muniment.policy.special import covers, slots_of

__all__ = ["FOLDERS", "condition_named", "policy_document"]

FOLDERS = ("policy_document", "privacy_notice")
"""Where the words are: its own, and for periods and provisions those of the notice."""

SECTIONS = ("about", "data", "principles", "retention", "keeping")
PROCEDURES = "procedures"
"""The path of what no declaration says: how this software keeps to the policy."""

PARTICULAR = frozenset({"1.1", "2.6", "2.8", "2.10"})
"""Conditions with terms of their own that the document repeats."""


def condition_named(policy: Policy, service: str, condition_id: str) -> Condition:
    """A condition that needs a document. Raises `NotFound`; `InvalidInput` for one that needs none or is incomplete."""
    for condition in policy.service(service).purposes.conditions:
        if condition.id == condition_id:
            if not needs_document(condition):
                message = (
                    f"The condition {condition_id} needs no appropriate policy document, or does not cite the one of "
                    "DPA 2018 Schedule 1 that its article needs."
                )
                raise InvalidInput(message, where="condition", code="no-document-needed")
            return condition
    raise NotFound(f"The service {service} has no condition {condition_id[:100]!r}.")


def policy_document(policy: Policy, service: str, condition_id: str, words: Words, number: int | None) -> Document:
    """The document for one condition, in the council's first language.

    Raises `NotFound`, `InvalidInput` as `condition_named` does, `PluginError` if a template cannot be rendered.
    """
    about = _About(policy, service, condition_named(policy, service, condition_id))
    language = policy.council.languages[0]
    voice = words.voice(policy.council, language, about.subject.names, *FOLDERS)
    by_section: dict[str, list[Any]] = {section: [] for section in SECTIONS}
    for told in about.telling():
        by_section[told.section].append(statement_of(policy, voice, told, language))
    return Document(
        title=voice.phrase("document_title", about.condition),
        council=policy.council.slug,
        council_name=say(policy.council.name, language),
        service=service,
        notice=condition_id,
        language=language,
        number=number,
        policy=policy.hash,
        sections=tuple(section_of(voice, name, said, language) for name, said in by_section.items() if said),
        contents_heading=voice.phrase("contents_heading"),
        version_words=voice.phrase("version_words", number),
    )


class _About:
    """One condition of a service, and what the policy declares that bears on it."""

    def __init__(self, policy: Policy, service: str, condition: Condition) -> None:
        self.policy, self.slug = policy, service
        self.condition = msgspec.structs.replace(condition, wording=None)  # it would take the place of every sentence
        self.declared = policy.service(service)
        self.path = f"{service}.condition.{condition.id}"
        stand_in = Notice(id=condition.id, title=condition.id, services=(service,))
        self.subject = Subject(policy, service, stand_in)

    @cached_property
    def purposes(self) -> tuple[Any, ...]:
        named = self.condition.purposes
        return tuple(entry for entry in self.declared.purposes.purposes if not named or entry.id in named)

    @cached_property
    def slots(self) -> tuple[Any, ...]:
        """The special category or criminal offence fields that the condition is for."""
        purposes = [purpose.id for purpose in self.purposes]
        return tuple(
            slot
            for slot in slots_of(self.declared).values()
            if slot.kind != "ordinary" and any(covers(self.condition, slot, purpose) for purpose in purposes)
        )

    @cached_property
    def classes(self) -> tuple[Any, ...]:
        """The record classes that store such data."""
        stored = {slot.category.id for slot in self.slots}
        return tuple(entry for entry in self.declared.retention.classes if stored.intersection(entry.categories))

    def telling(self) -> Iterator[Told]:
        """Everything the document says, in order."""
        condition, path = self.condition, self.path
        yield Told("about.condition", "about_condition", condition, path, {"service": self.declared.service})
        yield Told("about.law", "about_law", condition, PROCEDURES, law=True)
        if condition.in_words is not None:
            yield Told("about.in-words", "about_words", condition, path)
        if condition.statutes:
            yield Told("about.statutes", "about_statutes", condition, path)
        if condition.schedule_1 in PARTICULAR:
            yield Told("about.particular", "about_particular", condition.schedule_1, path)
        fields = [slot.field for slot in self.slots]
        yield Told("data.fields", "data_fields", condition, path, {"fields": fields})
        yield Told("data.purposes", "data_purposes", condition, path, {"purposes": self.purposes})
        if sources := [source.id for source in self.declared.clients.sources]:
            yield Told("data.sources", "data_sources", sources, f"{self.slug}.source")
        yield from self._principles()
        yield from self._retention()
        yield Told("keeping.document", "this_document", condition, PROCEDURES)

    def _principles(self) -> Iterator[Told]:
        wanted = {purpose.id for purpose in self.purposes}
        bases = [
            basis for basis in self.declared.purposes.bases if not basis.purposes or wanted.intersection(basis.purposes)
        ]
        notices = [notice.title for notice in self.declared.notices.notices]
        held_in = {name for entry in self.classes for name in entry.systems}
        systems = [entry.id for entry in self.declared.clients.systems if entry.id in held_in]
        yield Told("principles.lawfulness", "lawfulness", self.condition, PROCEDURES, {"bases": bases})
        if notices:
            yield Told("principles.transparency", "transparency", notices, PROCEDURES)
        yield Told("principles.purpose-limitation", "purpose_limitation", self.condition, PROCEDURES)
        classes = [entry.id for entry in self.classes]
        yield Told("principles.minimisation", "minimisation", classes, f"{self.slug}.class")
        yield Told("principles.accuracy", "accuracy", self.condition, PROCEDURES)
        yield Told("principles.storage-limitation", "storage_limitation", self.condition, PROCEDURES)
        yield Told("principles.security", "security", systems, f"{self.slug}.system")
        yield Told("principles.accountability", "accountability", self.condition, PROCEDURES)

    def _retention(self) -> Iterator[Told]:
        retention, mine = self.declared.retention, {entry.id: entry for entry in self.classes}
        yield Told("retention.periods", "periods_in_words", self.condition, PROCEDURES)
        covered: set[str] = set()
        for rule in retention.rules:
            classes = [mine[name] for name in rule.classes if name in mine]
            covered.update(entry.id for entry in classes)
            if classes:
                more = {"classes": classes, "all_classes": retention.classes,
                        "default_anchor": retention.defaults.anchor}  # fmt: skip
                yield Told(f"retention.{rule.id}", "rule", rule, f"{self.slug}.rule.{rule.id}", more)
        for entry in self.classes:
            if entry.id not in covered:
                yield Told(f"retention.class-{entry.id}", "undecided_period", entry, f"{self.slug}.class.{entry.id}")
        yield Told("retention.erasure", "erasure", self.condition, PROCEDURES)
