"""What the columns of a file mean: a declared import format against the adopted policy, and rows read by it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final

import msgspec

from muniment.api.clients import Column, Field, ImportSource, Whose
from muniment.api.errors import InvalidInput
from muniment.api.retention import RecordClass
from muniment.clients.events import BIRTH, may_lie_ahead, milestone_kinds
from muniment.clients.normalise import reference_key
from muniment.clients.parsing import BadValue, parse_date, parse_field, parse_text
from muniment.clients.stub import STUB_PARSERS
from muniment.clients.values import LONGEST_KEY, ValueRules, as_stored
from muniment.policy.model import ServicePolicy

__all__ = ["Layout", "Reject", "Row"]

STUB_COLUMNS: Final = {
    "reference": "reference",
    "given-names": "given_names",
    "family-name": "family_name",
    "postcode": "postcode",
    "address": "address",
    "email": "email",
    "phone": "phone",
}


PLACES: Final = frozenset(
    {*STUB_COLUMNS, "born-on", "opened-on", "ignore", "milestone", "enrolment", "field", "system-key"}
)
"""What a column's `to` may begin with."""


class Reject(msgspec.Struct, frozen=True):
    """Why a row was not taken in: the number of its first line, the column (empty: the row itself), a code."""

    line: int
    column: str
    code: str


class Row(msgspec.Struct):
    """A row understood. Only what it says is here: an empty cell says nothing.

    `stub` is by column of `client_file`, `born_on` and `opened_on` among them; `values` by class id and
    `category.field`, in stored form; `events` by kind and whose they are, with whether it is the client's own act;
    `enrolments` by programme; `system_keys` by class id, what another system knows that record by.
    """

    line: int
    key: str
    stub: dict[str, Any]
    values: dict[str, dict[str, Any]]
    events: dict[tuple[str, Whose], tuple[date, bool]]
    enrolments: dict[str, date]
    system_keys: dict[str, str] = msgspec.field(default_factory=dict)


Reader = Callable[[str, Row], None]
"""Reads one cell into a row; raises `BadValue`."""

remembered = lru_cache(maxsize=5_000)
"""Judges a cell once where a column says the same again and again. What is answered is not to be changed."""


