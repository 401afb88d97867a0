"""Fixtures for the tests of a plugin; loaded by pytest through the entry point."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import pytest

from muniment.testing.conformance import Conformance, conform

__all__ = ["Conforms", "muniment_conforms"]


class Conforms(Protocol):
    """What the fixture gives. `today` is a day in London, the present one unless given; `findings` as in `conform`."""

    def __call__(
        self, slug: str, package: str, plugin: object, *, today: date | None = None, findings: Path | None = None
    ) -> Conformance: ...


@pytest.fixture
def muniment_conforms() -> Conforms:
    """Call it with the council's slug, the package and the plugin: it must pass the conformance kit."""

    def conforms(
        slug: str, package: str, plugin: object, *, today: date | None = None, findings: Path | None = None
    ) -> Conformance:
        return conform(slug, package, plugin, today=today or datetime.now(UTC).date(), findings=findings)

    return conforms
