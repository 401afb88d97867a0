"""Purposes and their lawful bases (UK GDPR Arts 5, 6 and 13(1)(c))."""

from __future__ import annotations

import re
from collections.abc import Iterator

from muniment.policy.scene import Hit, Predicate, Scene, words_of

__all__ = ["PREDICATES"]

DATA_PROTECTION = re.compile(r"data protection", re.IGNORECASE)


def no_basis(scene: Scene) -> Iterator[Hit]:
    """A service that states no lawful basis at all."""
    for slug, service in scene.services:
        if not service.purposes.bases:
            yield Hit(f"{slug}.basis", slug)


def no_purpose(scene: Scene) -> Iterator[Hit]:
    """A service that states no purpose."""
    for slug, service in scene.services:
        if not service.purposes.purposes:
            yield Hit(f"{slug}.purpose", slug)


def purpose_without_basis(scene: Scene) -> Iterator[Hit]:
    """A purpose that no basis is mapped to."""
    for slug, service in scene.services:
        mapped = {purpose for basis in service.purposes.bases for purpose in basis.purposes}
        for purpose in service.purposes.purposes:
            if purpose.id not in mapped and not purpose.consent:
                yield Hit(f"{slug}.purpose.{purpose.id}", purpose.id)


def basis_without_article(scene: Scene) -> Iterator[Hit]:
    """A basis in words alone."""
    for slug, service in scene.services:
        for basis in service.purposes.bases:
            if basis.article is None:
                yield Hit(f"{slug}.basis.{basis.id}.article", basis.id)


def basis_without_enactment(scene: Scene) -> Iterator[Hit]:
    """A legal obligation or a public task without the law that lays it down: data-protection law itself is none."""
    for slug, service in scene.services:
        titles = {statute.id: words_of(statute.title) for statute in service.purposes.statutes}
        for basis in service.purposes.bases:
            named = [titles.get(statute, "") for statute in basis.statutes]
            if basis.article in ("6.1.c", "6.1.e") and all(DATA_PROTECTION.search(title) for title in named):
                yield Hit(f"{slug}.basis.{basis.id}.statutes", basis.id)


def basis_not_for_public_tasks(scene: Scene) -> Iterator[Hit]:
    """Legitimate interests, recognised or not, which public authorities may not use for their tasks."""
    for slug, service in scene.services:
        for basis in service.purposes.bases:
            if basis.article in ("6.1.f", "6.1.ea"):
                yield Hit(f"{slug}.basis.{basis.id}", basis.id)


def consent_without_wording(scene: Scene) -> Iterator[Hit]:
    """A purpose that rests on consent, without the words that people agree to."""
    for slug, service in scene.services:
        for purpose in service.purposes.purposes:
            if purpose.consent and purpose.consent_wording is None:
                yield Hit(f"{slug}.purpose.{purpose.id}.consent_wording", purpose.id)


def example_purposes(scene: Scene) -> Iterator[Hit]:
    """Purposes given as examples of an open set."""
    for slug, service in scene.services:
        for purpose in service.purposes.purposes:
            if purpose.example:
                yield Hit(f"{slug}.purpose.{purpose.id}", purpose.id)


PREDICATES: tuple[Predicate, ...] = (
    no_basis,
    no_purpose,
    purpose_without_basis,
    basis_without_article,
    basis_without_enactment,
    basis_not_for_public_tasks,
    consent_without_wording,
    example_purposes,
)
