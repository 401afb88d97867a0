"""Canaries: values that are nowhere else, remembered as they are made, and found however they are written."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

TYPES = ("text", "long-text", "date", "integer", "email", "phone", "postcode", "ni-number", "money")
"""Field types whose values somebody types; a choice and a yes or no are words of the policy."""


@dataclass
class Canaries:
    """Hands out values that are nowhere else, and remembers each. `planted` is what is searched for, by how it is
    written when stored; `given` is all that was ever handed out, so that one who stays has nothing of one who goes."""

    planted: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    chance: random.Random = field(default_factory=random.SystemRandom)

    def word(self, what: str) -> str:
        return self._keep(what, lambda: "zq" + self._letters(14))

    def email(self, what: str) -> str:
        return f"{self.word(what)}@example.org"

    def digits(self, what: str, length: int = 12, first: str = "7") -> str:
        rest = length - len(first)
        return self._keep(what, lambda: first + "".join(self.chance.choices(string.digits[1:], k=rest)))

    def phone(self, what: str) -> str:
        return self.digits(what, 11, "077")

    def postcode(self, what: str) -> str:
        def make() -> str:
            code = f"B{self.chance.choice('AHLNS')}{self.chance.randint(10, 99)} {self.chance.randint(1, 9)}"
            return code + "".join(self.chance.choices("ABDEFGHJLNPQRSTUWXYZ", k=2))

        return self._keep(what, make)

    def ni_number(self, what: str) -> str:
        def make() -> str:
            digits = "".join(self.chance.choices(string.digits, k=6))
            return f"{self.chance.choice('ABCEGHJ')}{self.chance.choice('ABCEGHJ')}{digits}C"

        return self._keep(what, make)

    def day(self, what: str, first: int = 1931, last: int = 1999) -> str:
        start, end = date(first, 1, 1).toordinal(), date(last, 12, 28).toordinal()
        return self._keep(what, lambda: date.fromordinal(self.chance.randint(start, end)).isoformat())

    def typed(self, what: str) -> dict[str, Any]:
        """One value for each field type."""
        made: dict[str, Any] = {
            "text": self.word, "long-text": self.word, "date": self.day, "integer": lambda w: int(self.digits(w)),
            "email": self.email, "phone": self.phone, "postcode": self.postcode, "ni-number": self.ni_number,
            "money": lambda w: f"{self.digits(w, 9)}.00",
        }  # fmt: skip
        assert made.keys() == set(TYPES)
        return {kind: make(f"{what} {kind}") for kind, make in made.items()}

    def stub(self, what: str) -> dict[str, str]:
        """A stub with every column."""
        return {
            "given_names": self.word(f"{what} given names"), "family_name": self.word(f"{what} family name"),
            "born_on": self.day(f"{what} born"), "reference": self.word(f"{what} reference"),
            "postcode": self.postcode(f"{what} postcode"), "address": self.word(f"{what} address"),
            "email": self.email(f"{what} email"), "phone": self.phone(f"{what} phone"),
        }  # fmt: skip

    def left_in(self, data: bytes) -> set[str]:
        """What each canary is that some bytes hold, in whatever way it may be written."""
        lowered = data.lower()
        return {what for value, what in self.planted.items() if any(form in lowered for form in _forms(value))}

    def _letters(self, length: int) -> str:
        return "".join(self.chance.choices("bcdfghjklmnpqrstvwxz", k=length))

    def _keep(self, what: str, make: Callable[[], str]) -> str:
        while (value := make()) in self.given:
            pass
        self.given.add(value)
        self.planted[value] = what
        return value


def _forms(value: str) -> set[bytes]:
    """How a value may be written: as it is, without blanks, in hexadecimal, in base64 (from any of three positions)."""
    forms = {value.lower().encode(), value.replace(" ", "").lower().encode(), value.encode().hex().encode()}
    for before in range(3):
        inside = base64.b64encode(b"\0" * before + value.encode()).decode().rstrip("=")
        forms.add(inside[4 if before else 0 : -1].lower().encode())
    return forms
