"""The gate: may these fields of this client go to this recipient for this purpose now?

Pure: the policy, the question and what is known go in, a decision comes out. It is yes only if no rule speaks against,
and it says every reason, for and against. One implementation serves a client and a batch: a `Gate` judges what is the
same for all once, and what differs once for each combination of facts.
"""

from __future__ import annotations

import msgspec

from muniment.policy.model import Policy
from muniment.sharing.question import Circumstances, Facts, Question
from muniment.sharing.rules import ABOUT_THE_CLIENT, ABOUT_THE_QUESTION
from muniment.sharing.ruling import Case, Rule, Ruling
from muniment.sharing.terms import Terms, terms_of

__all__ = ["Decision", "Gate", "Reason", "decide"]


class Reason(msgspec.Struct, frozen=True):
    """One reason: the rule's id, whether it speaks for it, the sentence, the provision it rests on."""

    rule: str
    speaks_for: bool
    sentence: str
    provision: str


class Decision(msgspec.Struct, frozen=True):
    """Yes or no with every reason. `fields` are those that would leave: of those asked, the ones that hold a value."""

    allowed: bool
    reasons: tuple[Reason, ...]
    fields: tuple[str, ...]

    @property
    def against(self) -> tuple[str, ...]:
        """The ids of the rules that speak against, in order."""
        return tuple(reason.rule for reason in self.reasons if not reason.speaks_for)


class Gate:
    """The gate for one question, with what a policy says about it, on one day."""

    def __init__(self, terms: Terms, around: Circumstances) -> None:
        self.terms, self.around, self.question = terms, around, terms.question
        self._ready = {rule.id: Reason(rule.id, True, rule.speaks_for, rule.provision) for rule in ABOUT_THE_CLIENT}
        nobody = Case(terms, around, Facts())
        self._always = tuple(self._reasons(ABOUT_THE_QUESTION, nobody))
        self._open = all(reason.speaks_for for reason in self._always)

    def decide(self, facts: Facts) -> Decision:
        """The decision about one client, or about all of whom the same is known."""
        reasons = self._reasons(ABOUT_THE_CLIENT, Case(self.terms, self.around, facts))
        allowed = self._open and all(reason.speaks_for for reason in reasons)
        fields = tuple(name for name in self.question.fields if name in facts.held) if allowed else ()
        return Decision(allowed, (*self._always, *reasons), fields)

    @property
    def closed(self) -> bool:
        """Whether what is asked is refused for everybody."""
        return not self._open

    def _reasons(self, rules: tuple[Rule, ...], case: Case) -> list[Reason]:
        reasons = []
        for rule in rules:
            ruling: Ruling = rule.judge(case)
            if ruling is None:
                continue
            if ruling:
                sentence = rule.sentence_against(ruling)
                reasons.append(Reason(rule.id, False, sentence, rule.provision))
            else:
                reasons.append(self._ready.get(rule.id) or Reason(rule.id, True, rule.speaks_for, rule.provision))
        return reasons


def decide(policy: Policy, question: Question, around: Circumstances, facts: Facts) -> Decision:
    """The decision about one client."""
    return Gate(terms_of(policy, question), around).decide(facts)
