"""The rules of the gate: each with an id, what it says for and against in plain words, and the provision it rests on.

A rule is a pure function of a case. It answers with what speaks against (`PASSES` where nothing does), or with None
where it is not about the case at all. It can only refuse: nothing that one rule says takes back what another said.
`docs/gate.md` is made from here. The rules of `ABOUT_THE_QUESTION` read nothing of a client, so that one answer serves
a batch; those of `ABOUT_THE_CLIENT` come after.
"""

from __future__ import annotations

from muniment.sharing.rules_of_client import ABOUT_THE_CLIENT
from muniment.sharing.rules_of_question import ABOUT_THE_QUESTION
from muniment.sharing.ruling import Rule

__all__ = ["ABOUT_THE_CLIENT", "ABOUT_THE_QUESTION", "RULES"]

RULES: tuple[Rule, ...] = (*ABOUT_THE_QUESTION, *ABOUT_THE_CLIENT)
