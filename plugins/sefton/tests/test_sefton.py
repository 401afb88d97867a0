"""The plugin passes the kit; what the law finds in the council's document is pinned in `findings.txt` beside this.

A change there means that the law, the document or the declarations changed: each is somebody's decision, so look at it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from muniment.testing.plugin import Conforms
from muniment_sefton import plugin

TODAY = date(2026, 11, 20)


def test_it_conforms(muniment_conforms: Conforms) -> None:
    findings = Path(__file__).with_name("findings.txt")
    muniment_conforms("sefton", "muniment_sefton", plugin, today=TODAY, findings=findings)
