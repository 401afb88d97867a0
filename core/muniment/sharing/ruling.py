"""What a rule of the gate is made of, and the case that it judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from muniment.sharing.question import Circumstances, Facts
from muniment.sharing.terms import Terms

__all__ = ["FAILS", "PASSES", "Case", "Rule", "Ruling", "passes_if"]

Ruling = tuple[str, ...] | None
"""What speaks against: names of fields, categories or states, for the sentence. None: the rule is not about it."""

PASSES: Ruling = ()
FAILS: Ruling = ("",)


class Case(msgspec.Struct, frozen=True, gc=False):
    """A question with what the policy says about it, what is known around it, and what is known of one client."""

    terms: Terms
    around: Circumstances
    facts: Facts


@dataclass(frozen=True)
class Rule:
    """One rule. `against` may hold `{what}`: what the ruling names."""

    id: str
    provision: str
    speaks_for: str
    against: str
    judge: Callable[[Case], Ruling]

    def sentence_against(self, what: tuple[str, ...]) -> str:
        """The sentence against, about what the ruling names."""
        return self.against.replace("{what}", ", ".join(name.removesuffix(".") for name in what if name))


def passes_if(condition: bool) -> Ruling:
    """The ruling of a rule that names nothing."""
    return PASSES if condition else FAILS
