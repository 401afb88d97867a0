"""What may stay of a record without a name, and which of it is shared by so many that it points at nobody. Pure.

Two questions, each with its own answer. *Which facts* of a record can stay is settled by the declared type of a field:
closed lists, flags, numbers and dates; never text, a contact, an identifier. *Which combinations* of them are kept is
settled over everybody who is made anonymous together (law.md has the practice; ICO, *Anonymisation*: the motivated
intruder; Ofqual, HES and ONS: thresholds of 5, 7 and 10):

- each combination that is kept is shared by at least `fewest` persons of the batch, `fewest_sensitive` where it tells
  something of a special category or of an offence;
- what everybody in the batch has in common is not kept, but for the year: it would tell it of each of them;
- something sensitive is kept only where those who share all the rest differ in it, and each answer is shared by enough;
- what is too rare loses its facts one by one, the last named first, until enough share what is left; a bare count can
  always be kept, for the certificate tells it too.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from muniment.api.clients import FieldType
from muniment.api.retention import BORN_ON, POSTCODE, Clause, RecordClass
from muniment.policy.special import Slot

__all__ = ["YEAR", "Kept", "Told", "anonymous", "kept_anonymous", "kept_pseudonymous", "told"]

How = Literal["value", "year", "band", "age", "area"]

YEAR: Final = "year"
"""The year of the record's own day: the coarsest that statistics can use, and the last fact to be given up."""

ANONYMOUS: Final[Mapping[FieldType, How]] = {
    "choice": "value", "boolean": "value", "integer": "band", "money": "band", "date": "year", "postcode": "area",
}  # fmt: skip
"""What can stay of each type of field; of the others nothing can."""

UNASKED: Final = frozenset({"choice", "boolean", "integer", "money", "date"})
"""Types whose fields stay where a clause names none, if they tell nothing sensitive."""

OLDEST: Final = 90
"""From this age on there is one band: few reach it."""


@dataclass(frozen=True)
class Kept:
    """One fact that may stay, and how: its value, the year of a date, a band of numbers or ages, a postcode's area.
    `sensitive`: of a special category, about an offence, or not known to be neither."""

    name: str
    how: How
    sensitive: bool = False


@dataclass(frozen=True)
class Told:
    """What is left to tell of one record, in the order of the facts kept; `person` is whose it is, and never told."""

    person: object
    facts: tuple[str | None, ...]


def kept_anonymous(slots: Mapping[str, Slot], record_class: RecordClass, clause: Clause) -> tuple[Kept, ...]:
    """What may stay of a record of a class that a clause makes anonymous, the most important first.

    Those that the clause names, in its order, or else every field of the class's categories whose type allows it and
    which tells nothing sensitive. What is sensitive comes last, and so goes first.
    """
    if clause.keep_fields is None:
        names = [name for name, slot in slots.items()
                 if slot.category.id in record_class.categories and slot.field.type in UNASKED
                 and slot.kind == "ordinary"]  # fmt: skip
    else:
        names = list(dict.fromkeys(clause.keep_fields))
    stub: dict[str, Kept] = {BORN_ON: Kept(BORN_ON, "age"), POSTCODE: Kept(POSTCODE, "area")}
    found: list[Kept] = []
    for name in names:
        slot = slots.get(name)
        if name in stub:
            found.append(stub[name])
        elif slot is not None and (how := ANONYMOUS.get(slot.field.type)) is not None:
            found.append(Kept(name, how, slot.kind != "ordinary"))
    return tuple(sorted(found, key=lambda kept: kept.sensitive))


def kept_pseudonymous(slots: Mapping[str, Slot], clause: Clause) -> tuple[Kept, ...]:
    """The values that stay in a record which a clause pseudonymises: of every field whose type names nobody, and of
    those that the clause names. What is not declared goes."""
    named = frozenset(clause.keep_fields or ())
    return tuple(
        Kept(name, "value", slot.kind != "ordinary")
        for name, slot in slots.items()
        if slot.field.type in UNASKED or name in named
    )


