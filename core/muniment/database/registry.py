"""The register of personal data: the spine of disposal, access, restriction and the evidence about them.

Each domain registers each of its tables once, where the table is defined: either as holding personal data (which
columns, whose, which record class, what it hangs below) or as holding none, with the reason. Everything that must reach
all data about a person walks this register; a table that is not in it fails the tests.

Rows go in one of four ways: by their own clock (`ClockedTable`), with the row they hang below, when the period of a
class of core's own has run (`KeptTable`), or, in the audit log, by the month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import Index, SmallInteger, Table, inspect, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "Clocked",
    "ClockedTable",
    "KeptTable",
    "PersonalTable",
    "clocked_index",
    "clocked_tables",
    "impersonal_tables",
    "kept_tables",
    "personal_tables",
    "register_clocked",
    "register_impersonal",
    "register_personal",
    "review_index",
    "rule_index",
    "table_of",
]


@dataclass(frozen=True)
class PersonalTable:
    """A table that holds personal data.

    `whose` data it is ("client", "staff"); `personal` names the columns that hold any; `hangs_below` is the table whose
    row takes this one with it. `record_class` is the id of a class of core's own; without one each row says its own, in
    a column `record_class` or, in the audit log, by its event. `counts_from` is as in `KeptTable`.
    """

    table: Table
    whose: str
    personal: frozenset[str]
    record_class: str | None = None
    hangs_below: Table | None = None
    counts_from: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class KeptTable:
    """A table of core's own whose rows go when the period of a class has run (`muniment.retention.upkeep`).

    `counts_from` gives the column for each event that a clause of the class may count from (`expiry`: `expires_at`): a
    date in London or an instant; where it is null the row is kept. A clause that counts from an event which is not
    here disposes of nothing.
    """

    table: Table
    record_class: str
    counts_from: Mapping[str, str]


@dataclass(frozen=True)
class ClockedTable:
    """A table whose rows have a retention clock (the mixin `Clocked`).

    `lock` is the table whose row is locked before a row here changes; `lock_column` is the column here that refers to
    its id. A register locks itself: then `lock` is the table and `lock_column` is `id`.
    """

    table: Table
    lock: Table
    lock_column: str


class Clocked:
    """Mixin of the columns that a retention clock writes.

    `state` is a clause state (`out`, `running`, `unclocked`, `dated`, `permanent`); `due_on` is the last day kept, a
    date in London, null unless dated; `action` what happens then; `stage` how many stages of a sequence are done
    (without stages: a bit for each clause that was carried out and left the record);
    `rule_hash` the rule that clocked it, null when something that a clause can read has changed since. `review_on` is
    the day of the next review of a record that is to be looked at again and again, `reviewed_on` that of the last.
    """

    record_class: Mapped[str]
    medium: Mapped[str]
    state: Mapped[str | None]
    due_on: Mapped[date | None]
    action: Mapped[str | None]
    stage: Mapped[int | None] = mapped_column(SmallInteger)
    rule_hash: Mapped[str | None]
    review_on: Mapped[date | None]
    reviewed_on: Mapped[date | None]


_personal: dict[str, PersonalTable] = {}
_impersonal: dict[str, str] = {}
_clocked: dict[str, ClockedTable] = {}
_kept: dict[str, KeptTable] = {}


def table_of(model: type[DeclarativeBase]) -> Table:
    """The table of a mapped class."""
    return cast(Table, inspect(model).local_table)


def clocked_index(table: str, lock_column: str) -> Index:
    """The index by which a sweep finds what is due, for `__table_args__`: it costs what is due, not what is stored."""
    return Index(f"ix_{table}_due", "council_id", "due_on", lock_column, postgresql_where="due_on is not null")


def review_index(table: str) -> Index:
    """The index by which the reviews that are due are found, for `__table_args__`."""
    return Index(f"ix_{table}_review", "council_id", "review_on", "id", postgresql_where="review_on is not null")


def rule_index(table: str) -> Index:
    """The index by which rows that another rule clocked are counted, for `__table_args__`."""
    where = text("disposal is null")
    return Index(f"ix_{table}_rule", "council_id", "record_class", "rule_hash", postgresql_where=where)


def register_personal(entry: PersonalTable) -> None:
    """Enter a table that holds personal data. Raises `ValueError` if a column or an entry is wrong."""
    _once(entry.table)
    unknown = entry.personal - set(entry.table.columns.keys())
    if unknown:
        raise ValueError(f"{entry.table.name} has no column {', '.join(sorted(unknown))}")
    if not entry.personal:
        raise ValueError(f"{entry.table.name}: name its personal columns, or register it as impersonal")
    _personal[entry.table.name] = entry
    if entry.counts_from:
        _keep(entry.table, entry.record_class, entry.counts_from)


def register_impersonal(
    table: Table, reason: str, *, record_class: str | None = None, counts_from: Mapping[str, str] | None = None
) -> None:
    """Enter a table that holds no personal data, with the reason why that is so.

    With `record_class` and `counts_from` (as in `KeptTable`) its rows go all the same when their period has run.
    """
    _once(table)
    if not reason:
        raise ValueError(f"{table.name}: say why it holds no personal data")
    _impersonal[table.name] = reason
    if record_class is not None or counts_from is not None:
        _keep(table, record_class, counts_from or {})


def register_clocked(entry: ClockedTable) -> None:
    """Enter a table whose rows are disposed of by their own clock."""
    if entry.table.name in _clocked:
        raise ValueError(f"{entry.table.name} is registered twice")
    missing = {"due_on", "rule_hash", "state", entry.lock_column} - set(entry.table.columns.keys())
    if missing:
        raise ValueError(f"{entry.table.name} has no column {', '.join(sorted(missing))}")
    _clocked[entry.table.name] = entry


def personal_tables() -> Mapping[str, PersonalTable]:
    """Every table that holds personal data, by name."""
    return MappingProxyType(_personal)


def impersonal_tables() -> Mapping[str, str]:
    """Every table that holds none, by name, with the reason."""
    return MappingProxyType(_impersonal)


def kept_tables() -> tuple[KeptTable, ...]:
    """Every table whose rows go when the period of a class of core's own has run, in order of registration."""
    return tuple(_kept.values())


def clocked_tables() -> tuple[ClockedTable, ...]:
    """Every table with a clock, in order of registration."""
    return tuple(_clocked.values())


def _keep(table: Table, record_class: str | None, counts_from: Mapping[str, str]) -> None:
    if record_class is None or not counts_from:
        raise ValueError(f"{table.name}: name both the record class and the columns that its period counts from")
    missing = set(counts_from.values()) - set(table.columns.keys())
    if missing:
        raise ValueError(f"{table.name} has no column {', '.join(sorted(missing))}")
    _kept[table.name] = KeptTable(table, record_class, MappingProxyType(dict(counts_from)))


def _once(table: Any) -> None:
    if table.name in _personal or table.name in _impersonal:
        raise ValueError(f"{table.name} is registered twice")
