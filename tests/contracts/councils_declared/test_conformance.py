"""Both councils and the test policies pass the kit that Muniment gives to authors of plugins."""

from __future__ import annotations

from datetime import date
from importlib import import_module

import pytest

from muniment.testing.conformance import conform
from tests.policies import TEST_POLICIES

TODAY = date(2026, 11, 20)
PACKAGES = {"milton-keynes": "muniment_milton_keynes", "sefton": "muniment_sefton", **TEST_POLICIES}


@pytest.mark.parametrize("slug", PACKAGES)
def test_it_conforms(slug: str) -> None:
    result = conform(slug, PACKAGES[slug], import_module(PACKAGES[slug]).plugin, today=TODAY)
    assert result.compiled.sound().council.slug == slug
    assert result.findings
