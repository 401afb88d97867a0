"""For which purposes a value may be held to be given for the one that was asked for."""

from __future__ import annotations

from typing import Any

from muniment.sharing.gathering import held_for
from muniment.sharing.terms import terms_of
from tests.unit.sharing.kit import PURPOSES, QUESTION, policy_of

ADDED: dict[str, dict[str, Any]] = {
    "planning": {"article": "6.1.e", "statutes": ["localism"]},
    "leaflets": {"article": "6.1.a"},
    "surveys": {},
    "studies": {"article": "6.1.e", "statutes": ["localism"]},
}
"""Purposes with the only basis that is stated for each."""


def test_what_is_held_on_consent_alone_is_compatible_with_nothing() -> None:
    """Marked so, or by the only basis stated (UK GDPR Art 8A(4)), not by a condition of explicit consent besides."""
    bases = [{"id": name, "purposes": [name], **basis} for name, basis in ADDED.items() if basis]
    purposes = {
        **PURPOSES,
        "purpose": [*PURPOSES["purpose"], *({"id": name, "title": name} for name in ADDED)],
        "basis": [
            *PURPOSES["basis"],
            *bases,
        ],
        "condition": [*PURPOSES["condition"], {"id": "studies", "article": "9.2.a", "purposes": ["studies"]}],
    }
    policy = policy_of({"compatible": ["planning", "stories", "leaflets", "surveys", "studies"]}, purposes)
    assert held_for(policy, terms_of(policy, QUESTION)) == ["support", "planning", "surveys", "studies"]
