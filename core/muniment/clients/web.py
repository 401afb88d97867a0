"""What programs ask about clients: registering, reading, finding and recording. Translate and leave.

Imports stand in `muniment.clients.uploads`, the staff's pages in `muniment.clients.pages`.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from muniment.accounts.idempotency import Once
from muniment.accounts.permissions import Caller, Permission
from muniment.clients.apart import apart_routes
from muniment.clients.attaching import attachment_routes
from muniment.clients.context import Context
from muniment.clients.events import NewEnrolment, NewMilestone, add_milestone, end_programme, enrol, remove_milestone
from muniment.clients.files import NewClient, change_stub, open_file, register_client
from muniment.clients.limits import Exception18
from muniment.clients.people import join_persons, part_person
from muniment.clients.records import NewRecord, NewValue, add_record, change_values
from muniment.clients.registers import (
    NewEntry,
    NewRegister,
    RegisterView,
    add_register,
    change_entries,
    open_register,
)
from muniment.clients.search import FoundPage, Search, search
from muniment.clients.stub import Stub
from muniment.clients.uploads import upload_routes
from muniment.clients.views import FileView
from muniment.clients.web_limits import limit_routes
from muniment.database.session import CouncilSession
from muniment.keys import KeyRing
from muniment.plugins.manager import Plugins
from muniment.web.council import CouncilRef
from muniment.web.unit_of_work import needs

__all__ = ["api_routes"]

TAGS = ["clients"]

Council = NamedDependency[CouncilRef]
Session = NamedDependency[CouncilSession]
Asks = NamedDependency[Caller]
Keys = NamedDependency[KeyRing]
Installed = NamedDependency[SkipValidation[Plugins]]
OnceOnly = NamedDependency[Once]
WRITES = needs(Permission.WRITE_CLIENTS)


class ValueChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values by `category.field`; null takes one away."""

    values: dict[str, NewValue | None]


