"""A row about somebody who is known already, against what is stored: nothing to do, a change, or a conflict. Pure.

What is the same is left alone. What differs, or was not there, is changed if the format marks the column as refreshed;
otherwise the whole row is rejected at the first such column. An empty cell says nothing. What staff have corrected by
hand stays as it is, whatever the row says, and is told. A class that was disposed of is not made again, and what the
row says of it is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from muniment.api.clients import Whose
from muniment.clients.importing.layout import Layout, Reject, Row

__all__ = ["Change", "Known", "StoredRecord", "merge"]


class StoredRecord(msgspec.Struct):
    """The record that this format made in a file; `gone` when it awaits destruction or is kept out of use. `corrected`
    are the names of the values that staff have set or taken away by hand."""

    id: UUID
    values: dict[str, Any]
    gone: bool
    corrected: frozenset[str] = frozenset()
    system_key: str | None = None


class Known(msgspec.Struct):
    """What is stored in a file that the row is about. `classes` are those ever imported; `records` by class id."""

    file_id: UUID
    stub: Mapping[str, Any]
    classes: frozenset[str]
    records: dict[str, StoredRecord]
    events: set[tuple[str, Whose, date]]
    enrolments: set[tuple[str, date]]


class Change(msgspec.Struct):
    """What a row changes in a file: only what differs. `new_records` are classes not made before, `new_keys`
    what another system knows them by, `keys` the same of records that were made before; `kept` are the
    columns of what staff have corrected and the row would have changed. `rectified` are the fields, and parts of the
    stub, that had another value before."""

    file_id: UUID
    stub: dict[str, Any] = msgspec.field(default_factory=dict)
    records: list[tuple[UUID, dict[str, Any]]] = msgspec.field(default_factory=list)
    new_records: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    new_keys: dict[str, str] = msgspec.field(default_factory=dict)
    keys: dict[UUID, str] = msgspec.field(default_factory=dict)
    events: dict[tuple[str, Whose], tuple[date, bool]] = msgspec.field(default_factory=dict)
    enrolments: dict[str, date] = msgspec.field(default_factory=dict)
    kept: list[str] = msgspec.field(default_factory=list)
    rectified: set[str] = msgspec.field(default_factory=set)

    @property
    def what(self) -> frozenset[str]:
        """The kinds of change, in the words of the signal `files_changed`; empty when nothing differs."""
        kinds = {
            "file": self.stub,
            "record": self.records or self.new_records or self.keys,
            "milestone": self.events,
            "enrolment": self.enrolments,
        }
        return frozenset(kind for kind, changed in kinds.items() if changed)


def merge(layout: Layout, row: Row, known: Known) -> Change | Reject:
    """What to do about a row."""
    change = Change(known.file_id)
    differing: list[str] = []
    for name, value in row.stub.items():
        if name == "reference" or known.stub[name] == value:
            continue
        if name in known.stub["corrected"]:
            change.kept.append(layout.column_of(name.replace("_", "-")))
        else:
            change.stub[name] = value
            differing.append(name.replace("_", "-"))
            if known.stub[name] is not None:
                change.rectified.add(name.replace("_", "-"))
    for class_id, values in row.values.items():
        differing += _merge_record(layout, change, known, class_id, values)
    for class_id, key in row.system_keys.items():
        record = known.records.get(class_id)
        if class_id in change.new_records:
            change.new_keys[class_id] = key
        elif record is not None and not record.gone and record.system_key != key:
            change.keys[record.id] = key
            differing.append("system-key")
    for happened, (day, own_act) in row.events.items():
        if (*happened, day) not in known.events:
            change.events[happened] = (day, own_act)
            differing.append(f"milestone:{happened[0]}")
    for programme, day in row.enrolments.items():
        if (programme, day) not in known.enrolments:
            change.enrolments[programme] = day
            differing.append(f"enrolment:{programme}")
    fixed = next((to for to in differing if to not in layout.refresh), None)
    return change if fixed is None else Reject(row.line, layout.column_of(fixed), "conflict")


def _merge_record(layout: Layout, change: Change, known: Known, class_id: str, values: dict[str, Any]) -> list[str]:
    """Note how one record changes; returns the targets that differ and must be marked as refreshed."""
    record = known.records.get(class_id)
    if record is None:
        if class_id not in known.classes:
            change.new_records[class_id] = values
        return []
    if record.gone:
        return []
    differing = [name for name, entry in values.items() if record.values.get(name, {}).get("v") != entry["v"]]
    change.kept += (layout.column_of(f"field:{name}") for name in differing if name in record.corrected)
    differing = [name for name in differing if name not in record.corrected]
    if differing:
        changed = record.values | {name: values[name] for name in differing}
        change.records.append((record.id, changed))
        change.rectified.update(name for name in differing if name in record.values)
    return [f"field:{name}" for name in differing]
