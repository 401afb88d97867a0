"""The operators' page lists every gauge there is and no other, with its labels, and its alarm names one of them."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from muniment.database.session import Database
from muniment.jobs.actors import Deployment
from muniment.keys import KeyRing
from muniment.plugins.manager import load_plugins
from muniment.settings import Settings
from muniment.wiring import gauges

PAGE = (Path(__file__).parents[3] / "docs/operators.md").read_text(encoding="utf-8").partition("### What to watch")[2]
ROW = re.compile(r"^\| `(muniment_\w+)` \| ([^|]+) \|", re.MULTILINE)


def test_every_gauge_has_a_row_and_every_row_a_gauge(settings: Settings, database: Database, keys: KeyRing) -> None:
    there = msgspec.structs.replace(settings, redis_url="redis://127.0.0.1:1/0")
    found = {gauge.name: gauge for gauge in gauges(Deployment(there, database, database.clock, keys, load_plugins([])))}
    rows = dict(ROW.findall(PAGE))
    assert rows.keys() == found.keys()
    assert len(ROW.findall(PAGE)) == len(found)
    for name, gauge in found.items():
        for label in set(gauge.labels) - {"council"}:
            assert f"by `{label}`" in rows[name]
    assert set(re.findall(r"expr: (\w+)", PAGE)) <= found.keys()
