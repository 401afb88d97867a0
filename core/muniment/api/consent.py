"""Why data are used: purposes, lawful bases, conditions, and which purposes rest on consent (`purposes.toml`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec

from muniment.api.declaration import Declaration
from muniment.api.law import Article6, Article9, Characteristic, Schedule1
from muniment.api.markers import hookspec
from muniment.api.periods import Length
from muniment.api.text import Id, Text

__all__ = [
    "Basis",
    "Condition",
    "ConsentAct",
    "ConsentSpec",
    "PolicyDocument",
    "Purpose",
    "PurposeDeclarations",
    "Statute",
]


class Statute(Declaration, frozen=True):
    """An Act or instrument that the source names, with its provisions as printed there."""

    id: Id
    title: Text
    provisions: tuple[str, ...] = ()
    purposes: tuple[Id, ...] = ()
    as_printed: str = ""
    """What the source printed, where that differs from the provision meant (`42A1` for 42A(1))."""


class Basis(Declaration, frozen=True):
    """A lawful basis under Article 6, as the source states it.

    `article` is absent where the source states it in words alone (`in_words`). `statutes` are ids of declared statutes.
    An empty `purposes` means that the source does not say which purpose it is for.
    """

    id: Id
    article: Article6 | None = None
    in_words: Text | None = None
    statutes: tuple[Id, ...] = ()
    purposes: tuple[Id, ...] = ()
    categories: tuple[Id, ...] = ()
    classes: tuple[Id, ...] = ()
    cohorts: tuple[Id, ...] = ()
    programme: Id | None = None


class PolicyDocument(Declaration, frozen=True):
    """An appropriate policy document (DPA 2018 Sch 1 Part 4) that the council has in force.

    It counts from `in_force_from` to `in_force_until`, both inclusive.
    """

    title: Text
    in_force_from: date
    in_force_until: date | None = None
    review_on: date | None = None


class Condition(Declaration, frozen=True):
    """A condition for special category data (Art 9(2)) or criminal offence data (Art 10).

    `schedule_1` is what the source cites, whether or not it is the one the article needs: the check compares.
    An empty `characteristics` means the source does not say which data it is for: then it holds for all.
    """

    id: Id
    article: Article9 | None = None
    schedule_1: Schedule1 | None = None
    in_words: Text | None = None
    statutes: tuple[Id, ...] = ()
    characteristics: tuple[Characteristic, ...] = ()
    purposes: tuple[Id, ...] = ()
    policy_document: PolicyDocument | None = None


class Purpose(Declaration, frozen=True):
    """Why data are used. `consent` marks a purpose that rests on consent alone; `expires` is how long one counts."""

    id: Id
    title: Text
    categories: tuple[Id, ...] = ()
    cohorts: tuple[Id, ...] = ()
    consent: bool = False
    consent_wording: Text | None = None
    expires: Length | None = None
    recipients: tuple[Id, ...] = ()
    """The recipients a consent for this purpose names; a new one means fresh consent."""
    withdrawal: Text | None = None
    """What follows when somebody withdraws, as the source says it. It is read out to whoever withdraws."""
    anonymised: bool = False
    """The source says that for this purpose data are used anonymised."""
    example: bool = False
    """The source gives it as an example of an open set."""
    voluntary: Text | None = None


class PurposeDeclarations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`purposes.toml`: why one service uses data, and what that rests on."""

    statutes: tuple[Statute, ...] = msgspec.field(name="statute", default=())
    purposes: tuple[Purpose, ...] = msgspec.field(name="purpose", default=())
    bases: tuple[Basis, ...] = msgspec.field(name="basis", default=())
    conditions: tuple[Condition, ...] = msgspec.field(name="condition", default=())


class ConsentAct(msgspec.Struct, frozen=True):
    """Told to observers: somebody gave or withdrew. `file` and `event` are opaque keys, `recipients` the keys of those
    named: a recipient's id, with the body's behind a stroke for a kind of body. A `permission` is agreement to
    something that rests on another basis than consent."""

    council: str
    service: str
    file: str
    event: str
    kind: Literal["consent", "permission"]
    purpose: str
    recipients: tuple[str, ...] = ()


class ConsentSpec:
    """Hooks about purposes and consent."""

    @hookspec
    def consent_purposes(self, service: str) -> PurposeDeclarations | None:
        """Declare purposes, their bases and conditions, and which of them rest on consent.

        When: at start-up and at each `policy check`. Order: core's defaults, then what the council uses, then the
        council. Results: all lists joined; an id declared twice is an error. Errors: a declaration that does not load
        is reported for this council alone. Since: 1.0.
        """

    @hookspec
    def consent_given(self, acts: Sequence[ConsentAct]) -> None:
        """Observe that consents or permissions were given or reconfirmed.

        When: after commit, at most once; what must not be lost belongs in an actor. Order: irrelevant. Results: none.
        Errors: an exception or more than one second is logged with plugin and hook, and stops nobody. Since: 1.0.
        """

    @hookspec
    def consent_withdrawn(self, acts: Sequence[ConsentAct]) -> None:
        """Observe that consents or permissions were withdrawn.

        When: after commit, at most once; what must not be lost belongs in an actor. Order: irrelevant. Results: none.
        Errors: an exception or more than one second is logged with plugin and hook, and stops nobody. Since: 1.0.
        """
