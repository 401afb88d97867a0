"""Writing what a chunk comes to, by sets: new files with all that is below them, and changes of known ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.api.clients import Whose
from muniment.clients import facts
from muniment.clients.importing.bulk import insert_many, load
from muniment.clients.importing.layout import Layout, Row
from muniment.clients.importing.merge import Change
from muniment.clients.normalise import name_key, notice_due_on, postcode_key
from muniment.database.ids import new_keys
from muniment.database.session import CouncilSession

__all__ = ["NewFile", "Store"]

_REFRESHED = (
    "given_names", "family_name", "name_key", "born_on", "postcode", "postcode_key", "address", "email", "phone",
    "opened_on",
)  # fmt: skip
_STUB = (
    "id", "person_id", "service", "source", "issuer", "reference", "reference_key", "referred_on", "notice_due_on",
    "generated", *_REFRESHED,
)  # fmt: skip
_RECORD = ("id", "file_id", "recorded_on", "record_class", "medium", "values", "origin", "system", "external_key")
_MILESTONE = ("id", "file_id", "kind", "whose", "happened_on", "own_act", "source", "noted_on")
_ENROLMENT = ("file_id", "programme", "started_on")
_MEMORY = ("service", "issuer", "digest", "file_id", "record_classes", "seen_on")

_CHANGE_STUBS = (
    f"update client_file f set ({', '.join(_REFRESHED)}) = ({', '.join(f'i.{name}' for name in _REFRESHED)})"  # noqa: S608
    " from {} i where f.council_id = :council_id and f.id = i.id"
)
_CHANGE_RECORDS = 'update record r set "values" = i."values" from {} i where r.council_id = :council_id and r.id = i.id'
_CHANGE_KEYS = (
    "update record r set (system, external_key) = (i.system, i.external_key)"
    " from {} i where r.council_id = :council_id and r.id = i.id"
)
_CHANGE_MEMORIES = (
    " on conflict (council_id, service, issuer, digest)"
    " do update set file_id = excluded.file_id, record_classes = excluded.record_classes"
)
_SEEN = text(
    "update import_memory set seen_on = :today where council_id = :council_id and service = :service"
    " and issuer = :issuer and digest = any(:digests) and seen_on < :long_ago"
)
_TAKE_BACK = (
    text("delete from import_memory where council_id = :council_id and file_id = any(:ids)"),
    text("delete from record where council_id = :council_id and file_id = any(:ids)"),
    text(
        "with gone as (delete from client_file where council_id = :council_id and id = any(:ids) returning person_id)"
        " delete from person where council_id = :council_id and id in (select person_id from gone)"
    ),
)
Key = UUID | str
"""A key of a row, or how it is written, which is all that COPY needs."""

SEEN_WITHIN = timedelta(days=28)


class NewFile(msgspec.Struct, frozen=True):
    """A row about somebody who is not known, and the keys it is stored under, as they are written."""

    row: Row
    file_id: str
    person_id: str
    digest: bytes


class Store:
    """Writes for one import format in one transaction."""

    def __init__(self, session: CouncilSession, layout: Layout, *, generated: bool) -> None:
        self._session, self._layout, self._generated = session, layout, generated
        self._service, self._issuer, self._today = layout.rules.service, layout.source.id, layout.rules.today
        self._scope = {"council_id": session.council_id}

    def add(self, files: Sequence[NewFile]) -> None:
        """Store new files: person, stub, records, milestones, enrolments, memory."""
        insert_many(self._session, facts.PERSON, ("id",), ((file.person_id,) for file in files))
        insert_many(self._session, facts.FILE, _STUB, (self._stub(file) for file in files))
        made = [(file, self._classes_of(file.row)) for file in files]
        self._add_records(
            (
                file.file_id,
                class_id,
                self._opened_on(file.row),
                file.row.values.get(class_id, {}),
                file.row.system_keys.get(class_id),
            )
            for file, classes in made
            for class_id in classes
        )
        self._add_events((file.file_id, file.row.events) for file in files)
        self._add_enrolments((file.file_id, file.row.enrolments) for file in files)
        self.remember((file.digest, file.file_id, classes) for file, classes in made)

    def take_back(self, file_ids: Sequence[UUID]) -> None:
        """Remove files that `add` stored in this transaction, with all that is below them."""
        for statement in _TAKE_BACK:
            self._session.execute(statement, {**self._scope, "ids": list(file_ids)})

    def change(self, changes: Sequence[Change], stubs: Mapping[UUID, Mapping[str, Any]]) -> None:
        """Store changes of known files, whose stubs as they are now are in `stubs`."""
        refreshed = [_refreshed(change, stubs[change.file_id]) for change in changes if change.stub]
        if refreshed:
            name = load(self._session, facts.FILE, ("id", *_REFRESHED), refreshed)
            self._session.execute(text(_CHANGE_STUBS.format(name)), self._scope)
        records = [(record_id, _json(values)) for change in changes for record_id, values in change.records]
        if records:
            name = load(self._session, facts.RECORD, ("id", "values"), records)
            self._session.execute(text(_CHANGE_RECORDS.format(name)), self._scope)
        keys = [
            (record_id, self._layout.source.system, key) for change in changes for record_id, key in change.keys.items()
        ]
        if keys:
            name = load(self._session, facts.RECORD, ("id", "system", "external_key"), keys)
            self._session.execute(text(_CHANGE_KEYS.format(name)), self._scope)
        self._add_records(
            (change.file_id, class_id, self._today, values, change.new_keys.get(class_id))
            for change in changes
            for class_id, values in change.new_records.items()
        )
        self._add_events((change.file_id, change.events) for change in changes)
        self._add_enrolments((change.file_id, change.enrolments) for change in changes)

    def remember(self, memories: Iterable[tuple[bytes, Key, Sequence[str]]]) -> None:
        """Note which file a reference belongs to, and which classes have been imported under it."""
        rows = (
            (self._service, self._issuer, digest, file_id, f"{{{','.join(classes)}}}", self._today)
            for digest, file_id, classes in memories
        )
        insert_many(self._session, facts.IMPORT_MEMORY, _MEMORY, rows, on_conflict=_CHANGE_MEMORIES)

    def see(self, digests: Sequence[bytes]) -> None:
        """Note that a file named these references; exact within four weeks, so that importing daily writes nothing."""
        scope = {**self._scope, "service": self._service, "issuer": self._issuer}
        days = {"today": self._today, "long_ago": self._today - SEEN_WITHIN}
        self._session.execute(_SEEN, {**scope, **days, "digests": list(digests)})

    def _classes_of(self, row: Row) -> list[str]:
        first = self._layout.classes[0].id
        return [entry.id for entry in self._layout.classes if entry.id == first or entry.id in row.values]

    def _opened_on(self, row: Row) -> date:
        opened_on: date = row.stub.get("opened_on", self._today)
        return opened_on

    def _stub(self, file: NewFile) -> tuple[object, ...]:
        opened_on = self._opened_on(file.row)
        referred_on = opened_on if self._layout.source.referral else None
        due_on = None if referred_on is None else notice_due_on(referred_on)
        stub = {**dict.fromkeys(_REFRESHED), **file.row.stub, "opened_on": opened_on}
        return (
            file.file_id, file.person_id, self._service, self._layout.source.source, self._issuer,
            stub["reference"], file.row.key, referred_on, due_on, self._generated, *_with_keys(stub),
        )  # fmt: skip

    def _add_records(self, records: Iterable[tuple[Key, str, date, dict[str, Any], str | None]]) -> None:
        records = list(records)
        ids = new_keys(len(records)).hex
        system = self._layout.source.system
        rows = [
            (
                record_id,
                file_id,
                recorded_on,
                f"{self._service}/{class_id}",
                "digital",
                _json(values),
                self._issuer,
                None if key is None else system,
                key,
            )
            for record_id, (file_id, class_id, recorded_on, values, key) in zip(ids, records, strict=True)
        ]
        if rows:
            insert_many(self._session, facts.RECORD, _RECORD, rows)

    def _add_events(self, of_files: Iterable[tuple[Key, dict[tuple[str, Whose], tuple[date, bool]]]]) -> None:
        source = self._layout.source.source
        noted = [(file_id, *which, *event) for file_id, events in of_files for which, event in events.items()]
        ids = new_keys(len(noted)).hex
        rows = [(milestone_id, *event, source, self._today) for milestone_id, event in zip(ids, noted, strict=True)]
        if rows:
            insert_many(self._session, facts.MILESTONE, _MILESTONE, rows)

    def _add_enrolments(self, of_files: Iterable[tuple[Key, dict[str, date]]]) -> None:
        rows = [(file_id, *entry) for file_id, enrolments in of_files for entry in enrolments.items()]
        if rows:
            insert_many(self._session, facts.ENROLMENT, _ENROLMENT, rows)


def _refreshed(change: Change, before: Mapping[str, Any]) -> tuple[object, ...]:
    return (change.file_id, *_with_keys({**before, **change.stub}))


def _with_keys(stub: dict[str, Any]) -> tuple[object, ...]:
    """The columns of `_REFRESHED` with those that lookups compare."""
    stub["name_key"] = name_key(stub["family_name"], stub["given_names"])
    stub["postcode_key"] = None if stub["postcode"] is None else postcode_key(stub["postcode"])
    return tuple(stub[name] for name in _REFRESHED)


def _json(values: Mapping[str, Any]) -> str:
    return msgspec.json.encode(values).decode()
