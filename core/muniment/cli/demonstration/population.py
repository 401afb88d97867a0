"""Generated people for the demonstration, in the very CSV formats that a council's imports declare.

Nobody in these files exists. Names are put together from syllables, e-mail addresses end in `example.org`, telephone
numbers come from the range that Ofcom keeps for drama, postcodes and National Insurance numbers use letters that are
not issued. Ten years of history are laid backwards from `today`, so that some of it is due on any day the
demonstration is first run. The same seed gives the same people.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from muniment.api.clients import Column, Field, ImportSource
from muniment.policy.model import ServicePolicy

__all__ = ["Life", "lives", "write_csv"]

_STARTS: Final = ("Al", "Bren", "Cor", "Dal", "El", "Fen", "Gar", "Hol", "Is", "Jor", "Kel", "Lor", "Mar", "Nor", "Or")
_MIDDLES: Final = ("a", "e", "i", "o", "u", "an", "en", "in", "ar", "or")
_GIVEN_ENDS: Final = ("beth", "dric", "la", "lan", "mir", "na", "ric", "sa", "thea", "wyn")
_FAMILY_ENDS: Final = ("bury", "combe", "dale", "field", "garth", "ham", "ley", "stow", "thwaite", "worth")
_STREETS: Final = ("Sample Street", "Specimen Road", "Example Avenue", "Pattern Close", "Model Lane")


class Life(msgspec.Struct, frozen=True):
    """One generated person and what happened; dates are inclusive and None where it did not happen."""

    number: int
    given: str
    family: str
    born_on: date
    postcode: str
    opened_on: date
    last_contact: date
    closed_on: date | None
    supported_on: date | None
    enrolled_on: date | None


def lives(count: int, *, today: date, seed: str, first: int = 1, days: int = 3650) -> Iterator[Life]:
    """`count` generated people, numbered from `first`, whose files were opened within the `days` before `today`."""
    random = Random(seed)  # noqa: S311 - generated people, not secrets
    for number in range(first, first + count):
        opened = today - timedelta(days=random.randrange(1, days))
        open_days = min(int(random.expovariate(1 / 280)) + 14, (today - opened).days)
        last_contact = opened + timedelta(days=open_days)
        closed = last_contact + timedelta(days=random.randrange(60))
        supported = opened + timedelta(days=random.randrange(open_days + 1)) if random.random() < 0.2 else None
        enrolled = opened + timedelta(days=random.randrange(open_days + 1)) if random.random() < 0.1 else None
        yield Life(
            number=number,
            given=random.choice(_STARTS) + random.choice(_GIVEN_ENDS),
            family=random.choice(_STARTS) + random.choice(_MIDDLES) + random.choice(_FAMILY_ENDS),
            born_on=opened - timedelta(days=random.randrange(16 * 366, 64 * 365)),
            postcode=f"ZZ{random.randrange(1, 100)} {random.randrange(1, 10)}"
            f"{random.choice('ABDEFGH')}{random.choice('JLNPQRS')}",
            opened_on=opened,
            last_contact=last_contact,
            closed_on=closed if closed < today and random.random() < 0.85 else None,
            supported_on=supported,
            enrolled_on=enrolled,
        )


def write_csv(path: Path, source: ImportSource, policy: ServicePolicy, people: Sequence[Life], *, seed: str) -> int:
    """Write `people` in the format of `source`; returns the number of rows. Overwrites `path`."""
    fields = {f"{category.id}.{field.id}": field for category in policy.clients.categories for field in category.fields}
    tied = _tied_to_milestones(policy)
    with path.open("w", encoding=source.encoding, newline="") as file:
        writer = csv.writer(file, delimiter=source.delimiter)
        writer.writerow([column.name for column in source.columns])
        for life in people:
            random = Random(f"{seed}:{life.number}")  # noqa: S311 - generated people, not secrets
            writer.writerow(
                [_cell(column, life, fields, random) if _has(life, column, tied) else "" for column in source.columns]
            )
    return len(people)


def _tied_to_milestones(policy: ServicePolicy) -> dict[str, str]:
    """Record classes that a rule keeps for those alone to whom something happened: class to kind of milestone."""
    return {
        record_class: clause.when.milestone
        for rule in policy.retention.rules
        for clause in rule.clauses
        if clause.when is not None and clause.when.milestone is not None
        for record_class in clause.classes
    }


def _has(life: Life, column: Column, tied: Mapping[str, str]) -> bool:
    """Whether this life has anything for the column: nobody has records of support that was never given."""
    kind = tied.get(column.record_class or "")
    return kind is None or _milestone(kind, life) is not None


def _cell(column: Column, life: Life, fields: Mapping[str, Field], random: Random) -> str:
    kind, _, detail = column.to.partition(":")
    match kind:
        case "reference":
            return f"GEN-{life.number:06d}"
        case "given-names":
            return life.given
        case "family-name":
            return life.family
        case "born-on":
            return life.born_on.strftime(column.date_format)
        case "postcode":
            return life.postcode
        case "address":
            return f"{life.number % 200 + 1} {_STREETS[life.number % len(_STREETS)]}"
        case "email":
            return f"{life.given}.{life.family}.{life.number}@example.org".lower()
        case "phone":
            return f"01632 960{life.number % 1000:03d}"
        case "opened-on":
            return life.opened_on.strftime(column.date_format)
        case "milestone":
            return _day(_milestone(detail, life), column)
        case "enrolment":
            return _day(life.enrolled_on, column)
        case "field":
            return _value(fields[detail], column, life, random)
        case _:
            return ""


def _milestone(kind: str, life: Life) -> date | None:
    match kind:
        case "last-contact" | "last-action":
            return life.last_contact
        case "case-closed" | "service-end":
            return life.closed_on
        case "financial-support" | "payment":
            return life.supported_on
        case "collection" | "decision":
            return life.opened_on
        case _:
            return None


def _day(day: date | None, column: Column) -> str:
    return "" if day is None else day.strftime(column.date_format)


def _value(field: Field, column: Column, life: Life, random: Random) -> str:
    """A value of the field's type; about one in five optional values is missing, as in life."""
    if not column.required and random.random() < 0.2:
        return ""
    match field.type:
        case "date":
            return _day(life.opened_on, column)
        case "integer":
            return str(random.randrange(5))
        case "boolean":
            return random.choice(("yes", "no"))
        case "choice":
            chosen = random.choice(field.choices).id
            return column.values.get(chosen, chosen)
        case "email":
            return f"person{life.number}@example.org"
        case "phone":
            return f"01632 960{random.randrange(1000):03d}"
        case "postcode":
            return life.postcode
        case "ni-number":
            return f"QQ{random.randrange(1_000_000):06d}{random.choice('ABCD')}"
        case "money":
            return f"{random.randrange(20, 900)}.{random.randrange(100):02d}"
        case "text" | "long-text":
            return f"Generated {field.id.replace('-', ' ')} {random.randrange(1000)}"
