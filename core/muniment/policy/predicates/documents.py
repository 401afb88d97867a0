"""The document that a notice restates: its age, the law it cites, its languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from muniment.api.council import Contact
from muniment.api.notices import Notice
from muniment.policy.paths import fields_of, walk_policy
from muniment.policy.scene import Hit, Predicate, Scene, words_of

__all__ = ["PREDICATES"]


def document_not_named(scene: Scene) -> Iterator[Hit]:
    """A notice that does not say which document of the council it restates, or that document has no date or version."""
    for path, notice, _ in scene.notices():
        if notice.restates is None:
            yield Hit(f"{path}.restates")
        elif _day(notice) is None and not notice.restates.version:
            yield Hit(f"{path}.restates.dated")


def document_older_than_the_law(scene: Scene) -> Iterator[Hit]:
    """A document from before the newest thing that every notice must tell."""
    newest = max((statement.in_force_from for statement in scene.law.statements), default=date.min)
    for path, notice, _ in scene.notices():
        day = _day(notice)
        if day is not None and day < newest:
            yield Hit(f"{path}.restates", f"{day.isoformat()}, the law's newest demand {newest.isoformat()}")


def document_review_overdue(scene: Scene) -> Iterator[Hit]:
    """A document that was to be reviewed by its own words."""
    for path, notice, _ in scene.notices():
        document = notice.restates
        if document is not None and document.next_review is not None and document.next_review < scene.today:
            yield Hit(f"{path}.restates.next_review", document.next_review.isoformat())


def provision_repealed(scene: Scene) -> Iterator[Hit]:
    """A provision cited that is no longer in force, or whose words have changed."""
    patterns = [(re.compile(entry.pattern, re.IGNORECASE), entry) for entry in scene.law.repealed]
    for slug, service in scene.services:
        cited: list[tuple[str, str]] = []
        for statute in service.purposes.statutes:
            title = words_of(statute.title)
            cited += ((f"{slug}.statute.{statute.id}", f"{title} {each}") for each in statute.provisions or ("",))
        for basis in service.purposes.bases:
            cited.append((f"{slug}.basis.{basis.id}", words_of(basis.in_words)))
        for condition in service.purposes.conditions:
            cited.append((f"{slug}.condition.{condition.id}", words_of(condition.in_words)))
        for path, words in cited:
            for pattern, entry in patterns:
                if pattern.search(words):
                    yield Hit(path, f"{entry.title}, since {entry.since.isoformat()}: {entry.now}")


def address_moved(scene: Scene) -> Iterator[Hit]:
    """An address given that is no longer the one to use."""
    for _, path, node in walk_policy(scene.policy):
        if isinstance(node, Contact):
            for moved in scene.law.moved:
                if moved.words in words_of(node.url):
                    yield Hit(f"{path}.url", moved.now)


def language_without_words(scene: Scene) -> Iterator[Hit]:
    """A text with words in some languages of the council and not in all."""
    languages = {language for language in scene.policy.council.languages if "." not in language}
    for _, path, node in walk_policy(scene.policy):
        for field in fields_of(type(node)):
            text = getattr(node, field.name)
            if field.encode_name in NOT_TEXTS or not isinstance(text, dict):
                continue
            missing = languages - set(text)
            if missing:
                yield Hit(f"{path}.{field.encode_name}", ", ".join(sorted(missing)))


NOT_TEXTS = frozenset({"values"})
"""Attributes that are tables and no texts in several languages."""


def _day(notice: Notice) -> date | None:
    document = notice.restates
    if document is None:
        return None
    days = [day for day in (document.dated, document.updated, document.reviewed) if day is not None]
    return max(days, default=None)


PREDICATES: tuple[Predicate, ...] = (
    document_not_named,
    document_older_than_the_law,
    document_review_overdue,
    provision_repealed,
    address_moved,
    language_without_words,
)
