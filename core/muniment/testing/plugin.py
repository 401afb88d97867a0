"""Fixtures for the tests of a plugin; loaded by pytest through the entry point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from muniment.testing.conformance import Conformance, conform

__all__ = ["muniment_conforms"]


@pytest.fixture
def muniment_conforms() -> Callable[[str, str, object], Conformance]:
    """Call it with the council's slug, the package and the plugin: it must pass the conformance kit as of today."""

    def conforms(slug: str, package: str, plugin: object) -> Conformance:
        return conform(slug, package, plugin, today=datetime.now(UTC).date())

    return conforms
