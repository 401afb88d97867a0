"""What the documents point at is there: relative links, and the files that decisions name as enforcing them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), ROOT / "core/README.md", *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
NAMED = re.compile(r"`((?:tests|[a-z]+)/[\w./]+(?:\.py|\.toml|/))`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda page: page.stem)
def test_what_enforces_a_decision_exists(page: Path) -> None:
    enforced = page.read_text(encoding="utf-8").partition("**Enforced by**")[2]
    named = NAMED.findall(enforced)
    assert named
    assert [path for path in named if not any((ROOT / top / path).exists() for top in (".", "core/muniment"))] == []
