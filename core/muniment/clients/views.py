"""A client file as pages, programs and commands show it, read whole in one statement."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from muniment.clients.limits import Limits, LimitView
from muniment.database.session import CouncilSession

__all__ = ["EnrolmentView", "FileView", "MilestoneView", "RecordView", "ValueView", "read_view", "without_restricted"]

IN_WHOLE = ("given_names", "family_name", "born_on", "postcode", "address", "email", "phone")
"""What of the stub is withheld where every use is barred: all but its reference and the file's own days."""


class ValueView(msgspec.Struct, frozen=True):
    """One value: the source it came from, the day it was given, the purposes it is held for."""

    value: str | int | bool = msgspec.field(name="v")
    source: str = msgspec.field(name="s")
    on: date
    purposes: tuple[str, ...] = msgspec.field(name="p")


class RecordView(msgspec.Struct, frozen=True, rename=None):
    """One record. `due_on` is the last day it is kept, `state` the state of its clock (both null until clocked);
    `disposal` is `awaiting` when it was emptied here and waits to be destroyed elsewhere. `system` holds it too, and
    knows it by `external_key`."""

    id: UUID
    record_class: str
    medium: str
    recorded_on: date
    location: str | None
    system: str | None
    external_key: str | None
    values: dict[str, ValueView]
    state: str | None
    due_on: date | None
    action: str | None
    disposal: str | None


class MilestoneView(msgspec.Struct, frozen=True):
    """A dated event; `own_act` when the client did it, `whose` event it is."""

    id: UUID
    kind: str
    happened_on: date
    own_act: bool
    source: str
    whose: str


class EnrolmentView(msgspec.Struct, frozen=True):
    """Time in a programme; both days inclusive, `ended_on` null while it lasts."""

    programme: str
    started_on: date
    ended_on: date | None


class FileView(msgspec.Struct, frozen=True):
    """A client file whole, but for records kept out of use. `notice_due_on` is the last day for telling a person who
    was referred (Art 14(3)(a)). `pseudonymous`: it names nobody, and holds what was pseudonymised.

    `limits` are the restrictions and objections that stand on it, in the order in which they were placed; `withheld`
    counts the values that are not shown because of them, and `restricted` is whether every use is barred, so that of
    the person the reference alone is shown.
    """

    id: UUID
    person_id: UUID
    service: str
    source: str
    reference: str | None
    given_names: str | None
    family_name: str | None
    born_on: date | None
    postcode: str | None
    address: str | None
    email: str | None
    phone: str | None
    opened_on: date
    referred_on: date | None
    notice_due_on: date | None
    generated: bool
    pseudonymous: bool
    records: list[RecordView]
    milestones: list[MilestoneView]
    enrolments: list[EnrolmentView]
    limits: tuple[LimitView, ...] = ()
    restricted: bool = False
    withheld: int = 0


_LISTS = FileView.__struct_fields__.index("records")
_COLUMNS = ", ".join(f"f.{name}" for name in FileView.__struct_fields__[:_LISTS])
_LIMIT = ", ".join(f"'{name}', l.{name}" for name in LimitView.__struct_fields__)
_READ = text(
    f"select {_COLUMNS},"  # noqa: S608 - the names of our own columns
    " (select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'record_class', r.record_class, 'medium', r.medium,"
    " 'recorded_on', r.recorded_on, 'location', r.location, 'system', r.system, 'external_key', r.external_key,"
    " 'values', r.values, 'state', r.state, 'due_on', r.due_on,"
    " 'action', r.action, 'disposal', r.disposal) order by r.recorded_on, r.id), '[]')"
    " from record r where r.council_id = f.council_id and r.file_id = f.id"
    " and (r.restricted_on is not null) = :restricted) as records,"
    " (select coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'kind', m.kind, 'happened_on', m.happened_on,"
    " 'own_act', m.own_act, 'source', m.source, 'whose', m.whose) order by m.happened_on, m.id), '[]')"
    " from milestone m where m.council_id = f.council_id and m.file_id = f.id) as milestones,"
    " (select coalesce(jsonb_agg(jsonb_build_object('programme', e.programme, 'started_on', e.started_on,"
    " 'ended_on', e.ended_on) order by e.started_on, e.programme), '[]')"
    " from enrolment e where e.council_id = f.council_id and e.file_id = f.id) as enrolments,"
    f" (select coalesce(jsonb_agg(jsonb_build_object({_LIMIT}) order by l.placed_at, l.id), '[]')"
    " from client_limit l where l.council_id = f.council_id and l.file_id = f.id and l.ended_at is null) as limits"
    " from client_file f where f.council_id = :council_id and f.id = :id"
)


def read_view(session: CouncilSession, file_id: UUID, *, restricted: bool = False) -> FileView | None:
    """The file, or None if this council has none with that key; its records are those in use, or, `restricted`, those
    kept out of use. Withholds nothing (`without_restricted` does), checks no permission and leaves no trace:
    `muniment.clients.files.open_file` does."""
    asked = {"council_id": session.council_id, "id": file_id, "restricted": restricted}
    found = session.ask(_READ, asked)
    return msgspec.convert(found[0]._asdict(), FileView) if found else None


def without_restricted(view: FileView) -> FileView:
    """The file without what may only be stored: all values if every use is barred, else those of which every purpose
    is. Records stay, with their class and their last day, for they are to be kept and looked after."""
    limits = Limits(view.limits)
    records = [_only_usable(record, limits) for record in view.records]
    withheld = sum(len(record.values) for record in view.records) - sum(len(record.values) for record in records)
    shown = msgspec.structs.replace(view, records=records, withheld=withheld)
    if not limits.whole:
        return shown
    nothing: dict[str, Any] = dict.fromkeys(IN_WHOLE)
    return msgspec.structs.replace(shown, **nothing, milestones=[], enrolments=[], restricted=True)


def _only_usable(record: RecordView, limits: Limits) -> RecordView:
    usable = {name: value for name, value in record.values.items() if not limits.bars(value.purposes)}
    return msgspec.structs.replace(record, values=usable)