class Joined(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The other person, who is the same."""

    other: UUID


class Entries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The entries of a register, in order."""

    entries: tuple[NewEntry, ...]


class ProgrammeEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day a programme ends; it may lie ahead."""

    happened_on: date


@post("/clients", sync_to_thread=True, status_code=201, tags=TAGS, opt=WRITES)
def register(
    data: JSONBody[NewClient], session: Session, caller: Asks, council: Council, keys: Keys, plugins: Installed,
    once: OnceOnly,
) -> Response[Any]:  # fmt: skip
    """Register somebody in a service, with the first record about them."""
    return once.making(
        lambda: register_client(session, caller, Context.of(session, plugins, keys), data),
        lambda key: _client(council, key),
    )


@get("/clients/{file_id:uuid}", sync_to_thread=True, tags=TAGS)
def read(
    file_id: FromPath[UUID], session: Session, caller: Asks, exception: FromQuery[Exception18 | None] = None
) -> FileView:
    """A client file whole. Reading it is an audit event.

    What is restricted is withheld unless `exception` names which of UK GDPR Art 18(2) you rely on, which is recorded.
    """
    return open_file(session, caller, file_id, exception)


@put("/clients/{file_id:uuid}/stub", sync_to_thread=True, status_code=204, tags=TAGS, opt=WRITES)
def replace_stub(file_id: FromPath[UUID], data: JSONBody[Stub], session: Session, caller: Asks) -> None:
    """Replace names and contacts; the reference stays."""
    change_stub(session, caller, file_id, data)


@post("/clients/search", sync_to_thread=True, status_code=200, tags=TAGS, opt=needs(Permission.READ_CLIENTS))
def find(data: JSONBody[Search], session: Session, caller: Asks) -> FoundPage:
    """Find client files by reference, name, date of birth or postcode."""
    return search(session, caller, data)


@post("/clients/{file_id:uuid}/records", sync_to_thread=True, status_code=201, tags=TAGS, opt=WRITES)
def record(
    file_id: FromPath[UUID], data: JSONBody[NewRecord], session: Session, caller: Asks, council: Council, keys: Keys,
    plugins: Installed, once: OnceOnly,
) -> Response[Any]:  # fmt: skip
    """Store a record in a file."""
    return once.making(
        lambda: add_record(session, caller, Context.of(session, plugins, keys), file_id, data),
        lambda _: _client(council, file_id),
    )


@patch(
    "/clients/{file_id:uuid}/records/{record_id:uuid}/values",
    sync_to_thread=True,
    status_code=204,
    tags=TAGS,
    opt=WRITES,
)
def change(
    file_id: FromPath[UUID], record_id: FromPath[UUID], data: JSONBody[ValueChanges], session: Session, caller: Asks,
    keys: Keys, plugins: Installed,
) -> None:  # fmt: skip
    """Set or take away values of a record: all of them or none."""
    change_values(session, caller, Context.of(session, plugins, keys), file_id, record_id, data.values)


@post("/clients/{file_id:uuid}/milestones", sync_to_thread=True, status_code=201, tags=TAGS, opt=WRITES)
def note_milestone(
    file_id: FromPath[UUID], data: JSONBody[NewMilestone], session: Session, caller: Asks, council: Council, keys: Keys,
    plugins: Installed, once: OnceOnly,
) -> Response[Any]:  # fmt: skip
    """Note a dated event that retention may count from."""
    return once.making(
        lambda: add_milestone(session, caller, Context.of(session, plugins, keys), file_id, data),
        lambda _: _client(council, file_id),
    )


@delete("/clients/{file_id:uuid}/milestones/{milestone_id:uuid}", sync_to_thread=True, status_code=204, tags=TAGS)
def unset_milestone(file_id: FromPath[UUID], milestone_id: FromPath[UUID], session: Session, caller: Asks) -> None:
    """Take back an event that was noted by mistake."""
    remove_milestone(session, caller, file_id, milestone_id)


@put("/clients/{file_id:uuid}/enrolments", sync_to_thread=True, status_code=204, tags=TAGS, opt=WRITES)
def note_enrolment(file_id: FromPath[UUID], data: JSONBody[NewEnrolment], session: Session, caller: Asks) -> None:
    """Note that a client joined a programme, or until when."""
    enrol(session, caller, file_id, data)


@put("/programmes/{programme:str}/end", sync_to_thread=True, status_code=204, tags=TAGS, opt=WRITES)
def state_programme_end(programme: FromPath[str], data: JSONBody[ProgrammeEnd], session: Session, caller: Asks) -> None:
    """State the day a programme ends, once for everybody who was in it."""
    end_programme(session, caller, programme, data.happened_on)


@post("/registers", sync_to_thread=True, status_code=201, tags=TAGS, opt=WRITES)
def new_register(
    data: JSONBody[NewRegister], session: Session, caller: Asks, council: Council, keys: Keys, plugins: Installed,
    once: OnceOnly,
) -> Response[Any]:  # fmt: skip
    """Store a register about several people."""
    return once.making(
        lambda: add_register(session, caller, Context.of(session, plugins, keys), data),
        lambda key: f"{_api(council)}/registers/{key}",
    )


@get("/registers/{register_id:uuid}", sync_to_thread=True, tags=TAGS)
def read_register(register_id: FromPath[UUID], session: Session, caller: Asks) -> RegisterView:
    """A register with its entries. Reading it is an audit event."""
    return open_register(session, caller, register_id)


@put("/registers/{register_id:uuid}/entries", sync_to_thread=True, status_code=204, tags=TAGS, opt=WRITES)
def replace_entries(register_id: FromPath[UUID], data: JSONBody[Entries], session: Session, caller: Asks) -> None:
    """Replace the entries of a register."""
    change_entries(session, caller, register_id, data.entries)


@post("/persons/{person_id:uuid}/join", sync_to_thread=True, status_code=204, tags=TAGS, opt=WRITES)
def join(person_id: FromPath[UUID], data: JSONBody[Joined], session: Session, caller: Asks) -> None:
    """Say that another person is the same as this one. It can be undone."""
    join_persons(session, caller, person_id, data.other)


@post("/persons/{person_id:uuid}/part", sync_to_thread=True, status_code=204, tags=TAGS)
def part(person_id: FromPath[UUID], session: Session, caller: Asks) -> None:
    """Take back that this person is the same as another."""
    part_person(session, caller, person_id)


def _api(council: CouncilRef) -> str:
    return f"/api/v1/councils/{council.slug}"


def _client(council: CouncilRef, file_id: UUID) -> str:
    return f"{_api(council)}/clients/{file_id}"


api_routes = [
    register, read, replace_stub, find, record, change, note_milestone, unset_milestone, note_enrolment,
    state_programme_end, new_register, read_register, replace_entries, join, part, *upload_routes,
    *attachment_routes, *apart_routes, *limit_routes,
]  # fmt: skip
