"""What a purpose rests on, as the adopted policy states it: consent alone, other bases, or nothing stated. Pure.

Only what the policy says of this very purpose counts for or against consent: a basis whose purposes the source does not
say takes nothing away from another's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from muniment.api.consent import Basis, Purpose
from muniment.api.law import ARTICLE_6
from muniment.api.text import say
from muniment.consent.acts import CONSENT, PERMISSION, Kind
from muniment.policy.model import ServicePolicy

__all__ = ["CONSENT_ARTICLE", "Ground", "ground_of"]

CONSENT_ARTICLE: Final = "6.1.a"
EXPLICIT_ARTICLE: Final = "9.2.a"


class Ground(msgspec.Struct, frozen=True):
    """What one purpose rests on. `bases` are those stated for it other than consent.

    `consent_alone`: with the consent goes the basis (UK GDPR Art 17(1)(b)). `explicit`: a condition for special
    category data is explicit consent (Art 9(2)(a)), so nothing less is one.
    """

    purpose: str
    consent_alone: bool
    explicit: bool
    bases: tuple[Basis, ...]

    @property
    def kind(self) -> Kind:
        """What the person's agreement to this purpose is."""
        return CONSENT if self.consent_alone or self.explicit else PERMISSION

    def words(self, language: str) -> tuple[str, ...]:
        """Each basis other than consent, in words."""
        return tuple(_words(basis, language) for basis in self.bases)


def ground_of(policy: ServicePolicy, purpose_id: str) -> Ground:
    """What a purpose rests on; nothing is stated of one that the policy does not declare."""
    stated = [basis for basis in policy.purposes.bases if purpose_id in basis.purposes]
    others = tuple(basis for basis in stated if basis.article != CONSENT_ARTICLE)
    declared = purpose_of(policy, purpose_id)
    marked = declared is not None and declared.consent
    explicit = any(
        condition.article == EXPLICIT_ARTICLE and purpose_id in condition.purposes
        for condition in policy.purposes.conditions
    )
    alone = marked or (bool(stated) and not others)
    return Ground(purpose_id, alone, explicit, () if marked else others)


def purpose_of(policy: ServicePolicy, purpose_id: str) -> Purpose | None:
    """The declared purpose, or None."""
    return next((entry for entry in policy.purposes.purposes if entry.id == purpose_id), None)


def _words(basis: Basis, language: str) -> str:
    if basis.article is None:
        return say(basis.in_words, language)
    return f"{ARTICLE_6[basis.article]} (UK GDPR Art {_as_printed(basis.article)})"


def _as_printed(article: str) -> str:
    """`6.1.e` as lawyers write it: 6(1)(e)."""
    first, *rest = article.split(".")
    return first + "".join(f"({part})" for part in rest)
