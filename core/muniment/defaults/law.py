"""What the law asks of a policy and its notices, as data with the days it is in force (`law.toml`).

`muniment.policy.check` runs the checks, `muniment.notices` renders the statements. Both ask for a day, because three
sets of provisions changed in 2025 and 2026 alone: nothing of it is written into code.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from muniment.api.council import Contact
from muniment.api.decoding import decode_toml
from muniment.api.law import Right
from muniment.api.notices import Section
from muniment.api.text import Id, Text

__all__ = [
    "AbolishedBody",
    "Check",
    "HoldGround",
    "Law",
    "LawStatement",
    "Level",
    "MovedAddress",
    "Regulator",
    "RepealedProvision",
    "law_in_force",
]

Level = Literal["error", "gap", "decided", "note"]
"""*error*: does not load or contradicts itself; *gap*: the law asks and the document is silent; *decided*: it was a gap
and the council settled it; *note*: worth an officer's eye."""


class _Dated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`in_force_from` and `in_force_until` are days in London, both inclusive; without an end it still holds."""

    in_force_from: date
    in_force_until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on that day."""
        return self.in_force_from <= day and (self.in_force_until is None or day <= self.in_force_until)


class Check(_Dated, frozen=True, kw_only=True):
    """One thing looked for. `needs` names a predicate of `muniment.policy`; `message` may hold `{what}`."""

    id: str
    level: Literal["error", "gap", "note"]
    provision: str
    needs: str
    message: str


class LawStatement(_Dated, frozen=True, kw_only=True):
    """A sentence that every notice must hold, whether or not the council's document has it.

    It is rendered with origin `law` unless the notice lists `unless_right`. `text` may hold `{council}`, the council's
    name, `{regulator}` and `{regulator_contact}`.
    """

    id: Id
    section: Section
    provision: str
    unless_right: Right | None = None
    text: Text


class Regulator(_Dated, frozen=True, kw_only=True):
    """Who supervises, and how to reach them. It is due to be succeeded by another body, hence dated."""

    name: Text
    contact: Contact


class AbolishedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of body that is no more. `words` in a recipient's name give it away; `since` is the first day without."""

    words: str
    title: str
    since: date
    provision: str


class RepealedProvision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A provision that a document may still cite. `pattern` is a regular expression; `since` the first day without."""

    pattern: str
    title: str
    since: date
    now: str


class MovedAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An address that documents still give: `words` in it give it away, `now` is the one to use."""

    words: str
    now: str


class HoldGround(_Dated, frozen=True, kw_only=True):
    """A legal ground on which records may be held although they are due."""

    id: Id
    title: str
    provision: str


class Law(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`law.toml`, or the part of it that is in force on a day."""

    checks: tuple[Check, ...] = msgspec.field(name="check", default=())
    statements: tuple[LawStatement, ...] = msgspec.field(name="statement", default=())
    regulators: tuple[Regulator, ...] = msgspec.field(name="regulator", default=())
    abolished: tuple[AbolishedBody, ...] = msgspec.field(name="abolished", default=())
    repealed: tuple[RepealedProvision, ...] = msgspec.field(name="repealed", default=())
    moved: tuple[MovedAddress, ...] = msgspec.field(name="moved", default=())
    hold_grounds: tuple[HoldGround, ...] = msgspec.field(name="hold_ground", default=())

    @property
    def regulator(self) -> Regulator:
        """Who supervises; of one day's law there is exactly one."""
        return self.regulators[0]


@cache
def _whole_law() -> Law:
    content = resources.files("muniment.defaults").joinpath("law.toml").read_bytes()
    return decode_toml(content, Law, file="muniment.defaults/law.toml")


def law_in_force(today: date) -> Law:
    """What the law asks on a day in London."""
    law = _whole_law()
    return Law(
        checks=tuple(check for check in law.checks if check.holds_on(today)),
        statements=tuple(statement for statement in law.statements if statement.holds_on(today)),
        regulators=tuple(regulator for regulator in law.regulators if regulator.holds_on(today)),
        abolished=tuple(body for body in law.abolished if body.since <= today),
        repealed=tuple(provision for provision in law.repealed if provision.since <= today),
        moved=law.moved,
        hold_grounds=tuple(ground for ground in law.hold_grounds if ground.holds_on(today)),
    )
