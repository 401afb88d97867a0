"""People: opaque keys without attributes. Joining two is an officer's act, can be undone, and is audited.

A joined person keeps its key and its files and says whom it is the same as; whoever asks for everything about a person
asks `everybody` first. So parting two again restores exactly what was.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text

from muniment.accounts.permissions import Caller, Permission
from muniment.api.errors import Conflict, NotFound
from muniment.audit.events import AuditEvent
from muniment.audit.log import record
from muniment.clients.limits import refuse_limited
from muniment.clients.tables import Person
from muniment.database.exchange import Asked
from muniment.database.ids import new_id
from muniment.database.session import CouncilSession

__all__ = ["everybody", "join_persons", "new_person", "part_person", "person_exists"]

NO_PERSON = "There is no such person."

_ADD = text("insert into person (council_id, id) values (:council_id, :id)")
_EVERYBODY = text(
    "with recursive root as ("
    " select id, same_as from person where council_id = :council_id and id = :id"
    " union select p.id, p.same_as from person p join root r on p.id = r.same_as where p.council_id = :council_id),"
    " everybody as ("
    " select id from root"
    " union select p.id from person p join everybody e on p.same_as = e.id where p.council_id = :council_id)"
    " select id from everybody order by id"
)
_LOCK = text(
    "select id, same_as from person where council_id = :council_id and id = any(:ids) order by id for no key update"
)
_SERVICES = text("select distinct service from client_file where council_id = :council_id and person_id = any(:ids)")
_FILES = text("select id from client_file where council_id = :council_id and person_id = any(:ids)")
_JOIN_LOCK = text("select pg_advisory_xact_lock(hashtextextended('person:' || cast(:council_id as text), 0))")


def new_person(session: CouncilSession) -> tuple[UUID, Asked]:
    """A key for somebody the council has held nothing about so far, and what writes it."""
    person_id = new_id()
    record(session, AuditEvent.PERSON_MADE, person_id)
    return person_id, (_ADD, {"council_id": session.council_id, "id": person_id})


def person_exists(session: CouncilSession, person_id: UUID) -> bool:
    """Whether this council has a person with that key."""
    found = select(Person.id).where(Person.council_id == session.council_id, Person.id == person_id)
    return session.scalar(found) is not None


def everybody(session: CouncilSession, person_id: UUID) -> list[UUID]:
    """All keys that are joined with this one, itself included, in order; empty if there is no such person."""
    return [row.id for row in session.ask(_EVERYBODY, {"council_id": session.council_id, "id": person_id})]


def join_persons(session: CouncilSession, caller: Caller, kept: UUID, other: UUID) -> None:
    """Say that `other` is the same person as `kept`. The files stay where they are.

    Raises `NotFound`, `Forbidden` unless the caller may change every file of both, and `Conflict` if they are joined
    already, `other` is joined to somebody else, or a file of theirs is restricted: telling that two are one is use.
    """
    found = _locked(session, [kept, other])
    both = [*everybody(session, kept), *everybody(session, other)]
    _require(session, caller, both)
    refuse_limited(session, list(session.scalars(_FILES, {"council_id": session.council_id, "ids": both})))
    if found[other] is not None:
        raise Conflict("That person is joined to another one: part them first.", code="joined")
    if other in everybody(session, kept):
        raise Conflict("These two are joined already.", code="joined")
    _set(session, other, kept)
    record(session, AuditEvent.PERSONS_JOINED, kept, other=other)


def part_person(session: CouncilSession, caller: Caller, person_id: UUID) -> None:
    """Take back that this person is the same as another. Raises `NotFound`, `Forbidden`, `Conflict` if it is not."""
    kept = _locked(session, [person_id])[person_id]
    _require(session, caller, everybody(session, person_id))
    if kept is None:
        raise Conflict("This person is not joined to another one.", code="not-joined")
    _set(session, person_id, None)
    record(session, AuditEvent.PERSONS_PARTED, kept, other=person_id)


def _locked(session: CouncilSession, ids: list[UUID]) -> dict[UUID, UUID | None]:
    """Joining is rare: one at a time in a council, so that two acts cannot close a circle between them."""
    session.execute(_JOIN_LOCK, {"council_id": session.council_id})
    rows = session.execute(_LOCK, {"council_id": session.council_id, "ids": ids})
    found: dict[UUID, UUID | None] = {row.id: row.same_as for row in rows}
    if len(found) < len(set(ids)):
        raise NotFound(NO_PERSON)
    return found


def _require(session: CouncilSession, caller: Caller, ids: list[UUID]) -> None:
    for service in session.scalars(_SERVICES, {"council_id": session.council_id, "ids": ids}):
        caller.require(Permission.WRITE_CLIENTS, service)


def _set(session: CouncilSession, person_id: UUID, same_as: UUID | None) -> None:
    person = session.get_one(Person, (session.council_id, person_id), populate_existing=True)
    person.same_as = same_as
    session.flush()