class Layout:
    """An import format made ready. Raises `InvalidInput` where it does not fit the adopted policy.

    `classes` are the record classes that a row is stored in, the first of which every row gets: a file without any
    record would never be disposed of. `refresh` are the targets (`Column.to`) that a later file may change.
    """

    def __init__(self, source: ImportSource, rules: ValueRules, policy: ServicePolicy) -> None:
        self.source = source
        self.rules = rules
        self._kinds = milestone_kinds(policy)
        self._ahead = may_lie_ahead(policy)
        self.refresh = frozenset(column.to for column in source.columns if column.refresh)
        self._by_name = {column.name: column for column in source.columns}
        self.classes = self._classes()
        if all(column.to != "reference" for column in source.columns):
            raise self._wrong("has no column for the reference, without which nobody is known again")
        if source.source not in rules.sources:
            raise self._wrong(f"names a source that is not declared: {source.source}")
        self._readers: list[tuple[Column, Reader | None]] = []

    def take_header(self, cells: Sequence[str]) -> None:
        """Settle which column is where. Raises `InvalidInput` for an unknown, a double or a missing column."""
        unknown = [position for position, name in enumerate(cells, 1) if name not in self._by_name]
        if unknown:
            places = ", ".join(map(str, unknown[:10]))
            known = ", ".join(repr(column.name) for column in self.source.columns)
            raise self._header(
                "unknown-column",
                f"column {places} of the first line is not one that the format declares; it declares {known}",
            )
        double = sorted({name for name in cells if cells.count(name) > 1})
        if double:
            raise self._header("double-column", f"the column {double[0]!r} is there twice")
        missing = [column.name for column in self.source.columns if column.required and column.name not in cells]
        if missing:
            raise self._header("missing-column", f"the column {missing[0]!r} is missing")
        self._readers = [(column, self._reader(column)) for column in (self._by_name[name] for name in cells)]

    def read(self, line: int, cells: Sequence[str]) -> tuple[Row, list[Reject]]:
        """What a row says, and every cell at fault; a row with any is not taken in."""
        row = Row(line, "", {}, {}, {}, {})
        if len(cells) != len(self._readers):
            return row, [Reject(line, "", "number-of-cells")]
        rejects: list[Reject] = []
        for (column, reader), cell in zip(self._readers, cells, strict=True):
            if not cell:
                if column.required:
                    rejects.append(Reject(line, column.name, "missing"))
            elif reader is not None:
                try:
                    reader(cell, row)
                except BadValue as error:
                    rejects.append(Reject(line, column.name, error.code))
        if not row.key and not rejects:
            rejects.append(Reject(line, self.column_of("reference"), "missing"))
        if not (row.stub.get("family_name") or row.stub.get("given_names")) and not rejects:
            rejects.append(Reject(line, "", "no-name"))
        return row, rejects

    def column_of(self, to: str) -> str:
        """The name of the column that goes to `to`; empty if there is none."""
        return next((column.name for column in self.source.columns if column.to == to), "")

    def _reader(self, column: Column) -> Reader | None:
        kind, _, detail = column.to.partition(":")
        match kind:
            case "ignore":
                return None
            case "born-on" | "opened-on":
                return self._read_day(kind.replace("-", "_"), column.date_format)
            case "milestone":
                return self._read_milestone(detail, column)
            case "enrolment":
                return self._read_enrolment(detail, column.date_format)
            case "field":
                return self._read_field(detail, column)
            case "system-key":
                return self._read_system_key(column)
            case _:
                return self._read_stub(kind)

    def _read_stub(self, kind: str) -> Reader:
        target = STUB_COLUMNS[kind]
        if target == "reference":
            return _read_reference
        parse = remembered(STUB_PARSERS[target])

        def read(cell: str, row: Row) -> None:
            row.stub[target] = parse(cell)

        return read

    def _read_day(self, target: str, date_format: str) -> Reader:
        past = self._past(date_format)

        def read(cell: str, row: Row) -> None:
            row.stub[target] = past(cell)

        return read

    def _read_milestone(self, kind: str, column: Column) -> Reader:
        day = self._day(column.date_format) if kind in self._ahead else self._past(column.date_format)
        whose, own_act = column.whose, column.own_act

        def read(cell: str, row: Row) -> None:
            row.events[kind, whose] = (day(cell), own_act)

        return read

    def _read_enrolment(self, programme: str, date_format: str) -> Reader:
        past = self._past(date_format)

        def read(cell: str, row: Row) -> None:
            row.enrolments[programme] = past(cell)

        return read

    def _read_field(self, name: str, column: Column) -> Reader:
        class_id = self._class_of(column, name)
        field = self._field(name)
        written = {there: choice for choice, there in column.values.items()}
        barred = self.rules.bar(self.rules.classes[class_id], name, self.source.source, self.source.purposes)

        @remembered
        def entry(cell: str) -> dict[str, Any]:
            if barred is not None:
                raise BadValue(barred.code, barred.message)
            value = parse_field(field, written.get(cell, cell), column.date_format)
            return as_stored(value, self.source.source, self.rules.today, self.source.purposes)

        def read(cell: str, row: Row) -> None:
            row.values.setdefault(class_id, {})[name] = entry(cell)

        return read

    def _read_system_key(self, column: Column) -> Reader:
        classes = [entry.id for entry in self.classes if column.record_class in (None, entry.id)]

        def read(cell: str, row: Row) -> None:
            key = parse_text(cell, LONGEST_KEY)
            row.system_keys |= dict.fromkeys(classes, key)

        return read

    def _day(self, date_format: str) -> Callable[[str], date]:
        return remembered(lambda cell: parse_date(cell, date_format))

    def _past(self, date_format: str) -> Callable[[str], date]:
        @remembered
        def past(cell: str) -> date:
            day = parse_date(cell, date_format)
            if day > self.rules.today:
                raise BadValue("date-in-future", "takes a date that is not in the future")
            return day

        return past

    def _classes(self) -> tuple[RecordClass, ...]:
        """Every class that the format stores something in, in the order of its columns."""
        found: dict[str, RecordClass] = {}
        for column in self.source.columns:
            kind, _, detail = column.to.partition(":")
            if kind not in PLACES:
                raise self._wrong(f"sends the column {column.name!r} to {column.to!r}, which is no place")
            others = column.whose != "client" and detail in BIRTH
            if kind == "milestone" and detail not in self._kinds and not others:
                raise self._wrong(f"names a milestone that there is not: {detail}")
            if kind == "system-key" and self.source.system not in self.rules.systems:
                raise self._wrong(f"gives keys in the column {column.name!r} and names no system that has them")
            class_id = self._class_of(column, detail) if kind == "field" else column.record_class
            if class_id is not None:
                found[class_id] = self._digital(class_id)
        if not found:
            raise self._wrong("stores nothing in a record; name a record_class for one of its columns")
        return tuple(found.values())

    def _class_of(self, column: Column, name: str) -> str:
        category = name.partition(".")[0]
        if column.record_class is not None:
            return column.record_class
        fitting = [
            entry.id
            for entry in self.rules.classes.values()
            if category in entry.categories and "digital" in entry.media and entry.shape == "file"
        ]
        if len(fitting) != 1:
            raise self._wrong(f"needs a record_class for the column {column.name!r}: {len(fitting)} classes would do")
        return fitting[0]

    def _digital(self, class_id: str) -> RecordClass:
        try:
            found = self.rules.record_class(class_id, "digital")
        except InvalidInput as error:
            raise self._wrong(f"does not fit: {error}") from None
        if found.shape != "file":
            raise self._wrong(f"stores in {class_id}, which is a register")
        return found

    def _field(self, name: str) -> Field:
        field = self.rules.field(name)
        if field is None:
            raise self._wrong(f"names a field that is not declared: {name}")
        return field

    def _wrong(self, what: str) -> InvalidInput:
        return InvalidInput(f"The import format {self.source.id} {what}.", where="source", code="import-format")

    def _header(self, code: str, what: str) -> InvalidInput:
        return InvalidInput(f"line 1: {what}.", where="line 1", code=code)


def _read_reference(cell: str, row: Row) -> None:
    row.stub["reference"] = STUB_PARSERS["reference"](cell)
    row.key = reference_key(cell)
