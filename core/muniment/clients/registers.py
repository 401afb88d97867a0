"""Registers: records about several people at once, such as who attended a course. A register goes as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.clients import Medium
from muniment.api.errors import InvalidInput, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.context import Context, value_rules
from muniment.clients.limits import limits_on, refuse_limited
from muniment.clients.locks import NO_FILE, lock_files
from muniment.clients.parsing import BadValue, check_day, parse_text
from muniment.clients.pretending import refuse_unmarked
from muniment.clients.records import place_of
from muniment.clients.tables import Register, RegisterEntry
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession
from muniment.database.signals import RegistersChanged, registers_changed

__all__ = ["NewEntry", "NewRegister", "RegisterView", "add_register", "change_entries", "open_register"]

NO_REGISTER = "There is no such register."
MOST_ENTRIES = 2_000

_LOCK = text(
    "select service from register where council_id = :council_id and id = :id and disposal is null for no key update"
)

_NAMED = text(
    "select distinct file_id from register_entry"
    " where council_id = :council_id and register_id = :id and file_id is not null"
)


class NewEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: a client file of the register's service, or a name where there is none."""

    attended: bool
    file_id: UUID | None = None
    name: str | None = None


class NewRegister(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A register of a declared class with the shape `register`; `held_on` is the day of what it records."""

    service: str
    record_class: str
    title: str
    held_on: date
    medium: Medium = "digital"
    location: str | None = None
    entries: tuple[NewEntry, ...] = ()


class RegisterView(msgspec.Struct, frozen=True):
    """A register whole; `due_on` is the last day it is kept, null unless dated. `withheld` counts the entries that are
    not shown because the client's file is restricted."""

    id: UUID
    service: str
    record_class: str
    title: str
    held_on: date
    medium: str
    location: str | None
    state: str | None
    due_on: date | None
    disposal: str | None
    entries: list[NewEntry]
    withheld: int = 0


def add_register(session: CouncilSession, caller: Caller, context: Context, new: NewRegister) -> UUID:
    """Store a register with its entries. Raises `Forbidden`, `InvalidInput`, `NotFound` for a file it may not name,
    `Conflict` for one that is restricted."""
    rules = value_rules(session, context.policy, new.service)
    caller.require(Permission.WRITE_CLIENTS, new.service)
    record_class = rules.record_class(new.record_class, new.medium)
    if record_class.shape != "register":
        message = f"Records of the class {record_class.id} are about one client: add them to a client file."
        raise InvalidInput(message, where="record_class", code="not-a-register")
    check_day(new.held_on, "held_on", rules.today)
    row = Register(
        id=new_id(),
        council_id=session.council_id,
        service=new.service,
        title=_line(new.title, "title"),
        held_on=new.held_on,
        location=place_of(new.medium, new.location),
        record_class=f"{new.service}/{record_class.id}",
        medium=new.medium,
    )
    session.add(row)
    session.flush()
    _store(session, row.id, new.service, new.entries)
    record(session, AuditEvent.REGISTER_ADDED, row.id, record_class=row.record_class, entries=len(new.entries))
    registers_changed.send(session, RegistersChanged([row.id]))
    return row.id


def change_entries(session: CouncilSession, caller: Caller, register_id: UUID, entries: Sequence[NewEntry]) -> None:
    """Replace the entries of a register. Raises `NotFound` (also when it awaits destruction), `Forbidden`, and
    `Conflict` if it names, or is to name, a client whose file is restricted."""
    caller.require_somewhere(Permission.WRITE_CLIENTS)
    service = session.scalar(_LOCK, {"council_id": session.council_id, "id": register_id})
    if service is None or not caller.allows(Permission.WRITE_CLIENTS, service):
        raise NotFound(NO_REGISTER)
    _store(session, register_id, service, entries)
    record(session, AuditEvent.REGISTER_CHANGED, register_id, entries=len(entries))
    registers_changed.send(session, RegistersChanged([register_id]))


def open_register(session: CouncilSession, caller: Caller, register_id: UUID) -> RegisterView:
    """The whole register, for a caller who may read clients of its service; the reading is an audit event.

    Raises `NotFound`, `Forbidden`.
    """
    caller.require_somewhere(Permission.READ_CLIENTS)
    row = session.get(Register, (session.council_id, register_id))
    if row is None or not caller.allows(Permission.READ_CLIENTS, row.service):
        raise NotFound(NO_REGISTER)
    entries = session.scalars(
        select(RegisterEntry)
        .where(RegisterEntry.council_id == session.council_id, RegisterEntry.register_id == register_id)
        .order_by(RegisterEntry.position)
    ).all()
    limits = limits_on(session, [entry.file_id for entry in entries if entry.file_id is not None])
    shown = [entry for entry in entries if entry.file_id not in limits or not limits[entry.file_id].whole]
    record(session, AuditEvent.FILE_READ, register_id)
    return RegisterView(
        id=row.id,
        service=row.service,
        record_class=row.record_class,
        title=row.title,
        held_on=row.held_on,
        medium=row.medium,
        location=row.location,
        state=row.state,
        due_on=row.due_on,
        disposal=row.disposal,
        entries=[NewEntry(entry.attended, entry.file_id, entry.name) for entry in shown],
        withheld=len(entries) - len(shown),
    )


def _store(session: CouncilSession, register_id: UUID, service: str, entries: Sequence[NewEntry]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise InvalidInput(f"A register has at most {MOST_ENTRIES} entries.", where="entries", code="too-many")
    named = {entry.file_id for entry in entries if entry.file_id is not None}
    before = set(session.scalars(_NAMED, {"council_id": session.council_id, "id": register_id}))
    found = lock_files(session, named | before)
    if any(file_id not in found or found[file_id].service != service for file_id in named):
        raise NotFound(NO_FILE)
    refuse_limited(session, list(named | before))
    session.execute(
        text("delete from register_entry where council_id = :council_id and register_id = :id"),
        {"council_id": session.council_id, "id": register_id},
    )
    for position, entry in enumerate(entries, start=1):
        if (entry.file_id is None) == (entry.name is None):
            message = "An entry names a client file or a person without one, not both."
            raise InvalidInput(message, where=f"entries[{position - 1}]", code="entry")
        refuse_unmarked(session.clock, generated=entry.name is None)
        session.add(
            RegisterEntry(
                council_id=session.council_id,
                register_id=register_id,
                position=position,
                file_id=entry.file_id,
                name=None if entry.name is None else _line(entry.name, f"entries[{position - 1}].name"),
                attended=entry.attended,
            )
        )
    session.flush()


def _line(given: str, where: str) -> str:
    try:
        line = parse_text(given, 200)
    except BadValue as error:
        raise InvalidInput(f"{where} {error}.", where=where, code=error.code) from None
    if not line:
        raise InvalidInput(f"{where} is empty.", where=where, code="empty")
    return line
