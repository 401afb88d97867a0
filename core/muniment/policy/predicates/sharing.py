"""Recipients that say less than Art 13(1)(e) and purpose limitation ask."""

from __future__ import annotations

import re
from collections.abc import Iterator

from muniment.api.sharing import Recipient
from muniment.policy.scene import Hit, Predicate, Scene, words_of

__all__ = ["PREDICATES"]

UNEXPECTED = re.compile(r"\b(press|media|newspapers?|political|parties|councillors?)\b", re.IGNORECASE)
"""Recipients that nobody expects of a service, and that therefore need a purpose and a basis before all others."""


def recipient_without_purpose(scene: Scene) -> Iterator[Hit]:
    """A recipient, and no purpose for giving data."""
    yield from (
        Hit(f"{path}.purposes", entry.id)
        for path, entry in _recipients(scene)
        if not entry.purposes and entry.why is None and entry.match is None
    )


def recipient_without_basis(scene: Scene) -> Iterator[Hit]:
    """A recipient, and no lawful basis for giving data."""
    yield from (
        Hit(f"{path}.bases", entry.id)
        for path, entry in _recipients(scene)
        if not entry.bases and not (entry.match is not None and entry.match.statutes) and entry.kind != "the-person"
    )


def recipient_without_categories(scene: Scene) -> Iterator[Hit]:
    """A recipient, and no word of which data it may have."""
    yield from (Hit(f"{path}.categories", entry.id) for path, entry in _recipients(scene) if not entry.categories)


def recipient_unexpected(scene: Scene) -> Iterator[Hit]:
    """The public, the press or politicians as recipients, without purpose and basis."""
    for path, entry in _recipients(scene):
        unexpected = entry.kind == "the-public" or UNEXPECTED.search(words_of(entry.title))
        if unexpected and not (entry.bases and (entry.purposes or entry.why)):
            yield Hit(f"{path}.bases", words_of(entry.title))


def recipient_unnamed(scene: Scene) -> Iterator[Hit]:
    """A kind of recipient with no body named: it receives nothing until one is."""
    for path, entry in _recipients(scene):
        if entry.kind == "kind-of-body" and not entry.bodies and entry.party is None and entry.match is None:
            yield Hit(f"{path}.body", entry.id)


def recipients_open(scene: Scene) -> Iterator[Hit]:
    """A list of recipients that the source leaves open."""
    for slug, service in scene.services:
        if service.recipients.open_list:
            yield Hit(f"{slug}.open_list")
    yield from (Hit(path, entry.id) for path, entry in _recipients(scene) if entry.open_list)


def no_recipients(scene: Scene) -> Iterator[Hit]:
    """A service that says nothing about who receives data."""
    for slug, service in scene.services:
        if not service.recipients.recipients:
            yield Hit(f"{slug}.recipient", slug)


def match_without_data_sets(scene: Scene) -> Iterator[Hit]:
    """A statutory data match, and no word of which data are given."""
    yield from (
        Hit(f"{path}.match.data_sets", entry.id)
        for path, entry in _recipients(scene)
        if entry.match is not None and not entry.match.data_sets
    )


def match_without_statute(scene: Scene) -> Iterator[Hit]:
    """A data match said to be required, and no law named that requires it."""
    yield from (
        Hit(f"{path}.match.statutes", entry.id)
        for path, entry in _recipients(scene)
        if entry.match is not None and not entry.match.statutes
    )


def programme_without_notice(scene: Scene) -> Iterator[Hit]:
    """A recipient for a programme's sake, and no notice of that programme's own."""
    told = {
        (notice.programme, slug)
        for home, service in scene.services
        for notice in service.notices.notices
        for slug in notice.services or (home,)
    }
    for slug, service in scene.services:
        for entry in service.recipients.recipients:
            if entry.programme is not None and (entry.programme, slug) not in told:
                yield Hit(f"{slug}.recipient.{entry.id}.programme", entry.programme)


def abolished_body(scene: Scene) -> Iterator[Hit]:
    """A body named that is no more."""
    for path, entry in _recipients(scene):
        named = [(path, entry.title), *((f"{path}.body.{body.id}", body.name) for body in entry.bodies)]
        for where, name in named:
            for gone in scene.law.abolished:
                if gone.words.lower() in words_of(name).lower():
                    yield Hit(where, f"{gone.title}, since {gone.since.isoformat()} ({gone.provision})")


def _recipients(scene: Scene) -> Iterator[tuple[str, Recipient]]:
    for slug, service in scene.services:
        for entry in service.recipients.recipients:
            yield f"{slug}.recipient.{entry.id}", entry


PREDICATES: tuple[Predicate, ...] = (
    recipient_without_purpose,
    recipient_without_basis,
    recipient_without_categories,
    recipient_unexpected,
    recipient_unnamed,
    recipients_open,
    no_recipients,
    match_without_data_sets,
    match_without_statute,
    programme_without_notice,
    abolished_body,
)
