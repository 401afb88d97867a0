"""The councils that the workload runs on, their policy, and which record is whose.

Every record has a number, GDPRbench's key. A council's records are a range of numbers, so of whatever is returned it
can be told whose it is. Purposes, sources and categories go by the number, as many as GDPRbench has of each; a client
file is its user, of whom there are 10,000 in all. One user in ten has records that are past their period.

All of it is generated and says so.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from hashlib import md5
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from muniment.api.clients import ClientDeclarations
from muniment.api.consent import PurposeDeclarations
from muniment.api.retention import RetentionDeclarations, RetentionRule
from muniment.api.sharing import RecipientDeclarations
from muniment.plugins.manager import Plugins
from muniment.policy.model import Policy
from muniment.testing.doubles import Declared, StatedPlugin, load_doubles, stated_council

__all__ = [
    "AGENCY",
    "DATA_BYTES",
    "NEWS",
    "OVER",
    "PURPOSES",
    "SERVICE",
    "TENS",
    "Town",
    "data_of",
    "key_in",
    "plugins_of",
    "purpose_of",
    "slug_of",
    "with_other_period",
]  # fmt: skip

SERVICE: Final = "casework"
USERS: Final = 10_000
PURPOSES: Final = 25
TENS: Final = 10
"""GDPRbench has ten sources, ten categories and ten third parties."""

AGENCY: Final = "agency"
"""Who processes what is held for a purpose, and is given it."""

STATUTE: Final = {"id": "act", "title": "Localism Act 2011", "provisions": ["s.1"]}

NEWS: Final = "news"
"""A purpose that everybody has consented to."""

OVER: Final = date(2015, 1, 1)
"""When a case was closed whose records are past their period; the others are open."""

DATA_BYTES: Final = 100
"""What GDPRbench counts as personal data of a record."""

YEARS: Final = (6, 7, 8, 9)
"""How long a purpose's records are kept, one after the other; under each the same records are past their period."""

KINDS: Final = {"record": 0, "file": 1, "person": 2, "milestone": 3}


def slug_of(council: int) -> str:
    """The slug of a generated council by its number."""
    return f"generated-{council:02d}"


@dataclass(frozen=True)
class Town:
    """So many records in so many councils; numbers from 0 of records, councils and, within a council, users."""

    records: int
    councils: int

    @property
    def each(self) -> int:
        """Records of one council."""
        return self.records // self.councils

    @property
    def users(self) -> int:
        """Users of one council."""
        return min(USERS // self.councils, self.each)

    def council_of(self, key: int) -> int:
        """Whose a record is; new ones take turns."""
        return key // self.each if key < self.records else (key - self.records) % self.councils

    def user_of(self, key: int) -> int:
        """The user of a record, within its council."""
        return key % self.each % self.users

    def owner(self, key: int) -> int:
        """The user of a record among those of all councils."""
        return self.council_of(key) * self.users + self.user_of(key)

    def files_for(self, key: int, but: Container[int]) -> tuple[UUID, ...]:
        """The client files of a council that hold something for the purpose of a record, but for those owners'."""
        first = self.council_of(key) * self.users
        owners = range(first + key % PURPOSES, first + self.users, PURPOSES)
        return tuple(self.id_of("file", owner) for owner in owners if owner not in but)

    def is_over(self, key: int) -> bool:
        """Whether a record is past its period."""
        return self.user_of(key) % TENS == 0

    def new_key(self, random: Random) -> int:
        """A number that no record has."""
        return self.records + random.randrange(1 << 40)

    def id_of(self, kind: str, number: int) -> UUID:
        """The key of a record by its number, or of a file, person or milestone by its owner's."""
        return UUID(int=((0x01900000 + KINDS[kind]) << 96) + (0x7000_8000 << 48) + number)

    def file_of(self, key: int) -> UUID:
        """The client file that a record lies in."""
        return self.id_of("file", self.owner(key))


def purpose_of(key: int) -> str:
    """The purpose that a record is held for."""
    return f"purpose-{key % PURPOSES}"


def data_of(key: int, version: int = 0) -> str:
    """A hundred characters that begin with the record's number."""
    return f"{key:014d}" + (md5(b"%d %d" % (key, version)).hexdigest() * 3)[: DATA_BYTES - 14]


def key_in(data: str) -> int:
    """The number that a value begins with."""
    return int(data[:14])


def declared() -> Declared:
    """What each council declares."""
    purposes: list[dict[str, Any]] = [
        {"id": f"purpose-{n}", "title": f"Generated purpose {n}"} for n in range(PURPOSES)
    ]
    purposes.append({"id": NEWS, "title": "Generated news", "consent": True, "consent_wording": "Generated wording"})
    categories = [
        {"id": f"category-{n}", "title": f"Generated category {n}",
         "field": [{"id": "data", "title": "Data", "type": "long-text"}]}
        for n in range(TENS)
    ]  # fmt: skip
    sources = [
        {"id": f"source-{n}", "title": f"Generated source {n}", "kind": "body" if n else "person"} for n in range(TENS)
    ]
    classes = [
        {"id": f"purpose-{n}", "title": f"Records for purpose {n}", "categories": [entry["id"] for entry in categories]}
        for n in range(PURPOSES)
    ]
    every = [f"purpose-{n}" for n in range(PURPOSES)]
    basis = {"id": "task", "article": "6.1.e", "statutes": [STATUTE["id"]], "purposes": every}
    recipient = {"id": AGENCY, "title": "Generated agency", "kind": "body",
                 "purposes": every, "categories": [entry["id"] for entry in categories], "bases": ["task"],
                 "consent": "not-required"}  # fmt: skip
    rules = [_rule(n, YEARS[0]) for n in range(PURPOSES)]
    return Declared(
        clients=msgspec.convert({"category": categories, "source": sources}, ClientDeclarations),
        purposes=msgspec.convert({"purpose": purposes, "statute": [STATUTE], "basis": [basis]}, PurposeDeclarations),
        recipients=msgspec.convert({"recipient": [recipient]}, RecipientDeclarations),
        retention=msgspec.convert({"class": classes, "rule": rules}, RetentionDeclarations),
    )


def with_other_period(policy: Policy, purpose: int) -> Policy:
    """The policy with the next of `YEARS` for the records of a purpose."""
    service = policy.services[SERVICE]
    rules = list(service.retention.rules)
    at = next(number for number, rule in enumerate(rules) if rule.id == f"purpose-{purpose}")
    years = int(str(msgspec.to_builtins(rules[at])["clause"][0]["keep"]).split()[0])
    changed = _rule(purpose, YEARS[(YEARS.index(years) + 1) % len(YEARS)])
    rules[at] = msgspec.convert(changed, RetentionRule)
    retention = replace(service.retention, rules=tuple(rules))
    return replace(policy, services={**policy.services, SERVICE: replace(service, retention=retention)})


def _rule(purpose: int, years: int) -> dict[str, Any]:
    clause = {"id": "closed", "keep": f"{years} years", "from": {"event": "case-closed"}, "action": "destroy"}
    return {"id": f"purpose-{purpose}", "classes": [f"purpose-{purpose}"], "clause": [clause]}


def plugins_of(town: Town) -> Plugins:
    """The plugins of a deployment with the town's councils."""
    return load_doubles(
        {
            f"muniment-{slug}": StatedPlugin(stated_council(slug, SERVICE), {SERVICE: declared()})
            for slug in map(slug_of, range(town.councils))
        }
    )
