"""Decisions on their way in: from a command, a file or the API, tried against the policy before they are noted."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from muniment.api.decoding import decode_toml
from muniment.api.errors import InvalidInput
from muniment.plugins.facade import CouncilFacade
from muniment.policy.compile import WITHDRAW, Compiled, compile_policy
from muniment.policy.model import Decision

__all__ = ["Proposal", "parse_value", "read_decisions", "try_decisions"]


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A decision as somebody writes it down; the day it was made on is today's unless given."""

    path: str
    value: Any
    ground: str
    decided_by: str
    decided_on: date | None = None
    review_on: date | None = None
    advice: str = ""
    generated: bool = False

    def made_on(self, today: date) -> Decision:
        """The decision. Raises `InvalidInput` for days that cannot be: decided tomorrow, reviewed before decided."""
        decided_on = self.decided_on or today
        if decided_on > today:
            raise InvalidInput(f"{self.path}: a decision cannot be dated in the future.", where="decided_on")
        if self.review_on is not None and self.review_on < decided_on:
            raise InvalidInput(f"{self.path}: the review lies before the decision.", where="review_on")
        return Decision(
            path=self.path,
            value=msgspec.to_builtins(self.value),
            ground=self.ground,
            decided_by=self.decided_by,
            decided_on=decided_on,
            review_on=self.review_on,
            advice=self.advice,
            generated=self.generated,
        )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    decisions: tuple[Proposal, ...] = msgspec.field(name="decision", default=())


def read_decisions(content: bytes, *, file: str) -> tuple[Proposal, ...]:
    """The `[[decision]]` tables of a TOML file. Raises `DeclarationError`, naming `file`."""
    return decode_toml(content, _File, file=file).decisions


def parse_value(words: str) -> Any:
    """A value as TOML writes it (`{ event = "case-closed" }`, `["finance"]`, `true`); what is not TOML is a text."""
    try:
        return tomllib.loads(f"value = {words}")["value"]
    except RecursionError:
        raise InvalidInput("The value is nested too deeply.", where="value") from None
    except ValueError:  # not TOML, or a number with thousands of digits
        if words[:1] in "{[\"'":
            raise InvalidInput(
                'The value is not TOML. A table is written { event = "case-closed" }, a list ["finance"].',
                where="value",
            ) from None
        return words


def try_decisions(
    facade: CouncilFacade, standing: Iterable[Decision], proposed: Iterable[Decision], today: date
) -> Compiled:
    """The policy as it would be with `proposed` decisions, each superseding the one that stands for its path.

    Raises `InvalidInput` for the first that is refused, or that names something that is not declared, and `Conflict`
    when the policy does not load at all.
    """
    wanted = {decision.path: decision for decision in proposed}
    others = [decision for decision in standing if decision.path not in wanted]
    compiled = compile_policy(facade, [*others, *wanted.values()], today)
    for problem in compiled.problems:
        if problem.level != "error":
            continue
        if problem.id == "decision.refused" and problem.path in wanted:
            raise InvalidInput(problem.message.removesuffix(WITHDRAW), where=problem.path, code=problem.id)
        about = next((path for path in wanted if f"{problem.path}.".startswith(f"{path}.")), None)
        if about is not None:
            raise InvalidInput(f"{about} cannot be decided so: {problem.message}", where=about, code=problem.id)
    if compiled.policy is None:
        compiled.sound()
    return compiled
