"""The programmes a council's adopted policy knows: in no other can anybody be enrolled, and no other can end.

A misspelt programme would be a fact that no clause ever reads, and records would be kept or destroyed by the wrong
period without anybody noticing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muniment.api.errors import InvalidInput
from muniment.api.retention import Anchor, When
from muniment.policy.model import Policy, ServicePolicy

__all__ = ["known_programmes", "require_programme"]

ANY: Final = "any"
"""In a condition: any externally funded programme. It names none."""

ENROLMENT: Final = "enrolment"


def known_programmes(policy: Policy) -> frozenset[str]:
    """Every programme that a service of the policy names, whichever it is: a programme may serve several services."""
    named = (name for service in policy.services.values() for name in _of_service(service))
    return frozenset(name for name in named if name is not None) - {ANY}


def require_programme(policy: Policy, programme: str) -> None:
    """Raise `InvalidInput` for a programme that the policy does not name, with those that it does."""
    known = known_programmes(policy)
    if programme not in known:
        message = f"The adopted policy names no such programme; it names: {', '.join(sorted(known)) or 'none'}."
        raise InvalidInput(message, where="programme", code="undeclared-programme")


def _of_service(service: ServicePolicy) -> Iterator[str | None]:
    yield from (period.programme for period in service.retention.programmes)
    yield from (recipient.programme for recipient in service.recipients.recipients)
    yield from (controller.programme for controller in service.service.controllers)
    yield from (notice.programme for notice in service.notices.notices)
    yield from (basis.programme for basis in service.purposes.bases)
    for source in service.clients.imports:
        for column in source.columns:
            kind, _, programme = column.to.partition(":")
            if kind == ENROLMENT:
                yield programme
    yield from _of_anchor(service.retention.defaults.anchor)
    yield from (name for period in service.retention.programmes for name in _of_anchor(period.anchor))
    for rule in service.retention.rules:
        for clause in rule.clauses:
            yield from _of_anchor(clause.anchor)
            yield from _of_condition(clause.when)
            if clause.refer is not None and clause.refer.to == "programme-notice":
                yield clause.refer.id


def _of_anchor(anchor: Anchor | None) -> Iterator[str | None]:
    if anchor is None:
        return
    yield anchor.programme
    for inner in anchor.either:
        yield from _of_anchor(inner)


def _of_condition(when: When | None) -> Iterator[str | None]:
    if when is None:
        return
    yield when.in_programme
    for anchor in (when.anchor, when.before, when.after):
        yield from _of_anchor(anchor)
    for inner in (*when.either, when.never):
        yield from _of_condition(inner)
