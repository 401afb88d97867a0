"""Records: stored facts in a client file, each of a class, with values that the adopted policy takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.accounts.permissions import Caller
from muniment.api.clients import Medium
from muniment.api.errors import Conflict, InvalidInput, NotFound
from muniment.api.retention import RecordClass
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context, plain, value_rules
from muniment.clients.locks import LockedFile, change_file, tell
from muniment.clients.parsing import BadValue, check_day, parse_text
from muniment.clients.values import LONGEST_KEY, GivenValue, ValueRules, refuse
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.database.signals import FieldsChanged, fields_changed

__all__ = ["NewRecord", "NewValue", "add_record", "change_values", "insert_record", "known_there"]

MOST_VALUES = 500

_ADD = text(
    "insert into record (council_id, id, file_id, record_class, medium, recorded_on, location, system, external_key,"
    " values) values (:council_id, :id, :file_id, :record_class, :medium, :recorded_on, :location, :system,"
    " :external_key, cast(:values as jsonb))"
)
_READ = text(
    "select record_class, medium, values, disposal, origin, corrected, restricted_on from record"
    " where council_id = :council_id and id = :id and file_id = :file_id"
)
_CHANGE = text(
    "update record set values = cast(:values as jsonb), corrected = cast(:corrected as text[])"
    " where council_id = :council_id and id = :id"
)


class NewValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value to store. `on` is the day it was given, the record's day if absent."""

    value: str | int | float | bool
    source: str
    purposes: tuple[str, ...]
    on: date | None = None


class NewRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A record to store. `record_class` is the id of a class of the file's service; `recorded_on` is today if absent.

    `location` says where a paper record or one in another system is to be found, and is required for those.
    `system` is a declared system, besides this deployment, that holds the record, and `external_key` what it is known
    by there; such a record needs no location, and is erased there when it is disposed of here.
    """

    record_class: str
    medium: Medium = "digital"
    recorded_on: date | None = None
    location: str | None = None
    system: str | None = None
    external_key: str | None = None
    values: dict[str, NewValue] = msgspec.field(default_factory=dict)


def add_record(session: CouncilSession, caller: Caller, context: Context, file_id: UUID, new: NewRecord) -> UUID:
    """Store a record in a file. Raises `NotFound`, `Forbidden`, `InvalidInput`, `Conflict` where it is restricted."""
    file = change_file(session, caller, file_id)
    record_id = insert_record(session, context, file, new)
    tell(session, [file_id], "record")
    return record_id


def insert_record(session: CouncilSession, context: Context, file: LockedFile, new: NewRecord) -> UUID:
    """Store a record in a file that is locked. Its clock is set by whoever listens to the change."""
    today = session.clock.today()
    file.limits.refuse(*(value.purposes for value in new.values.values()))
    rules = value_rules(session, context.policy, file.service)
    record_class = rules.record_class(new.record_class, new.medium)
    if record_class.shape != "file":
        message = f"Records of the class {record_class.id} are registers about several people: add a register."
        raise InvalidInput(message, where="record_class", code="register")
    recorded_on = check_day(new.recorded_on or today, "recorded_on", today)
    stored = _checked(rules, record_class, new.values, recorded_on)
    context.judge(file.service, record_class.id, stored)
    system, external_key = known_there(rules, record_class, new.system, new.external_key)
    record_id, key = new_id(), f"{file.service}/{record_class.id}"
    location = None if system and not new.location else place_of(new.medium, new.location)
    session.ask(
        _ADD,
        {
            "council_id": session.council_id,
            "id": record_id,
            "file_id": file.id,
            "record_class": key,
            "medium": new.medium,
            "recorded_on": recorded_on,
            "location": location,
            "system": system,
            "external_key": external_key,
            "values": msgspec.json.encode(stored).decode(),
        },
    )
    record(session, AuditEvent.RECORD_ADDED, file.id, record=record_id, record_class=key, values=len(stored))
    return record_id


def change_values(
    session: CouncilSession,
    caller: Caller,
    context: Context,
    file_id: UUID,
    record_id: UUID,
    changes: Mapping[str, NewValue | None],
) -> None:
    """Set values of a record, or take them away (None). All of it or nothing; no import changes them back.

    Raises `NotFound`, `Forbidden`, `InvalidInput`, and `Conflict` for a record that awaits destruction or is kept out
    of use, and for values that are restricted, those that are stored and those that are given.
    """
    file = change_file(session, caller, file_id)
    here = {"council_id": session.council_id, "id": record_id}
    found = session.ask(_READ, here | {"file_id": file_id})
    if not found:
        raise NotFound("This client file has no such record.")
    [row] = found
    if row.disposal is not None:
        raise Conflict("This record awaits destruction; nothing can be recorded in it.", code="awaiting-destruction")
    if row.restricted_on is not None:
        raise Conflict("This record is kept out of use; nothing can be recorded in it.", code="out-of-use")
    today = session.clock.today()
    rules = value_rules(session, context.policy, file.service)
    record_class = rules.record_class(row.record_class.partition("/")[2], cast(Medium, row.medium))
    given = {name: value for name, value in changes.items() if value is not None}
    stored_for = [row.values[name]["p"] for name in changes if name in row.values]
    file.limits.refuse(*stored_for, *(value.purposes for value in given.values()))
    stored = dict(row.values) | _checked(rules, record_class, given, today)
    for name in changes.keys() - given.keys():
        stored.pop(name, None)
    if len(stored) > MOST_VALUES:
        raise InvalidInput(f"A record holds at most {MOST_VALUES} values.", where="values", code="too-many")
    context.judge(file.service, record_class.id, stored)
    if plain(stored) == plain(row.values) and stored == row.values:
        return
    corrected = row.corrected if row.origin is None else sorted({*row.corrected, *changes})
    session.ask(_CHANGE, here | {"values": msgspec.json.encode(stored).decode(), "corrected": corrected})
    record(session, AuditEvent.RECORD_CHANGED, file_id, record=record_id, values=len(changes))
    tell(session, [file_id], "record")
    _tell_fields(session, file_id, row.values, stored)


def _tell_fields(session: CouncilSession, file_id: UUID, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Tell those who listen which values are no longer what they were; a first value changes nothing."""
    gone = frozenset(name for name in before if name not in after)
    changed = frozenset(name for name in before if name in after and before[name]["v"] != after[name]["v"])
    if changed:
        fields_changed.send(session, FieldsChanged({file_id: changed}))
    if gone:
        fields_changed.send(session, FieldsChanged({file_id: gone}, erased=True))


