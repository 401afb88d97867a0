"""What an address means under a council's own host name: that council's, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.web.hosts import address_under


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/", "/alpha/console"),
        ("/console/sign-in", "/alpha/console/sign-in"),
        ("/privacy/housing", "/alpha/privacy/housing"),
        ("/alpha/privacy/housing", "/alpha/privacy/housing"),
        ("/api/v1/councils/alpha", "/api/v1/councils/alpha"),
        ("/api/v1/councils/alpha/staff", "/api/v1/councils/alpha/staff"),
        ("/api/v1/councils/beta/staff", "/api/v1/councils"),
        ("/api/v1/councils/alphabet/staff", "/api/v1/councils"),
        ("/beta/privacy/housing", "/alpha"),
        ("//beta/console", "/alpha"),
    ],
)
def test_addresses(path: str, meant: str) -> None:
    assert address_under("alpha", path) == meant


@given(st.text("/.abet?%-").map(lambda rest: f"/{rest}"))
def test_nothing_leads_to_another_council(path: str) -> None:
    parts = [part for part in address_under("alpha", path).split("/") if part]
    assert parts[0] == "alpha" or parts[:3] == ["api", "v1", "councils"]
    assert parts[0] != "api" or parts[3:4] in ([], ["alpha"])
