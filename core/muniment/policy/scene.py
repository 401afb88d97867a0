"""What a predicate looks at, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from muniment.api.consent import Basis
from muniment.api.council import Contact, Party
from muniment.api.notices import Notice
from muniment.api.text import Text
from muniment.defaults.law import Law
from muniment.policy.model import Policy, ServicePolicy

__all__ = ["Hit", "Predicate", "Scene", "articles", "words_of"]


@dataclass(frozen=True)
class Hit:
    """Where something was found; `what` fills the check's message."""

    path: str
    what: str = ""


@dataclass(frozen=True)
class Scene:
    """A policy, the law and the day it is looked at. `documented` are the paths of conditions for which a policy
    document that was approved here is in force."""

    policy: Policy
    law: Law
    today: date
    documented: frozenset[str] = frozenset()

    @property
    def services(self) -> Iterator[tuple[str, ServicePolicy]]:
        """Slug and policy of each service, in order of slug."""
        return iter(sorted(self.policy.services.items()))

    def notices(self) -> Iterator[tuple[str, Notice, ServicePolicy]]:
        """Path, notice and the service in whose folder it stands. A programme's own notice is not among them: it holds
        besides the service's, which tells the rest."""
        for slug, service in self.services:
            for notice in service.notices.notices:
                if notice.programme is None:
                    yield f"{slug}.notice.{notice.id}", notice, service

    @cached_property
    def own_party(self) -> Party | None:
        """The council itself among its parties."""
        council = self.policy.council
        return next((party for party in council.parties if party.id == council.own_party), None)

    def dpo(self, notice: Notice) -> Contact | None:
        """The data protection officer's contact as a notice or the council gives it."""
        return notice.dpo or (self.own_party.dpo if self.own_party is not None else None)


Predicate = Callable[[Scene], Iterator[Hit]]


def words_of(text: Text | None) -> str:
    """All the words of a text, in every language."""
    if text is None:
        return ""
    return text if isinstance(text, str) else " ".join(text.values())


def articles(bases: tuple[Basis, ...]) -> frozenset[str]:
    """The Article 6 points that a service claims."""
    return frozenset(basis.article for basis in bases if basis.article is not None)
