"""What a restore does with a line of the ledger whose commit nobody saw: it decides for keeping, and against giving."""

from __future__ import annotations

import pytest

from muniment.database.ids import random_id
from muniment.retention.evidence.keeping import keeps_in_doubt
from muniment.retention.evidence.ledger import Line


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(
    ("table", "column", "lets_go"),
    [("hold", "released_at", False), ("extension", "ended_at", False), ("client_limit", "ended_at", False),
     ("sharing_stop", "ended_on", False), ("arming", "ended_at", True), ("sharing_agreement", "ended_because", True)],
)  # fmt: skip
def test_in_doubt_what_keeps_stands_and_what_lets_go_has_ended(
    table: str, column: str, lets_go: bool, ended: bool
) -> None:
    line = Line("intend", random_id(), keeps=True, evidence={table: [{column: "2026-11-20" if ended else None}]})
    assert keeps_in_doubt(line) is (ended is lets_go)
