"""What a check of a policy finds: one thing, where it is, and what the law has to say about it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from muniment.defaults.law import Level

__all__ = ["LEVELS", "Finding", "Level", "worst_first"]

LEVELS: tuple[Level, ...] = ("error", "gap", "decided", "note")
"""From what stops an adoption to what is merely worth knowing."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One finding. `id` is stable; `path` is where it is and, for a gap, what to decide; `provision` is of the law.

    `plugin` is the distribution that declared what is found; empty where it is the silence that is found.
    """

    id: str
    level: Level
    path: str
    message: str
    provision: str = ""
    plugin: str = ""


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then gaps, decided ones, notes; within a level by path."""
    return tuple(sorted(findings, key=lambda found: (LEVELS.index(found.level), found.path, found.id)))
