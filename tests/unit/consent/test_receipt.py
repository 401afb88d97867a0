"""What a receipt makes of an event and its policy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from muniment.api.clients import ClientDeclarations
from muniment.consent.history import EventView
from muniment.consent.receipt import receipt_of
from muniment.policy.model import Policy
from tests.unit.sharing.kit import CLIENTS, SERVICE, policy_of

NOBODY = UUID(int=1)
EVENT = EventView(
    id=UUID(int=2), number=1, kind="consent", state="given", purpose="stories", at=datetime(2026, 11, 20, tzinfo=UTC),
    recorded_at=datetime(2026, 11, 20, tzinfo=UTC), recorded_kind=None, recorded_by=None, policy_hash="",
    categories=("health",), recipients=(), named=(), wording="I agree.", wording_sha256="", language="en",
    version_id=None, document_id=None, channel="post", how="signed", explicit=True, expires_on=None, authority=None,
    about=None, evidence=(),
)  # fmt: skip


def policy_with(category: dict[str, Any]) -> Policy:
    policy = policy_of()
    clients = msgspec.convert(
        {**CLIENTS, "category": [{"id": "health", "title": "Health", **category}]}, ClientDeclarations
    )
    return replace(policy, services={SERVICE: replace(policy.services[SERVICE], clients=clients)})


@pytest.mark.parametrize(
    ("category", "special"),
    [
        ({"kind": "special", "field": [{"id": "note", "title": "Note"}]}, True),
        ({"characteristic": "health", "field": [{"id": "note", "title": "Note"}]}, True),
        ({"kind": "ordinary", "field": [{"id": "note", "title": "Note", "characteristic": "health"}]}, True),
        ({"kind": "ordinary", "field": [{"id": "note", "title": "Note"}]}, False),
    ],
)
def test_special_category_data_are_called_so_as_the_gate_calls_them(category: dict[str, Any], special: bool) -> None:
    receipt = receipt_of(policy_with(category), SERVICE, NOBODY, EVENT, None, "Write to us.")
    assert [each.special_pii_category for each in receipt.pii_processing.pii_information] == [special]