def told(
    kept: Sequence[Kept], recorded_on: date, values: Mapping[str, Any], stub: Mapping[str, Any]
) -> tuple[str | None, ...]:
    """The facts of one record: its year, then each that is kept, None where it is not stored.

    `values` are as stored, `stub` has `born-on` (a date) and `postcode`.
    """
    facts: list[str | None] = [str(recorded_on.year)]
    for entry in kept:
        value = stub.get(entry.name) if entry.name in (BORN_ON, POSTCODE) else values.get(entry.name, {}).get("v")
        facts.append(None if value is None else _coarse(entry.how, value, recorded_on))
    return tuple(facts)


def anonymous(rows: Iterable[Told], kept: Sequence[Kept], *, fewest: int, fewest_sensitive: int) -> Counter[str]:
    """How many of these records, which are made anonymous together, agree in what is kept of them.

    Keys are canonical JSON: names to facts in words, null where nothing was stored, absent where it was given up.
    """
    pending = list(rows)
    named = [Kept(YEAR, "value"), *kept]
    places = [place for place, entry in enumerate(named) if entry.name == YEAR or _differ(pending, place)]
    counts: Counter[str] = Counter()
    for count in range(len(places), 0, -1):
        of_level = places[:count]
        sensitive = [place for place in of_level if named[place].sensitive]
        groups: dict[tuple[str | None, ...], list[Told]] = defaultdict(list)
        for row in pending:
            groups[tuple(row.facts[place] for place in of_level)].append(row)
        threshold = fewest_sensitive if sensitive else fewest
        enough = {key for key, group in groups.items() if len({row.person for row in group}) >= threshold}
        enough = _diverse(enough, [of_level.index(place) for place in sensitive])
        for key in enough:
            counts[_canonical(zip((named[place].name for place in of_level), key, strict=True))] += len(groups[key])
        pending = [row for key, group in groups.items() if key not in enough for row in group]
    if pending:
        counts[_canonical(())] += len(pending)
    return counts


def _differ(rows: Sequence[Told], place: int) -> bool:
    return len({row.facts[place] for row in rows}) > 1


def _diverse(keys: set[tuple[str | None, ...]], sensitive: Sequence[int]) -> set[tuple[str | None, ...]]:
    """Those combinations beside which, for each sensitive fact, another differs in it alone."""
    while True:
        left = keys
        for place in sensitive:
            beside = Counter(_without(key, place) for key in left)
            left = {key for key in left if beside[_without(key, place)] > 1}
        if left == keys:
            return left
        keys = left


def _without(key: tuple[str | None, ...], place: int) -> tuple[str | None, ...]:
    return key[:place] + key[place + 1 :]


def _canonical(facts: Iterable[tuple[str, str | None]]) -> str:
    return json.dumps(dict(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _coarse(how: How, value: Any, on: date) -> str | None:
    match how:
        case "year":
            return str(value)[:4]
        case "age":
            return _age(value, on)
        case "area":
            return "".join(_letters(str(value))) or None
        case "band":
            return _band(str(value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _age(born_on: date, on: date) -> str | None:
    age = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    if age < 0:
        return None
    first = age // 10 * 10
    return f"{OLDEST} or older" if age >= OLDEST else f"{first} to {first + 9}"


def _band(written: str) -> str | None:
    """Numbers that agree in their first digit and their length: 0, 7, 40 to 49, 3000 to 3999."""
    try:
        number = int(Decimal(written))
    except InvalidOperation:
        return None
    size = 10 ** (len(str(abs(number))) - 1)
    first = abs(number) // size * size
    if size == 1:
        return str(number)
    return f"{'minus ' if number < 0 else ''}{first} to {first + size - 1}"


def _letters(postcode: str) -> Iterator[str]:
    """The area of a postcode: the letters that it begins with."""
    for letter in postcode.strip().upper():
        if not letter.isalpha():
            return
        yield letter
