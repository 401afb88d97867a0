"""What is held about people: where it comes from, what kind it is, where its values can be stored."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.policy.scene import Hit, Predicate, Scene

__all__ = ["PREDICATES"]


def no_categories(scene: Scene) -> Iterator[Hit]:
    """A service that says nothing about what it holds."""
    for slug, service in scene.services:
        if not service.clients.categories:
            yield Hit(f"{slug}.category", slug)


def category_without_source(scene: Scene) -> Iterator[Hit]:
    """A category that no source is said to give. A source that gives nothing in particular leaves it open."""
    for slug, service in scene.services:
        given = {category for source in service.clients.sources for category in source.gives}
        for category in service.clients.categories:
            if category.id not in given:
                yield Hit(f"{slug}.category.{category.id}", category.id)


def source_without_categories(scene: Scene) -> Iterator[Hit]:
    """A source, and no word of what it gives."""
    for slug, service in scene.services:
        for source in service.clients.sources:
            if not source.gives:
                yield Hit(f"{slug}.source.{source.id}.gives", source.id)


def source_publicity_not_stated(scene: Scene) -> Iterator[Hit]:
    """A source other than the person, and no word of whether it is publicly accessible."""
    for slug, service in scene.services:
        for source in service.clients.sources:
            if source.kind == "body" and source.publicly_accessible is None:
                yield Hit(f"{slug}.source.{source.id}.publicly_accessible", source.id)


def kind_not_stated(scene: Scene) -> Iterator[Hit]:
    """A category that may or may not be special."""
    for slug, service in scene.services:
        for category in service.clients.categories:
            if category.kind is None:
                yield Hit(f"{slug}.category.{category.id}.kind", category.id)


def categories_open(scene: Scene) -> Iterator[Hit]:
    """A list of data that the source leaves open."""
    for slug, service in scene.services:
        for category in service.clients.categories:
            if category.open_list:
                yield Hit(f"{slug}.category.{category.id}", category.id)
        for source in service.clients.sources:
            if source.open_list:
                yield Hit(f"{slug}.source.{source.id}", source.id)


def category_without_class(scene: Scene) -> Iterator[Hit]:
    """A category whose values belong to no record class, so that nothing says how long they are kept."""
    for slug, service in scene.services:
        stored = {category for entry in service.retention.classes for category in entry.categories}
        for category in service.clients.categories:
            if category.id not in stored:
                yield Hit(f"{slug}.category.{category.id}", category.id)


def paper_without_place(scene: Scene) -> Iterator[Hit]:
    """Records on paper in a service that says where its data are kept, and names no place for paper."""
    for slug, service in scene.services:
        media = {system.medium for system in service.clients.systems}
        if not media or "paper" in media:
            continue
        on_paper = [entry.id for entry in service.retention.classes if "paper" in entry.media]
        if on_paper:
            yield Hit(f"{slug}.system", ", ".join(on_paper))


PREDICATES: tuple[Predicate, ...] = (
    no_categories,
    category_without_source,
    source_without_categories,
    source_publicity_not_stated,
    kind_not_stated,
    categories_open,
    category_without_class,
    paper_without_place,
)
