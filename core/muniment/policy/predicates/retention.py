"""Retention rules that cannot be clocked yet, or say less than Art 13(2)(a) asks."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.api.periods import parse_keep
from muniment.api.retention import Clause, RetentionDeclarations, RetentionRule, When
from muniment.policy.scene import Hit, Predicate, Scene, words_of

__all__ = ["PREDICATES"]


def clause_without_anchor(scene: Scene) -> Iterator[Hit]:
    """A period that counts from no day."""
    for path, clause, retention, _ in _clauses(scene):
        if clause.keep is None or clause.anchor is not None or retention.defaults.anchor is not None:
            continue
        if parse_keep(clause.keep).kind != "permanent":
            yield Hit(f"{path}.from", clause.keep)


def anchor_in_words(scene: Scene) -> Iterator[Hit]:
    """A period that counts from something that no stored date tells."""
    for path, clause, _, _ in _clauses(scene):
        anchor = clause.anchor
        if anchor is not None and not anchor.is_named:
            yield Hit(f"{path}.from.event", words_of(anchor.in_words))


def clause_without_period(scene: Scene) -> Iterator[Hit]:
    """A criterion instead of a period."""
    for path, clause, _, _ in _clauses(scene):
        until_an_event = clause.anchor is not None and clause.in_words is None
        if clause.keep is None and clause.refer is None and not until_an_event:
            yield Hit(f"{path}.keep", words_of(clause.in_words))


def period_open(scene: Scene) -> Iterator[Hit]:
    """A range, a variable period, or one that is only about right."""
    for path, clause, _, _ in _clauses(scene):
        if clause.keep is not None and parse_keep(clause.keep).kind in ("range", "variable"):
            yield Hit(f"{path}.keep", clause.keep)
        elif clause.bound == "about":
            yield Hit(f"{path}.bound", clause.keep or "")


def condition_in_words(scene: Scene) -> Iterator[Hit]:
    """A clause whose condition no stored fact tells."""
    for path, clause, _, _ in _clauses(scene):
        when = clause.when
        if when is not None and when.in_words is not None and when == When(in_words=when.in_words):
            yield Hit(f"{path}.when", words_of(when.in_words))


def breadth_open(scene: Scene) -> Iterator[Hit]:
    """A clause of which the source does not say how much of the record it is about."""
    for path, clause, _, rule in _clauses(scene):
        if clause.breadth_open and not clause.classes:
            yield Hit(f"{path}.classes", ", ".join(rule.classes))


def precedence_not_stated(scene: Scene) -> Iterator[Hit]:
    """Deletion on request beside a period that may be longer, and no word of which prevails."""
    for path, clause, _, rule in _clauses(scene):
        if clause.when is None or not clause.when.request:
            continue
        others = [other.id for other in rule.clauses if other is not clause and not _mentions_request(other.when)]
        if others:
            yield Hit(path, ", ".join(others))


def action_not_stated(scene: Scene) -> Iterator[Hit]:
    """Nothing is said of what happens when the period is over."""
    for path, clause, retention, _ in _clauses(scene):
        if clause.action is None and retention.defaults.action is None and clause.keep not in (None, "permanent"):
            yield Hit(f"{path}.action")


def programme_period_absent(scene: Scene) -> Iterator[Hit]:
    """A period that stands in a programme's own notice, and no programme's is declared or decided."""
    for path, clause, retention, _ in _clauses(scene):
        if clause.refer is None or clause.refer.to != "programme-notice":
            continue
        wanted = clause.refer.id or (clause.when.in_programme if clause.when is not None else None)
        there = {period.programme for period in retention.programmes if period.keep is not None}
        if not there if wanted in (None, "any") else wanted not in there:
            slug = path.partition(".")[0]
            yield Hit(f"{slug}.programme" + (f".{wanted}" if wanted not in (None, "any") else ""), clause.id)


def reference_unresolved(scene: Scene) -> Iterator[Hit]:
    """A period that stands in a document that is not declared here, and nobody has said yet what it is."""
    for path, clause, _, _ in _clauses(scene):
        if clause.refer is None or clause.keep is not None:
            continue
        if clause.refer.to not in ("class", "programme-notice"):
            yield Hit(f"{path}.refer", words_of(clause.refer.title) or clause.refer.to)


def class_without_rule(scene: Scene) -> Iterator[Hit]:
    """A record class that no rule is about."""
    for slug, service in scene.services:
        ruled = {class_id for rule in service.retention.rules for class_id in rule.classes}
        for entry in service.retention.classes:
            if entry.id not in ruled:
                yield Hit(f"{slug}.rule.{entry.id}", entry.id)


def no_retention(scene: Scene) -> Iterator[Hit]:
    """A service that says nothing about how long data are kept."""
    for slug, service in scene.services:
        if not service.retention.rules:
            yield Hit(f"{slug}.rule", slug)


def _mentions_request(when: When | None) -> bool:
    if when is None:
        return False
    return when.request or _mentions_request(when.never) or any(_mentions_request(option) for option in when.either)


def _clauses(scene: Scene) -> Iterator[tuple[str, Clause, RetentionDeclarations, RetentionRule]]:
    for slug, service in scene.services:
        for rule in service.retention.rules:
            for clause in rule.clauses:
                yield f"{slug}.rule.{rule.id}.clause.{clause.id}", clause, service.retention, rule


PREDICATES: tuple[Predicate, ...] = (
    clause_without_anchor,
    anchor_in_words,
    clause_without_period,
    period_open,
    condition_in_words,
    breadth_open,
    precedence_not_stated,
    action_not_stated,
    programme_period_absent,
    reference_unresolved,
    class_without_rule,
    no_retention,
)