def place_of(medium: Medium, location: str | None) -> str | None:
    """Where a record that does not lie here is to be found.

    Raises `InvalidInput` if that is not said, or is said of a digital one.
    """
    if medium == "digital":
        if location is not None:
            raise InvalidInput("A digital record lies here: leave its location out.", where="location")
        return None
    try:
        place = parse_text(location or "")
    except BadValue as error:
        raise InvalidInput(f"The location {error}.", where="location", code=error.code) from None
    if not place:
        message = "Say where the record is to be found: it cannot be destroyed later if nobody finds it."
        raise InvalidInput(message, where="location", code="no-location")
    return place


def known_there(
    rules: ValueRules, record_class: RecordClass, system: str | None, external_key: str | None
) -> tuple[str | None, str | None]:
    """The system that holds a record too, and what it is known by there. Raises `InvalidInput`."""
    if system is None and external_key is None:
        return None, None
    if system is None or external_key is None:
        raise InvalidInput("Give both the system and the key it knows the record by, or neither.", where="system")
    held_in = record_class.systems or tuple(rules.systems)
    if system not in held_in or system not in rules.systems:
        known = ", ".join(sorted(set(held_in) & rules.systems)) or "none"
        message = f"Records of the class {record_class.id} are in no system {system!r}; there are: {known}."
        raise InvalidInput(message, where="system", code="unknown-system")
    try:
        key = parse_text(external_key, LONGEST_KEY)
    except BadValue as error:
        raise InvalidInput(f"The key {error}.", where="external_key", code=error.code) from None
    if not key:
        raise InvalidInput("The key by which the system knows the record is empty.", where="external_key")
    return system, key


def _checked(
    rules: ValueRules, record_class: RecordClass, values: Mapping[str, NewValue], given_on: date
) -> dict[str, Any]:
    if len(values) > MOST_VALUES:
        raise InvalidInput(f"A record holds at most {MOST_VALUES} values.", where="values", code="too-many")
    given = {
        name: GivenValue(entry.value, entry.source, entry.on or given_on, entry.purposes)
        for name, entry in values.items()
    }
    stored, problems = rules.check(record_class, given)
    refuse(problems)
    return stored
